// What SIGHUP does: the files are read again, and what may change while a server runs is changed in all of its processes.
import { isDeepStrictEqual } from 'node:util';
import type { Log, LogLevel } from '../../contracts/log.ts';
import type { ServerConfig } from '../../server/context.ts';
import type { ApiServer } from '../server.ts';

export interface ReloadOptions {
  /** As the files said it when the server began to start: by now they may say something else, or nothing that can be used. */
  readonly config: ServerConfig;
  readonly weft: Pick<ApiServer, 'reload'>;
  readonly log: Log;
  /** The configuration as the files say it now; throws with what is wrong. */
  readonly read: () => ServerConfig;
  readonly levelOf: (config: ServerConfig) => LogLevel;
  readonly setLevel: (level: LogLevel) => void;
  readonly reopen: () => void;
}

/** One after another. */
export function reloading(options: ReloadOptions): () => void {
  let known = options.config;
  let running = Promise.resolve();
  const once = async (): Promise<void> => {
    const { log, weft, levelOf, setLevel, read } = options;
    const wrong: string[] = [];
    options.reopen();
    try {
      const config = read();
      for (const name of unchangeable(known, config)) log.warning(`configuration: ${name} has changed, and takes a restart to have effect`);
      known = config;
    } catch (error) {
      wrong.push(`configuration: ${error instanceof Error ? error.message : String(error)}`);
      log.error(`the options stay as they were, since the files are wrong: ${wrong.join()}`);
    }
    const logLevel = levelOf(known);
    setLevel(logLevel);
    wrong.push(...(await weft.reload({ logLevel })));
    if (wrong.length === 0) log.info('the configuration was read again');
    else log.error('the configuration was read again, and not all of it can be used', { wrong });
  };
  return () => {
    running = running.then(once).catch((error: unknown) => options.log.error('the configuration could not be read again', { error }));
  };
}

/** Parts of the configuration, as they are called here. */
function unchangeable(before: ServerConfig, after: ServerConfig): string[] {
  const lasting = ({ service: { debug: _, ...service }, ...config }: ServerConfig): Record<string, unknown> => ({ ...config, service });
  const [a, b] = [lasting(before), lasting(after)];
  return Object.keys({ ...a, ...b }).filter(key => !isDeepStrictEqual(a[key], b[key]));
}
