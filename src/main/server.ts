// Wires the server: store, bus, identity, policy, HTTP and the relay. The only place that names these adapters.
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { UnixHub } from '../adapters/bus-unix/unix-hub.ts';
import { systemClock } from '../adapters/clock/system-clock.ts';
import { rfc2136Dns } from '../adapters/dns-rfc2136/rfc2136-dns.ts';
import type { Bus } from '../contracts/bus.ts';
import { DnsUnavailable } from '../contracts/dns.ts';
import type { Drivers } from '../contracts/drivers.ts';
import type { Identity, IdentityApi } from '../contracts/identity.ts';
import type { Log } from '../contracts/log.ts';
import type { OutboxRow, Store } from '../contracts/store.ts';
import { drivers } from '../drivers/all.ts';
import type { Extension } from '../model/kit/resource.ts';
import { extensions, resources } from '../model/registry.ts';
import { putFirstTemplates } from '../server/commands/default-security-group-rules.ts';
import { showDefaultRanges } from '../server/commands/network-segment-ranges.ts';
import { defaultConfig, type ServerConfig, type Services } from '../server/context.ts';
import { publish, publishAll } from '../server/dns/publisher.ts';
import { buildHttpServer } from '../server/http/server.ts';
import { runDhcpFailover } from '../server/jobs/failover.ts';
import { objectPushes } from '../server/objects/push.ts';
import { offer } from '../server/offer.ts';
import { PrintedObjects } from '../server/printed.ts';
import { agentMessages } from '../server/relay/agents.ts';
import { forgetUnused } from '../server/relay/catch-up.ts';
import { deliver, type Teller } from '../server/relay/deliver.ts';
import type { Message } from '../server/relay/messages.ts';
import { runRelay } from '../server/relay/relay.ts';
import { serveAgents } from '../server/rpc/serve.ts';
import { hostOf, type Messaging, openMessaging } from './messaging.ts';
import { runNotifications } from './notifications.ts';
import { tellNova } from './nova.ts';
import { openPolicy } from './policy.ts';
import { openStore } from './store.ts';

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
}

export interface RunningServer extends AsyncDisposable {
  readonly url: string;
  readonly bus: Bus;
  readonly store: Store;
  readonly services: Services;
}

export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { stateDir, log } = options;
  await using stack = new AsyncDisposableStack();
  const config = { ...defaultConfig, ...options.config };
  const store = stack.use(await openStore(config.database, stateDir));
  const hub = stack.use(await UnixHub.listen(join(stateDir, 'bus.sock'), { clock: systemClock, log: log.child({ name: 'bus' }) }));
  const live = stack.use(await openPolicy(config.policy, stateDir, log));
  const services: Services = {
    ...{
      store,
      clock: systemClock,
      log,
      random: options.random ?? Math.random,
      newId: randomUUID,
      drivers: options.drivers ?? chosenDrivers(config),
      config,
      printed: new PrintedObjects(),
    },
    get policy() {
      return live.current;
    },
  };
  await putFirstTemplates(services);
  await showDefaultRanges(services);
  stack.use(await serveAgents(services, hub.bus, options.name ?? 'weft-server'));
  const rabbit = await openMessaging(config.messaging, log.child({ name: 'rabbit' }));
  if (rabbit) {
    stack.use(rabbit.bus);
    stack.use(await serveAgents(services, rabbit.bus, hostOf(config.messaging)));
  }
  startJobs(services, { hub: hub.bus, rabbit, stack, holder: options.holder ?? randomUUID() });
  const url = await listen(services, options, stack);
  const owned = stack.move();
  return { url, bus: hub.bus, store, services, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** In the order of `mechanism_drivers`. */
function chosenDrivers({ mechanismDrivers }: ServerConfig): Drivers {
  return { ...drivers, mechanisms: mechanismDrivers.flatMap(name => drivers.mechanisms.find(driver => driver.name === name) ?? []) };
}

const relayCastMs = 10_000;
const lastCastsMs = 500;

interface Jobs {
  readonly hub: Bus;
  readonly rabbit: Messaging | undefined;
  readonly stack: AsyncDisposableStack;
  readonly holder: string;
}

/** The jobs that run as long as the server. */
function startJobs(services: Services, { hub, rabbit, stack, holder }: Jobs): void {
  const buses = rabbit ? [rabbit.bus, hub] : [hub];
  const stop = new AbortController();
  const end = new AbortController();
  const tellers: readonly Teller[] = [row => agentMessages(services, row), row => objectPushes(services, row)];
  // A bus that is away is asked again and again by the relay, which stops when it is to.
  const send = async ({ target, method, args }: Message): Promise<void> => {
    for (const bus of buses) await bus.cast(target, method, args, { timeoutMs: relayCastMs });
  };
  const tellAgents = (row: OutboxRow): Promise<void> => deliver(tellers, row, send);
  const running = Promise.all([
    runRelay(services, { reader: 'agents', holder, deliver: tellAgents }, stop.signal),
    ...(services.config.dhcpFailover ? [runDhcpFailover(services, stop.signal)] : []),
    ...publishing(services, holder, stop.signal),
    runNotifications(services, rabbit, { holder, signal: stop.signal }),
    tellNova(services, holder, stop.signal, end.signal),
  ]);
  stack.defer(async () => {
    stop.abort();
    // What is on its way to somebody who is away is not waited for: the next process sends it.
    const timer = setTimeout(() => {
      end.abort();
      void Promise.all(buses.map(bus => bus[Symbol.asyncDispose]()));
    }, lastCastsMs);
    await running;
    clearTimeout(timer);
  });
}

/** An external DNS, where one is configured; where none is any more, nothing is kept for it. */
function publishing(services: Services, holder: string, signal: AbortSignal): Promise<void>[] {
  const config = services.config.externalDns;
  if (config.driver === '') return [forgetUnused(services, 'external-dns', holder, signal)];
  const { host, port, ttl, keyName, keyAlgorithm, keySecret } = config;
  const key = { name: keyName, algorithm: keyAlgorithm, secret: Buffer.from(keySecret, 'base64') };
  const publisher = { services, dns: rfc2136Dns({ host, port, ttl, key }, services.clock), zones: config };
  const isAway = (error: unknown): boolean => error instanceof DnsUnavailable;
  const reading = {
    deliver: (row: OutboxRow) => publish(publisher, row),
    all: (hold: () => Promise<void>) => publishAll(publisher, hold),
    isAway,
  };
  return [runRelay(services, { reader: 'external-dns', holder, ...reading }, signal)];
}

type ServerIdentity = Identity & Partial<Pick<IdentityApi, 'handle'>>;

async function listen(services: Services, options: ServerOptions, stack: AsyncDisposableStack): Promise<string> {
  // It is made for the URL, which is known once the port is: whoever asks before that is there waits for it.
  const opening = Promise.withResolvers<ServerIdentity>();
  let identity: ServerIdentity | undefined;
  const app = buildHttpServer({
    services,
    api: offer(services, { resources, extensions: options.extensions ?? extensions }),
    identity: {
      get authUri() {
        return identity?.authUri ?? '';
      },
      validate: async (token, use) => (await opening.promise).validate(token, use),
      handle: async request => (await opening.promise).handle?.(request) ?? { status: 404, headers: {} },
    },
  });
  const url = await app.listen({ host: options.host, port: options.port });
  stack.defer(() => endHttp(app));
  opening.resolve(options.identity(url));
  identity = await opening.promise;
  return url;
}

/** How long requests that are there may take when the server ends. */
const lastRequestsMs = 1500;

async function endHttp(app: ReturnType<typeof buildHttpServer>): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), lastRequestsMs);
  await app.close();
  clearTimeout(timer);
}
