// weft rpc-server: what answers agents on the broker, and tells them what has changed, in processes of its own and without an API.
import { systemClock } from '../adapters/clock/system-clock.ts';
import { Failure } from '../cli/verb.ts';
import type { ServiceOptions } from '../cli/verbs/service-option.ts';
import type { LogLevel } from '../contracts/log.ts';
import type { ServerConfig } from '../server/context.ts';
import { readServerOptions } from './config/server-options.ts';
import { rpcCounts } from './service/counts.ts';
import { startGroup } from './service/group.ts';
import { openProcessLog } from './service/process-log.ts';
import { reloading } from './service/reload.ts';
import { openStateFolder } from './state/folder.ts';
import { takeLock } from './state/lock.ts';
import { untilStopped } from './stop.ts';
import { tellServiceManager } from './supervise/service-manager.ts';
import { inUsersWords, inWords } from './words.ts';

export async function rpcServer(options: ServiceOptions, out: (line: string) => void): Promise<number> {
  const progress = (line: string): void => out(`weft: ${line}`);
  const read = () => readServerOptions(options.configSources, options);
  const settings = inWords(read);
  const config = { ...settings.config, database: { ...settings.config.database, upgrade: options.upgradesDatabase } };
  if (config.messaging.transportUrl === '')
    throw new Failure('whom is it to answer? It serves agents on the broker, and the files name no transport_url');
  const folder = inWords(() => openStateFolder(settings.process.statePath ?? options.defaultStateDir, false));
  using _lock = inWords(() => takeLock(folder.lock, 'an RPC server', new Date(systemClock.now())));
  const levelOf = ({ service }: ServerConfig): LogLevel => (options.debug || service.debug ? 'debug' : 'info');
  const { log, setLevel, reopen } = inWords(() =>
    openProcessLog({ folder: folder.logs, name: 'server', level: levelOf(config), config: config.log }),
  );
  let reload: (() => void) | undefined;
  let isAsked = false;
  using stopper = untilStopped(() => {
    isAsked = true;
    reload?.();
  });
  progress(`state in ${folder.path}`);
  for (const warning of settings.warnings) log.warning(`configuration: ${warning}`);
  for (const note of settings.notes) log.info(`configuration: ${note}`);
  const counts = rpcCounts(config);
  const changeable = { logLevel: levelOf(config) };
  const starting = startGroup({ folder, at: undefined, counts, config, changeable, keystone: undefined, log, prepare: async () => {} });
  const group = await Promise.race([starting, stopper.stopped.then(() => undefined)]).catch((error: unknown) => {
    log.error('cannot start', { error });
    throw inUsersWords(error);
  });
  // What hangs at its start ends with the process, and its workers with that.
  if (!group) process.exit((await stopper.stopped).status);
  await using _group = group;
  reload = reloading({ config: settings.config, weft: group, log, read: () => read().config, levelOf, setLevel, reopen });
  if (isAsked) reload();
  out(`ready: agents are served on the broker by ${counts.rpc + counts.reports} workers`);
  const trouble = await tellServiceManager('READY=1');
  if (trouble !== undefined) progress(trouble);
  const { why, status } = await stopper.stopped;
  void tellServiceManager('STOPPING=1');
  progress(`stopping: ${why}`);
  return status;
}
