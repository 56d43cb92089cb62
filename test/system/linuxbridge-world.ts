// For tests of the L2 agents: sandboxed hosts on one wire, a server on a bus, agents as processes that can be killed, and
// instances as namespaces behind taps (veths of the names that Nova would give them). What hosts switch with is the test's choice.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UnixHub } from '../../src/adapters/bus-unix/unix-hub.ts';
import { systemClock } from '../../src/adapters/clock/system-clock.ts';
import { textLog } from '../../src/adapters/log/text-log.ts';
import type { LinuxbridgeConfig, OpenvswitchConfig, PacketLogConfig } from '../../src/agent/context.ts';
import { type FakePort, FakeServer, tapOf } from '../../src/agent/l2/fake-server.suite.ts';
import { FakeTrunks } from '../../src/agent/l2/trunks/fake-trunks.suite.ts';
import { type Done, run, tryRun } from '../../src/main/sandbox/run.ts';
import { openSandbox, type Sandbox } from '../../src/main/sandbox/sandbox.ts';
import { type Job, startJob } from './job.ts';
import type { L2AgentArguments } from './l2-agent-program.ts';
import { addSwitch, plugHybrid, plugInto, switchConfig, unplugHybrid } from './openvswitch-host.ts';

interface Agent {
  readonly child: ChildProcess;
  readonly errors: () => string;
  readonly output: () => string;
}

/** An instance: a namespace on a host, with its eth0 behind its port's tap. */
export interface Instance {
  readonly host: string;
  readonly ns: string;
  readonly port: FakePort;
}

const PREFIX = 'weft-l2';

/** `hybrid`: Open vSwitch, with each tap in a Linux bridge of its own. */
export type SwitchKind = 'linuxbridge' | 'openvswitch' | 'hybrid';
/** Of Open vSwitch: `netdev` is in user space, `system` in the kernel. */
type Datapath = 'netdev' | 'system';

/** How many times longer things may take: `WEFT_TEST_PATIENCE`. */
const patience = Number(process.env['WEFT_TEST_PATIENCE'] ?? 1);

export class BridgeWorld implements AsyncDisposable {
  readonly server: FakeServer;
  readonly trunks: FakeTrunks;
  readonly folder: string;
  readonly kind: SwitchKind;
  readonly datapath: Datapath;
  private readonly hosts: ReadonlyMap<string, Sandbox>;
  private readonly stack: AsyncDisposableStack;
  private readonly agents = new Map<string, Agent>();
  private readonly jobs = new Set<Job>();

  private constructor(parts: {
    hosts: ReadonlyMap<string, Sandbox>;
    server: FakeServer;
    trunks: FakeTrunks;
    folder: string;
    kind: SwitchKind;
    datapath: Datapath;
    stack: AsyncDisposableStack;
  }) {
    this.hosts = parts.hosts;
    this.server = parts.server;
    this.trunks = parts.trunks;
    this.folder = parts.folder;
    this.kind = parts.kind;
    this.datapath = parts.datapath;
    this.stack = parts.stack;
  }

  /**
   * One or two hosts, h1 and h2: eth0 is the underlay (192.0.2.1 and .2), eth1 a provider's wire; with Open vSwitch a port of br-ex, behind
   * the physical network `public`.
   */
  static async open(count: 1 | 2, kind: SwitchKind = 'linuxbridge', datapath: Datapath = 'netdev'): Promise<BridgeWorld> {
    await using stack = new AsyncDisposableStack();
    const folder = mkdtempSync(join(tmpdir(), `${PREFIX}-`));
    stack.defer(() => rmSync(folder, { recursive: true, force: true }));
    const hub = stack.use(await UnixHub.listen(join(folder, 'bus'), { clock: systemClock, log: textLog({ sink: { write() {} } }) }));
    const server = stack.use(await FakeServer.open(hub.bus, kind === 'linuxbridge' ? tapOf : id => id));
    const trunks = stack.use(await FakeTrunks.open(hub.bus, server));
    const hosts = new Map<string, Sandbox>();
    for (const n of Array.from({ length: count }, (_, i) => i + 1)) hosts.set(`h${n}`, stack.use(await openSandbox(`${PREFIX}-h${n}`)));
    const far = stack.use(await openSandbox(`${PREFIX}-far`));
    hosts.set('far', far);
    await wire(hosts.get('h1')!, 'eth0', hosts.get('h2') ?? far, 'eth0');
    await wire(hosts.get('h1')!, 'eth1', hosts.get('h2') ?? far, 'eth1');
    const world = new BridgeWorld({ hosts, server, trunks, folder, kind, datapath, stack: stack.move() });
    for (const n of Array.from({ length: count }, (_, i) => i + 1)) {
      for (const dev of ['eth0', 'eth1']) await world.on(`h${n}`, 'ip', 'link', 'set', dev, 'up', 'mtu', '1600');
      await world.on(`h${n}`, 'ip', 'addr', 'add', `192.0.2.${n}/24`, 'dev', 'eth0');
    }
    if (kind !== 'linuxbridge') await Promise.all(Array.from({ length: count }, (_, i) => addSwitch(world, `h${i + 1}`)));
    if (count === 1) for (const dev of ['eth0', 'eth1']) await world.on('far', 'ip', 'link', 'set', dev, 'up');
    return world;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const host of this.agents.keys()) this.kill(host);
    for (const job of this.jobs) job.kill();
    await this.stack.disposeAsync();
  }

  /** A host's own namespace. */
  on(host: string, ...argv: string[]): Promise<string> {
    return run(this.enter(host, argv), { timeoutMs: 60_000 });
  }

  attempt(host: string, ...argv: string[]): Promise<Done> {
    return tryRun(this.enter(host, argv), { timeoutMs: 60_000 });
  }

  inside(vm: Instance, ...argv: string[]): Promise<string> {
    return this.on(vm.host, 'ip', 'netns', 'exec', vm.ns, ...argv);
  }

  tryInside(vm: Instance, ...argv: string[]): Promise<Done> {
    return this.attempt(vm.host, 'ip', 'netns', 'exec', vm.ns, ...argv);
  }

  /** Starts a command that goes on; it ends with the world at the latest. */
  spawn(vm: Instance, argv: readonly string[]): Job {
    return this.start(vm.host, ['ip', 'netns', 'exec', vm.ns, ...argv]);
  }

  start(host: string, argv: readonly string[]): Job {
    const job = startJob(this.enter(host, argv));
    this.jobs.add(job);
    void job.done.then(() => this.jobs.delete(job));
    return job;
  }

  /** A namespace with eth0 in the port's MAC and addresses; the tap is there when it answers, whoever wires it. */
  async instance(host: string, port: FakePort, options: { readonly addresses?: readonly string[] } = {}): Promise<Instance> {
    const vm = await this.boot(host, port, tapOf(port.id), options);
    if (this.kind === 'openvswitch') await plugInto(this, vm);
    if (this.kind === 'hybrid') await plugHybrid(this, vm);
    return vm;
  }

  /** A namespace with eth0, whose other end is called so. */
  async boot(host: string, port: FakePort, tap: string, options: { readonly addresses?: readonly string[] } = {}): Promise<Instance> {
    const ns = `vm-${port.id.slice(0, 8)}`;
    const addresses = options.addresses ?? port.ips.map(ip => `${ip}/${ip.includes(':') ? 64 : 24}`);
    const vm = { host, ns, port };
    await this.on(host, 'ip', 'netns', 'add', ns);
    const mtu = String(this.server.networks.get(port.network)?.mtu ?? 1450);
    await this.inside(vm, 'sysctl', '-qw', 'net.ipv6.conf.default.accept_dad=0', 'net.ipv6.conf.default.accept_ra=0');
    await this.on(host, 'ip', 'link', 'add', tap, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', ns, 'address', port.mac);
    const batch = [
      'link set lo up',
      `link set eth0 up mtu ${mtu}`,
      ...addresses.map(a => `addr add ${a} dev eth0${a.includes(':') ? ' nodad' : ''}`),
    ];
    await run(this.enter(host, ['ip', '-n', ns, '-batch', '-']), { input: `${batch.join('\n')}\n` });
    return vm;
  }

  async unplug(vm: Instance): Promise<void> {
    if (this.kind === 'openvswitch') await this.on(vm.host, 'ovs-vsctl', '--if-exists', 'del-port', tapOf(vm.port.id));
    if (this.kind === 'hybrid') await unplugHybrid(this, vm);
    await this.on(vm.host, 'ip', 'link', 'del', tapOf(vm.port.id));
    await this.on(vm.host, 'ip', 'netns', 'del', vm.ns);
  }

  /** Resolves when the agent is in sync. */
  async agent(
    host: string,
    {
      packetLog,
      extensions,
      unfiltered = false,
      ...config
    }: Partial<LinuxbridgeConfig & OpenvswitchConfig> & {
      readonly packetLog?: PacketLogConfig;
      readonly extensions?: readonly string[];
      readonly unfiltered?: boolean;
    } = {},
    wait = true,
  ): Promise<void> {
    const number = host.slice(1);
    const vxlan = { localIp: `192.0.2.${number}`, group: '239.1.1.1', l2population: true, udpPort: 8472 };
    const given: L2AgentArguments = {
      socket: join(this.folder, 'bus'),
      host,
      unfiltered,
      config: {
        ...(packetLog ? { packetLog } : {}),
        ...(extensions ? { extensions } : {}),
        ...(this.kind === 'linuxbridge'
          ? { linuxbridge: { interfaceMappings: {}, bridgeMappings: {}, vxlan, ...config } }
          : {
              openvswitch: {
                ...switchConfig,
                datapathType: this.datapath,
                ...(this.kind === 'hybrid' ? { firewall: 'iptables_hybrid' } : {}),
                ...config,
              },
            }),
      },
    };
    const program = `${import.meta.dirname}/l2-agent-program.ts`;
    const [command = '', ...args] = this.enter(host, [
      process.execPath,
      '--disable-warning=ExperimentalWarning',
      program,
      JSON.stringify(given),
    ]);
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let errors = '';
    let output = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      errors += chunk;
    });
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });
    this.agents.set(host, { child, errors: () => errors, output: () => output });
    if (this.kind === 'linuxbridge' && (config.vxlan?.l2population ?? true)) this.server.ends.set(host, vxlan.localIp);
    if (!wait) return;
    await this.until(`the agent of ${host} is in sync`, async () => {
      if (child.exitCode !== null) throw new Error(`the agent ended: ${errors}`);
      return output.includes('synced');
    });
  }

  /** kill -9. nsenter forks into the sandbox's processes: its child is what is meant. */
  kill(host: string): void {
    const agent = this.agents.get(host);
    const pid = agent?.child.pid;
    this.agents.delete(host);
    if (!agent || pid === undefined || agent.child.exitCode !== null) return;
    for (const child of childrenOf(pid)) process.kill(child, 'SIGKILL');
    agent.child.kill('SIGKILL');
  }

  log(host: string): string {
    return this.agents.get(host)?.errors() ?? '';
  }

  /** What the agent has spawned since it was asked last. */
  async spawned(host: string): Promise<string[]> {
    const agent = this.agents.get(host);
    const pid = agent?.child.pid;
    if (!agent || pid === undefined) return [];
    const before = agent.output().length;
    for (const child of childrenOf(pid)) process.kill(child, 'SIGUSR2');
    await this.until('the agent tells', async () => agent.output().slice(before).includes('\n'));
    return JSON.parse(agent.output().slice(before).trim().replace('spawned ', '')) as string[];
  }

  async active(...ports: FakePort[]): Promise<void> {
    await this.until(`${ports.map(p => p.id).join(', ')} ACTIVE`, async () => ports.every(p => p.status === 'ACTIVE'));
  }

  /** Polls; fails with what was awaited and the agents' logs. */
  async until(what: string, look: () => Promise<boolean>, withinMs = 20_000 * patience): Promise<void> {
    const deadline = performance.now() + withinMs;
    while (!(await look())) {
      if (performance.now() > deadline) {
        throw new Error(`not within ${withinMs} ms: ${what}\n${[...this.agents].map(([host, a]) => `${host}: ${a.errors()}`).join('\n')}`);
      }
      await sleep(20);
    }
  }

  /** The command line that runs `argv` on a host. */
  enter(host: string, argv: readonly string[]): string[] {
    const sandbox = this.hosts.get(host);
    if (!sandbox) throw new Error(`no host ${host}`);
    return sandbox.enter(argv);
  }
}

/** A veth between two sandboxes; process ids are those outside, where the command's files are too. */
async function wire(a: Sandbox, aDev: string, b: Sandbox, bDev: string): Promise<void> {
  await run(
    a.enterNetwork([
      'ip',
      'link',
      'add',
      aDev,
      'mtu',
      '1600',
      'type',
      'veth',
      'peer',
      'name',
      bDev,
      'mtu',
      '1600',
      'netns',
      String(b.init.pid),
    ]),
  );
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}
