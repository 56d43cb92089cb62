// A whole Weft on one machine: the API server in this process, and hosts with an agent process each. Opened in order, closed in
// reverse; what is open is what `status` tells of.
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../adapters/clock/system-clock.ts';
import type { Finding, Shown } from '../agent/audit/finding.ts';
import type { HostView, StatusView } from '../cli/control.ts';
import type { StateFolder } from '../cli/state.ts';
import { ApiClient } from '../client/api.ts';
import type { Log } from '../contracts/log.ts';
import type { ServerConfig } from '../server/context.ts';
import type { Policy } from '../server/policy.ts';
import { agentTypesOf } from './agent-config.ts';
import { superviseAgent } from './agents.ts';
import type { Repaired } from './audit/host-audit.ts';
import { byStrategy } from './auth-strategy.ts';
import { ControlError } from './control-server.ts';
import type { Ground } from './ground.ts';
import type { OpenedIdentity } from './identity.ts';
import { Instances } from './instances/instances.ts';
import { InstanceRegistry } from './instances/registry.ts';
import type { KeystoneAccount } from './keystone.ts';
import { ensurePublicNetwork } from './public-network.ts';
import { type AgentRow, listAgents, missingAgents } from './readiness.ts';
import type { Publication } from './sandbox/publish.ts';
import { RelayedPorts } from './sandbox/relayed-ports.ts';
import type { Place } from './sandbox/sandbox.ts';
import type { ApiServer } from './server.ts';
import { workerCounts } from './service/counts.ts';
import type { ServerGroup } from './service/group.ts';
import type { Changeable } from './service/protocol.ts';
import type { SwitchKind } from './state/switch.ts';
import { isShared } from './store.ts';
import type { Supervised } from './supervise/supervisor.ts';

export interface AllInOneOptions {
  readonly folder: StateFolder;
  readonly address: string;
  readonly port: number;
  readonly hosts: number;
  readonly mode: 'contained' | 'on-host' | 'server';
  /** On the machine's own network. */
  readonly localIp: string | undefined;
  readonly switchKind: SwitchKind;
  readonly keystone: KeystoneAccount | undefined;
  readonly config: ServerConfig;
  readonly publish: readonly Publication[];
  readonly rootless: boolean;
  readonly debug: boolean;
  readonly log: Log;
  /** A line for the person who waits. */
  readonly progress: (line: string) => void;
}

const noPorts = {
  contained: '',
  'on-host': "on the machine's own network the public network is reached without that",
  server: 'there is no public network here: this is the API server alone',
} as const;

interface RunningHost {
  readonly place: Place;
  readonly agent: Supervised;
  readonly daemons: readonly Supervised[];
}

export class AllInOne implements AsyncDisposable {
  readonly api: ApiClient;
  readonly instances: Instances;
  readonly hosts: ReadonlyMap<string, Place>;
  readonly identity: OpenedIdentity;
  private readonly options: AllInOneOptions;
  private readonly url: string;
  private readonly server: ApiServer;
  private readonly ground: Ground;
  private readonly ports: RelayedPorts | undefined;
  private readonly running: readonly RunningHost[];
  private readonly stack: AsyncDisposableStack;
  private readonly beganMs: number;
  /** Undefined until the public network is known to be there. */
  private publicProblem: string | undefined = 'the public network is being made';

  private constructor(options: AllInOneOptions, parts: Parts) {
    this.options = options;
    this.api = parts.api;
    this.instances = parts.instances;
    this.ports = parts.ports;
    this.identity = parts.identity;
    this.url = parts.url;
    this.server = parts.server;
    this.ground = parts.ground;
    this.running = parts.running;
    this.stack = parts.stack;
    this.beganMs = parts.beganMs;
    this.hosts = new Map(parts.running.map(({ place }) => [place.name, place]));
  }

  static async open(options: AllInOneOptions): Promise<AllInOne> {
    await using stack = new AsyncDisposableStack();
    const parts = await openParts(options, stack);
    return new AllInOne(options, { ...parts, stack: stack.move() });
  }

  /** Makes the public network, plugs the instances of an earlier run, opens the ports, and waits until nothing is missing. */
  async settle(signal: AbortSignal): Promise<void> {
    const restored = this.instances.restore();
    while (this.mode !== 'server') {
      try {
        await ensurePublicNetwork(this.api);
        this.publicProblem = undefined;
        break;
      } catch (error) {
        this.publicProblem = `the public network cannot be made: ${error instanceof Error ? error.message : String(error)}`;
        this.options.log.error('public network', { error });
        await sleep(1000, undefined, { signal });
      }
    }
    for (const publication of this.options.publish) this.options.progress(`published ${await this.publish(publication)}`);
    let told = performance.now();
    for (let missing = await this.missing(); missing.length > 0; missing = await this.missing()) {
      if (performance.now() - told > 5000) {
        told = performance.now();
        for (const line of missing) this.options.progress(`still missing: ${line}`);
      }
      await sleep(40, undefined, { signal });
    }
    await restored;
  }

  /** As of now. */
  get policy(): Policy {
    return this.server.policy;
  }

  /** Answers what was wrong. */
  reload(changed: Changeable): Promise<readonly string[]> {
    return this.server.reload(changed);
  }

  /** What its hosts have against what the API says; of that, what is `shown` is repaired. */
  async audit(shown: readonly Shown[]): Promise<{ readonly findings: readonly Finding[]; readonly repaired: readonly Repaired[] }> {
    const { api, server } = this;
    const [{ groundHost }, { auditHost, repairHost }] = await Promise.all([
      import('./audit/ground-host.ts'),
      import('./audit/host-audit.ts'),
    ]);
    const hosts = this.ground.hosts.map(host => groundHost(host, { api, bus: server.bus }));
    const found = await Promise.all(hosts.map(async host => ({ host, findings: (await auditHost(host)) ?? [] })));
    const repaired = shown.length > 0 ? await Promise.all(found.map(({ host, findings }) => repairHost(host, findings, shown))) : [];
    return { findings: found.flatMap(({ findings }) => findings), repaired: repaired.flat() };
  }

  get mode(): Ground['mode'] {
    return this.ground.mode;
  }

  async publish(publication: Publication): Promise<string> {
    if (!this.ports) throw new ControlError(409, noPorts[this.mode]);
    return this.ports.publish(publication);
  }

  async status(): Promise<StatusView> {
    const { folder, rootless } = this.options;
    const hosts = await this.hostViews();
    const missing = this.missingOf(hosts);
    return {
      pid: process.pid,
      since: new Date(this.beganMs).toISOString(),
      url: this.url,
      identity_url: this.identity.url,
      state_dir: folder.path,
      ...(this.identity.cloudsYaml === undefined ? {} : { clouds_yaml: this.identity.cloudsYaml }),
      mode: this.mode,
      rootless,
      ready: missing.length === 0,
      missing,
      ...(this.ground.underlay ? { underlay: this.ground.underlay.init.pid } : {}),
      hosts,
      ...(isGroup(this.server) ? { workers: this.server.workers } : {}),
      published: this.ports?.list() ?? [],
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // In sandboxes nothing has to end in order: the supervisors stand down, and all that runs there goes with them at once.
    if (this.ground.mode === 'contained')
      await Promise.all([
        ...this.running.map(({ agent }) => agent[Symbol.asyncDispose]()),
        this.ports?.[Symbol.asyncDispose](),
        this.ground[Symbol.asyncDispose](),
      ]);
    await this.stack.disposeAsync();
  }

  private async missing(): Promise<string[]> {
    return this.missingOf(await this.hostViews());
  }

  private missingOf(hosts: readonly HostView[]): string[] {
    return [
      ...(this.publicProblem === undefined || this.mode === 'server' ? [] : [this.publicProblem]),
      ...missingAgents(hosts, agentTypesOf(this.options.switchKind), this.beganMs),
    ];
  }

  private async hostViews(): Promise<HostView[]> {
    if (this.running.length === 0) return [];
    const rows = await listAgents(this.api);
    return this.running.map(({ place: { name, init }, agent, daemons }) => ({
      name,
      ...(init ? { init: init.pid } : {}),
      process: agent.state,
      ...(daemons.length > 0 ? { daemons: daemons.map(({ state }) => ({ ...state, name: state.name.split(' ')[0] ?? '' })) } : {}),
      agents: rows.filter(row => row.host === name).map(({ host: _, ...row }: AgentRow) => row),
    }));
  }
}

const isGroup = (server: ApiServer): server is ServerGroup => 'workers' in server;

interface Parts {
  readonly api: ApiClient;
  readonly identity: OpenedIdentity;
  readonly server: ApiServer;
  readonly url: string;
  readonly ground: Ground;
  readonly running: readonly RunningHost[];
  readonly instances: Instances;
  readonly ports: RelayedPorts | undefined;
  readonly stack: AsyncDisposableStack;
  readonly beganMs: number;
}

async function openParts(options: AllInOneOptions, stack: AsyncDisposableStack): Promise<Omit<Parts, 'stack'>> {
  const { folder, log } = options;
  const beganMs = Date.now();
  const [{ server, identity, url }, ground] = await bothOf(stack, openServer(options), openGround(options));
  const api = new ApiClient(url, identity.admin);
  const logLevel = options.debug ? 'debug' : 'info';
  const running = ground.hosts.map(({ place, agent, daemons = [] }) => ({
    place,
    daemons,
    agent: stack.use(superviseAgent({ folder, place, agent, log, logLevel })),
  }));
  rmSync(folder.relaySocket, { force: true });
  const ports = ground.underlay && stack.use(new RelayedPorts(folder, ground.underlay, log));
  const hosts = new Map(ground.hosts.map(({ place }) => [place.name, place]));
  const instances = stack.use(new Instances({ api, hosts, registry: new InstanceRegistry(folder.instances), log }));
  stack.use(await serveMetadata(server, instances));
  return { api, server, identity, url, ground, running, instances, ports, beganMs };
}

/** Opened at the same time; when one fails, the other is closed. */
async function bothOf<A extends { server: AsyncDisposable }, B extends AsyncDisposable>(
  stack: AsyncDisposableStack,
  a: Promise<A>,
  b: Promise<B>,
): Promise<[A, B]> {
  const [first, second] = await Promise.allSettled([a, b]);
  // Closed in reverse: the hosts first, so that agents do not see their server go.
  if (first.status === 'fulfilled') stack.use(first.value.server);
  if (second.status === 'fulfilled') stack.use(second.value);
  if (first.status === 'rejected') throw first.reason;
  if (second.status === 'rejected') throw second.reason;
  return [first.value, second.value];
}

/** When it ends, an API server that others rely on takes its time; one that is somebody's own is to be gone. */
const graceOf = ({ mode, config }: AllInOneOptions): { graceMs?: number } =>
  mode === 'server' ? { graceMs: config.service.gracefulShutdownTimeout * 1000 } : {};

async function openServer(options: AllInOneOptions): Promise<{ server: ApiServer; identity: OpenedIdentity; url: string }> {
  const { folder, address: host, port, config, keystone, log, progress } = options;
  let opened: OpenedIdentity | undefined;
  let url = '';
  const identity = async (listening: string): Promise<OpenedIdentity['identity']> => {
    url = reachable(listening);
    const about = { baseUrl: url, log: log.child({ name: 'identity' }), clock: systemClock };
    // Our own requests have tokens all the same.
    opened =
      keystone && config.authStrategy === 'keystone'
        ? (await import('./keystone.ts')).openKeystone(keystone, about)
        : await (await import('./identity.ts')).openIdentity(folder, about);
    return byStrategy(config, opened.identity, log);
  };
  const counts = options.mode === 'server' ? workerCounts(config) : undefined;
  // The lock of the state directory sees to it that there is one, where the state is there.
  const holder = isShared(config.database) ? {} : { holder: 'all-in-one' };
  const changeable: Changeable = { logLevel: options.debug ? 'debug' : 'info' };
  const server = counts
    ? await (await import('./service/group.ts')).startGroup({
        folder,
        at: { host, port },
        counts,
        config,
        changeable,
        keystone,
        log,
        prepare: async on => void (await identity(on)),
      })
    : await (await import('./server.ts')).startServer({
        stateDir: folder.path,
        host,
        port,
        log,
        config,
        identity,
        ...holder,
        ...graceOf(options),
      });
  if (!opened) throw new Error('the server did not ask for an identity');
  progress(`the API listens on ${url}${counts ? `, ${counts.api} + ${counts.rpc + counts.reports} workers` : ''}`);
  return { server, identity: opened, url };
}

/** An address that listens for everybody is no address to connect to. */
function reachable(url: string): string {
  return new URL(url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:')).origin;
}

/** For an API server without hosts. */
const noGround: Ground = { mode: 'server', hosts: [], [Symbol.asyncDispose]: () => Promise.resolve() };

async function openGround(options: AllInOneOptions): Promise<Ground> {
  const { folder, address, port, mode, hosts, localIp, rootless, switchKind, log, progress } = options;
  if (mode === 'server') return noGround;
  const ground =
    mode === 'on-host'
      ? await (await import('./on-host/machine.ts')).openMachine({ folder, listen: `${address}:${port}`, localIp, progress })
      : await (await import('./ground.ts')).openContainedGround({ hosts, rootless, switchKind, logs: folder.logs, log });
  const names = ground.hosts.map(host => host.place.name);
  const many = names.length === 1 ? 'one contained host' : `${names.length} contained hosts`;
  progress(mode === 'on-host' ? `the host is this machine, ${names[0]}` : `${many}, joined by an underlay: ${names.join(', ')}`);
  const datapath = ground.hosts[0]?.place.openvswitch?.datapath;
  if (datapath) progress(datapathWords[datapath]);
  return ground;
}

const datapathWords = {
  system: "each host has an Open vSwitch of its own, with the kernel's datapath",
  netdev: 'each host has an Open vSwitch of its own, with the datapath in user space, since this kernel has none',
} as const;

function serveMetadata(server: ApiServer, instances: Instances): Promise<AsyncDisposable> {
  const methods = { get_instance: (args: Readonly<Record<string, unknown>>) => instances.metadata(String(args['port_id'])) };
  return server.bus.serve({ topic: 'weft-metadata', server: 'weft', endpoints: [{ version: '1.0', methods }] });
}
