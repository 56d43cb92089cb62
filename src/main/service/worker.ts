// One of several processes of a server. A program; what it is to do, its parent says.
import { connectUnixBus } from '../../adapters/bus-unix/unix-bus.ts';
import { systemClock } from '../../adapters/clock/system-clock.ts';
import { openBuiltinIdentity } from '../../adapters/identity-builtin/builtin-identity.ts';
import type { Log } from '../../contracts/log.ts';
import { serveAgents, serveReports } from '../../server/rpc/serve.ts';
import { byStrategy } from '../auth-strategy.ts';
import { identityFile } from '../identity.ts';
import { openKeystone } from '../keystone.ts';
import { hostOf, openMessaging, watchBus } from '../messaging.ts';
import { gathered } from './gathered.ts';
import type { BusWatch } from './health.ts';
import { listenHttp, type ServerIdentity } from './http.ts';
import { startJobs } from './jobs.ts';
import { processMetrics } from './metrics.ts';
import { openProcessLog, type ProcessLog } from './process-log.ts';
import { type FromWorker, socketFd, type ToWorker, type WorkerSettings } from './protocol.ts';
import { type OpenedServices, openServices } from './services.ts';

/** Answers on a connection that a client has kept come so long after the others. */
const lingerMs = 5_000;
/** When the parent died, nobody waits for us, and our successors are at the door. */
const orphanMs = 5_000;

const tell = (message: FromWorker): void => {
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
};

/** The process that delivers hears of the first commit at once, of those in so many ms behind it together. */
const gatherMs = 20;

/** How it ends: by itself with others beside it that go on, with all others, or without a parent. */
type End = 'retire' | 'stop' | 'orphan';

interface Running {
  readonly opened: OpenedServices;
  readonly log: ProcessLog;
  readonly part: Part;
  readonly metrics: ReturnType<typeof processMetrics>;
  end(how: End): Promise<void>;
}

function main(): void {
  // A terminal sends these to the whole group; what they mean is for the parent to say.
  for (const name of ['SIGINT', 'SIGHUP'] as const) process.on(name, () => {});
  const begun = Promise.withResolvers<Running>();
  let ending = false;
  let isBegun = false;
  const end = (how: End): void => {
    // The parent that is in a hurry is gone.
    if (ending && how === 'orphan') process.exit(1);
    if (ending) return;
    ending = true;
    // What hangs at its start may hang for ever, and nobody uses it yet.
    if (!isBegun) process.exit(0);
    tell({ say: 'leaving' });
    void begun.promise
      .then(running => running.end(how))
      .then(
        () => process.exit(0),
        () => process.exit(1),
      );
  };
  process.on('SIGTERM', () => end('retire'));
  process.on('disconnect', () => end('orphan'));
  process.on('message', (message: ToWorker) => {
    if (message.say === 'start') void begin(message.settings).then(begun.resolve, begun.reject);
    else if (message.say === 'stop') end('stop');
    else void begun.promise.then(running => hear(running, message)).catch(() => {});
  });
  begun.promise.then(
    () => {
      isBegun = true;
      tell({ say: 'ready' });
    },
    (error: unknown) => {
      tell({ say: 'failed', why: error instanceof Error ? error.message : String(error) });
      setImmediate(() => process.exit(1));
    },
  );
}

async function hear({ opened, log, part, metrics }: Running, message: Exclude<ToWorker, { say: 'start' | 'stop' }>): Promise<void> {
  if (message.say === 'outbox') return part.wake();
  if (message.say === 'bus') {
    part.bus.up = message.up;
    return;
  }
  if (message.say === 'metrics') {
    tell({ say: 'answer', id: message.id, answer: await metrics(message.ask) });
    return;
  }
  log.reopen();
  log.setLevel(message.ask.logLevel);
  tell({ say: 'answer', id: message.id, answer: [...(await opened.live.reload()), ...part.reload()] });
}

async function begin(settings: WorkerSettings): Promise<Running> {
  const { config, name } = settings;
  const log = openProcessLog({ folder: settings.logs, name: `server-${name}`, level: settings.changeable.logLevel, config: config.log });
  log.log.info('starts', { pid: process.pid });
  await using stack = new AsyncDisposableStack();
  const opened = await openServices({ stateDir: settings.stateDir, log: log.log, config }, stack);
  const graceMs = config.service.gracefulShutdownTimeout * 1000;
  const part = settings.role === 'api' ? await serveApi(settings, opened, log.log) : await serveBuses(settings, opened, log.log, stack);
  const metrics = processMetrics(opened.services, settings.role === 'api' ? { up: undefined } : part.bus, stack);
  const owned = stack.move();
  return {
    ...{ opened, log, part, metrics },
    async end(how) {
      log.log.info('ends', { how });
      await part.drain({ lingerMs: how === 'retire' ? lingerMs : 0, graceMs: how === 'orphan' ? orphanMs : graceMs });
      await owned.disposeAsync();
      log.log.info('ended');
    },
  };
}

interface Part {
  /** Called when another process has written to the outbox. */
  readonly wake: () => void;
  readonly bus: BusWatch;
  reload(): readonly string[];
  drain(options: { readonly lingerMs: number; readonly graceMs: number }): Promise<void>;
}

async function serveApi(settings: WorkerSettings, { services }: OpenedServices, log: Log): Promise<Part> {
  // Whoever delivers it is in another process, by way of the parent.
  services.store.onOutbox(gathered(() => tell({ say: 'outbox' }), gatherMs));
  const bus: BusWatch = { up: settings.busUp };
  const http = await listenHttp(services, { at: { fd: socketFd }, bus, identity: () => identityOf(settings, log) });
  return { bus, wake: () => {}, reload: () => http.reload(), drain: how => http.drain(how) };
}

async function identityOf({ config, keystone, stateDir, url }: WorkerSettings, log: Log): Promise<ServerIdentity> {
  const about = { log: log.child({ name: 'identity' }), clock: systemClock };
  const builtin = (): Promise<ServerIdentity> =>
    openBuiltinIdentity({ path: identityFile(stateDir), baseUrl: url, shared: true, ...about });
  const asked = keystone && config.authStrategy === 'keystone';
  return byStrategy(config, asked ? openKeystone(keystone, about).identity : await builtin(), log);
}

async function serveBuses(settings: WorkerSettings, { services }: OpenedServices, log: Log, stack: AsyncDisposableStack): Promise<Part> {
  const { busSocket, config, name, role, holder } = settings;
  const stopGraceMs = config.service.gracefulShutdownTimeout * 1000;
  const local = stack.use(
    await connectUnixBus(busSocket, { clock: systemClock, log: log.child({ name: 'bus' }), name: `server ${name}`, stopGraceMs }),
  );
  const rabbit = await openMessaging(config.messaging, log.child({ name: 'rabbit' }), stopGraceMs);
  if (rabbit) stack.use(rabbit.bus);
  const serve = role === 'rpc' ? serveAgents : serveReports;
  stack.use(await serve(services, local, 'weft-server', rabbit ? [rabbit.bus] : []));
  if (rabbit) stack.use(await serve(services, rabbit.bus, hostOf(config.messaging), [local]));
  const listeners = new Set<() => void>();
  if (role === 'rpc') await startJobs(services, { local, rabbit }, stack, { holder, wakers: listeners });
  const wake = (): void => {
    for (const listener of listeners) listener();
  };
  const bus = watchBus(rabbit, up => tell({ say: 'bus', up }));
  if (bus.up !== undefined) tell({ say: 'bus', up: bus.up });
  return { bus, wake, reload: () => [], drain: () => Promise.resolve() };
}

main();
