// The log of one process of a server: a file of its own in the state directory in Weft's form, or where the options of oslo.log have it, in
// that one's form; then all processes write to one file.
import { join, resolve } from 'node:path';
import { LogFile } from '../../adapters/log/log-file.ts';
import { jsonLine, osloLine } from '../../adapters/log/oslo-format.ts';
import { openLogFile } from '../../adapters/log/rotating-file.ts';
import { type LineSink, textLog } from '../../adapters/log/text-log.ts';
import type { Log, LogLevel } from '../../contracts/log.ts';
import type { LogConfig } from '../../server/context.ts';

export interface ProcessLog {
  readonly log: Log;
  setLevel(level: LogLevel): void;
  /** The file may have been moved away. */
  reopen(): void;
}

export interface ProcessLogOptions {
  /** Of the state directory. */
  readonly folder: string;
  readonly name: string;
  readonly level: LogLevel;
  readonly config: LogConfig;
}

/** Where oslo.log would write; undefined: nowhere. */
function fileOf({ file, dir }: LogConfig): string | undefined {
  if (file === '') return dir === '' ? undefined : join(dir, 'neutron-server.log');
  return resolve(dir, file);
}

/** What is thrown where nobody catches it is written down, and ends the process. */
export function openProcessLog(options: ProcessLogOptions): ProcessLog {
  const { config, folder, name } = options;
  let { level } = options;
  const path = fileOf(config);
  const file = path === undefined ? undefined : new LogFile(path);
  const sinks: LineSink[] = [...(file ? [file] : []), ...(config.stderr ? [process.stderr] : [])];
  const isOwn = sinks.length === 0 && !config.json;
  const format = config.json ? jsonLine : osloLine;
  if (sinks.length === 0) sinks.push(openLogFile(folder, name));
  const sink: LineSink = { write: line => sinks.forEach(each => void each.write(line)) };
  const log = textLog({ sink, level: () => level, name, ...(isOwn ? {} : { format }) });
  process.on('uncaughtException', error => {
    log.error('crashed', { error });
    process.stderr.write(`weft: crashed: ${error.stack ?? error.message}\n`);
    process.exit(1);
  });
  return {
    log,
    setLevel: next => {
      if (next !== level) log.warning(`the log level is ${next}`);
      level = next;
    },
    reopen: () => {
      try {
        file?.reopen();
      } catch (error) {
        log.error('the log file cannot be opened anew, and the old one goes on', { error });
      }
    },
  };
}
