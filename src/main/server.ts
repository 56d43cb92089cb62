// A whole server in one process: store, bus, identity, policy, HTTP and the relay. Several processes are wired in service/.
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { UnixHub } from '../adapters/bus-unix/unix-hub.ts';
import { systemClock } from '../adapters/clock/system-clock.ts';
import type { Bus } from '../contracts/bus.ts';
import type { Drivers } from '../contracts/drivers.ts';
import type { Log } from '../contracts/log.ts';
import type { Store } from '../contracts/store.ts';
import type { Extension } from '../model/kit/resource.ts';
import { defaultConfig, type ServerConfig, type Services } from '../server/context.ts';
import type { Policy } from '../server/policy.ts';
import { serveAgents } from '../server/rpc/serve.ts';
import { hostOf, openMessaging, watchBus } from './messaging.ts';
import { listenHttp, type ServerIdentity } from './service/http.ts';
import { startJobs } from './service/jobs.ts';
import { processMetrics, serveMetrics } from './service/metrics.ts';
import type { Changeable } from './service/protocol.ts';
import { openServices } from './service/services.ts';

export interface ServerOptions {
  readonly stateDir: string;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Made after the store is open, since it needs to know its own URL. */
  readonly identity: (url: string) => Promise<ServerIdentity>;
  readonly log: Log;
  readonly config?: Partial<ServerConfig>;
  /** In place of those of the tree. */
  readonly drivers?: Drivers;
  /** In place of those of the model. */
  readonly extensions?: readonly Extension[];
  /** A number in [0, 1), in place of chance. */
  readonly random?: () => number;
  /** `host` option of this process, as the bus knows it. */
  readonly name?: string;
  /** Whose leases these are: one living process at a time has this name, and finds its own after a crash. By default nobody else has it. */
  readonly holder?: string;
  /** How long requests that are there may take when the server ends; 0: as long as they do. */
  readonly graceMs?: number;
}

/** What the rest of a Weft needs of its server, in however many processes that is. */
export interface ApiServer extends AsyncDisposable {
  readonly url: string;
  /** Of the agents on this machine. */
  readonly bus: Bus;
  /** As of now. */
  readonly policy: Policy;
  /** Reads the policy files again, and tells other processes what has changed. Answers what was wrong: that stays as it was. */
  reload(changed: Changeable): Promise<readonly string[]>;
}

export interface RunningServer extends ApiServer {
  readonly store: Store;
  readonly services: Services;
}

const lastRequestsMs = 1500;

export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { stateDir, log } = options;
  await using stack = new AsyncDisposableStack();
  const config = { ...defaultConfig, ...options.config };
  const hub = stack.use(await UnixHub.listen(join(stateDir, 'bus.sock'), { clock: systemClock, log: log.child({ name: 'bus' }) }));
  const { services, live } = await openServices({ ...options, config }, stack);
  const rabbit = await openMessaging(config.messaging, log.child({ name: 'rabbit' }));
  if (rabbit) stack.use(rabbit.bus);
  stack.use(await serveAgents(services, hub.bus, options.name ?? 'weft-server', rabbit ? [rabbit.bus] : []));
  if (rabbit) stack.use(await serveAgents(services, rabbit.bus, hostOf(config.messaging), [hub.bus]));
  await startJobs(services, { local: hub.bus, rabbit }, stack, { holder: options.holder ?? randomUUID() });
  const { host, port, identity } = options;
  const bus = watchBus(rabbit);
  const own = processMetrics(services, bus, stack);
  if (config.metricsListen) stack.use(await serveMetrics(config.metricsListen, async () => [await own(true)]));
  const http = await listenHttp(services, {
    at: { host, port },
    bus,
    identity,
    ...(options.extensions ? { extensions: options.extensions } : {}),
  });
  stack.defer(() => http.drain({ lingerMs: 0, graceMs: options.graceMs ?? lastRequestsMs }));
  const owned = stack.move();
  return {
    ...{ url: http.url, bus: hub.bus, store: services.store, services },
    get policy() {
      return services.policy;
    },
    reload: async () => [...(await live.reload()), ...http.reload()],
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
