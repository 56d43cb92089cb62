// The log of one process of a server: a file of its own in the state directory, with a level that may change.
import { openLogFile } from '../../adapters/log/rotating-file.ts';
import { textLog } from '../../adapters/log/text-log.ts';
import type { Log, LogLevel } from '../../contracts/log.ts';

export interface ProcessLog {
  readonly log: Log;
  setLevel(level: LogLevel): void;
}

/** What is thrown where nobody catches it is written down, and ends the process. */
export function openProcessLog(options: { readonly folder: string; readonly name: string; readonly level: LogLevel }): ProcessLog {
  let { level } = options;
  const log = textLog({ sink: openLogFile(options.folder, options.name), level: () => level, name: options.name });
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
  };
}
