// weft up: takes the state directory, opens everything, says when it is ready, and stays until something stops it.
import { systemClock } from '../adapters/clock/system-clock.ts';
import type { StatusView } from '../cli/control.ts';
import { Failure } from '../cli/verb.ts';
import type { UpOptions } from '../cli/verbs/up.ts';
import type { LogLevel } from '../contracts/log.ts';
import type { ServerConfig } from '../server/context.ts';
import { AllInOne } from './all-in-one.ts';
import { readServerOptions } from './config/server-options.ts';
import { controlRoutes } from './control-routes.ts';
import { openControl } from './control-server.ts';
import { keystoneAccount, keystoneOf } from './keystone.ts';
import { parsePublication } from './sandbox/publish.ts';
import { openProcessLog } from './service/process-log.ts';
import { reloading } from './service/reload.ts';
import { openStateFolder } from './state/folder.ts';
import { takeLock } from './state/lock.ts';
import { chooseSwitch } from './state/switch.ts';
import { type Stopper, untilStopped } from './stop.ts';
import { tellServiceManager } from './supervise/service-manager.ts';
import { enterUserNamespace, inUserNamespace } from './user-namespace.ts';
import { inUsersWords, inWords, messageOf } from './words.ts';

/** What is asked to end while it starts may get so far as to be closed in order. */
const openingMs = 5000;
/** Closing takes a fraction of this, when there are no requests to wait for; whatever still hangs then ends with the process. */
const closingMs = 2500;

type Out = (line: string) => void;

export async function up(options: UpOptions, out: Out): Promise<number> {
  const { mode } = options;
  const refused = mode === 'on-host' ? onlyRoot(options) : mode === 'contained' ? enterUserNamespace() : undefined;
  if (refused) throw new Failure(refused);
  const publish = inWords(() => options.publish.map(parsePublication));
  const said = options.keystone && keystoneAccount(options.keystone);
  const settings = inWords(() => readServerOptions(options.configSources, options));
  const keystone = keystoneOf(said, settings.keystone);
  if (settings.config.tls.enabled && mode !== 'server')
    throw new Failure('use_ssl is for "weft server": the parts of "weft up" are on one machine');
  const { statePath, bindHost: address, bindPort: port } = settings.process;
  const folder = inWords(() => openStateFolder(statePath ?? options.defaultStateDir, mode === 'contained'));
  using _lock = inWords(() => takeLock(folder.lock, `${address}:${port}`, new Date(systemClock.now())));
  const rootless = inUserNamespace();
  const levelOf = ({ service }: ServerConfig): LogLevel => (options.debug || service.debug ? 'debug' : 'info');
  const { log: logConfig } = settings.config;
  const { log, setLevel, reopen } = inWords(() =>
    openProcessLog({ folder: folder.logs, name: 'server', level: levelOf(settings.config), config: logConfig }),
  );
  let isAsked = false;
  let reload = (): void => {
    isAsked = true;
  };
  using stopper = untilStopped(mode === 'server' ? () => reload() : undefined);
  const progress: Out = line => out(`weft: ${line}`);
  progress(`state in ${folder.path}${rootless ? ', without root' : ''}`);
  for (const warning of settings.warnings) log.warning(`configuration: ${warning}`);
  for (const note of settings.notes) log.info(`configuration: ${note}`);
  const config = { ...settings.config, database: { ...settings.config.database, upgrade: options.upgradesDatabase } };
  const { hosts, localIp } = options;
  const switchKind = mode === 'server' ? 'linuxbridge' : inWords(() => chooseSwitch(folder.path, options.switchKind));
  const debug = levelOf(config) === 'debug';
  const opening = AllInOne.open({
    folder,
    address,
    port,
    mode,
    hosts,
    localIp,
    switchKind,
    config,
    keystone,
    publish,
    rootless,
    debug,
    log,
    progress,
  });
  const told = stopper.stopped.then(() => undefined);
  const weft = await Promise.race([opening, told]).catch((error: unknown) => {
    log.error('cannot start', { error });
    throw inUsersWords(error);
  });
  if (!weft) return giveUp(opening, stopper, progress);
  const read = (): ServerConfig => readServerOptions(options.configSources, options).config;
  reload = reloading({ config: settings.config, weft, log, read, levelOf, setLevel, reopen });
  if (isAsked) reload();
  let status = 1;
  try {
    const onError = (error: unknown): void => log.error('control request failed', { error });
    await using _control = await openControl(folder.controlSocket, controlRoutes(weft, stopper.stop), onError);
    status = await serve(weft, stopper, { out, progress });
    return status;
  } finally {
    // A part that hangs while it closes ends with the process, and its sandboxes with it.
    const { gracefulShutdownTimeout } = config.service;
    const patience = mode === 'server' ? gracefulShutdownTimeout * 1000 : 0;
    if (mode !== 'server' || patience > 0) setTimeout(() => process.exit(status), patience * 3 + closingMs).unref();
    await weft[Symbol.asyncDispose]();
    log.info('stopped');
  }
}

/** What hangs at its start ends with the process. */
async function giveUp(opening: Promise<AllInOne>, { stopped }: Stopper, progress: Out): Promise<number> {
  const { why, status } = await stopped;
  progress(`stopping: ${why}`);
  const late = setTimeout(() => process.exit(status), openingMs);
  await opening.then(
    weft => weft[Symbol.asyncDispose](),
    () => {},
  );
  clearTimeout(late);
  return status;
}

function onlyRoot({ publish }: UpOptions): string | undefined {
  if (process.getuid?.() !== 0) return "--on-host changes the machine's own network, which needs root";
  return publish.length > 0 ? '--publish is for contained hosts: with --on-host the public network is reached without it' : undefined;
}

async function serve(weft: AllInOne, stopper: Stopper, { out, progress }: { out: Out; progress: Out }): Promise<number> {
  if (weft.mode !== 'server') progress('waiting for the agents');
  const settled = weft.settle(stopper.signal).then(
    () => 'settled' as const,
    (error: unknown) => (stopper.signal.aborted ? ('stopped' as const) : stopper.stop(messageOf(error), 1)),
  );
  if ((await Promise.race([settled, stopper.stopped])) === 'settled') {
    for (const line of readyLines(await weft.status())) out(line);
    await tell('READY=1', progress);
  }
  const { why, status } = await stopper.stopped;
  void tell('STOPPING=1', progress);
  progress(`stopping: ${why}`);
  return status;
}

async function tell(state: Parameters<typeof tellServiceManager>[0], progress: Out): Promise<void> {
  const trouble = await tellServiceManager(state);
  if (trouble !== undefined) progress(trouble);
}

export function readyLines(view: StatusView): string[] {
  return [
    `ready: API ${view.url}, identity ${view.identity_url}${view.clouds_yaml === undefined ? '' : `, clouds ${view.clouds_yaml}`}`,
    ...(view.clouds_yaml === undefined ? [] : cloudWords(view.clouds_yaml)),
    `  Stop it with Ctrl-C, or with: bin/weft down --state-dir ${quoted(view.state_dir)}`,
    ...modeWords[view.mode],
  ];
}

const containedWords = [
  '  Instances have no way out to the internet: the public network 172.24.4.0/24 ends in a sandbox. You reach it with',
  '  "bin/weft public exec -- COMMAND", or through a loopback port with "bin/weft public publish 8080=ADDRESS:80".',
];
const onHostWords = [
  '  Instances have no way out to the internet: the public network 172.24.4.0/24 ends at the bridge weft-public of this machine,',
  '  from which you reach it directly.',
];
const modeWords = { contained: containedWords, 'on-host': onHostWords, server: [] } as const;

const cloudWords = (cloudsYaml: string): string[] => [
  `  export OS_CLIENT_CONFIG_FILE=${quoted(cloudsYaml)}`,
  '  export OS_CLOUD=weft        # weft-admin for the administrator',
  '  Then, for example: openstack network agent list --os-cloud weft-admin',
];

/** As a shell would need it. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
