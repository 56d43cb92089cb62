// Hosts of a lab: sandboxes with eth0 on an underlay and eth1 on a public wire, both switched by a sandbox of their own. What Open vSwitch
// needs runs in user space, since not every kernel has its datapath.
import { setTimeout as sleep } from 'node:timers/promises';
import { type Done, run, tryRun } from '../../../src/main/sandbox/run.ts';
import { openSandbox, type Sandbox } from '../../../src/main/sandbox/sandbox.ts';
import { type Job, startJob } from '../../system/job.ts';

export type Kind = 'linuxbridge' | 'openvswitch';

export interface LabHost {
  readonly name: string;
  readonly kind: Kind;
  /** Its address on the underlay. */
  readonly address: string;
}

/** The gateway of the public network, on the wire's side. */
export const publicGateway = '203.0.113.1';
export const publicCidr = '203.0.113.0/24';

/** What the hosts' tunnels run over, and how long a packet may be on either wire. */
export interface Underlay {
  readonly version: 4 | 6;
  readonly mtu: number;
}

const usual: Underlay = { version: 4, mtu: 1600 };

export class Lab implements AsyncDisposable {
  readonly hosts: readonly LabHost[];
  private readonly prefix: string;
  private readonly underlay: Underlay;
  private readonly places = new Map<string, Sandbox>();
  private readonly jobs = new Set<Job>();
  /** By host and program. */
  private readonly daemons = new Map<string, Job>();
  private readonly stack = new AsyncDisposableStack();

  private constructor(prefix: string, kinds: readonly Kind[], underlay: Underlay) {
    this.prefix = prefix;
    this.underlay = underlay;
    const network = underlay.version === 4 ? '192.0.2.' : '2001:db8:99::';
    this.hosts = kinds.map((kind, i) => ({
      name: `${kind === 'linuxbridge' ? 'lb' : 'ovs'}${i + 1}`,
      kind,
      address: `${network}${i + 1}`,
    }));
  }

  static async open(prefix: string, kinds: readonly Kind[], underlay: Underlay = usual): Promise<Lab> {
    const lab = new Lab(prefix, kinds, underlay);
    try {
      await lab.switchOn();
      for (const host of lab.hosts) await lab.addHost(host);
      return lab;
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const job of this.jobs) job.kill();
    await this.stack.disposeAsync();
  }

  /** The command line that runs `argv` on a host, or on the wire. */
  enter(host: string, argv: readonly string[]): string[] {
    const place = this.places.get(host);
    if (!place) throw new Error(`no host ${host}`);
    return place.enter(argv);
  }

  on(host: string, ...argv: string[]): Promise<string> {
    return run(this.enter(host, argv), { timeoutMs: 60_000 });
  }

  attempt(host: string, ...argv: string[]): Promise<Done> {
    return tryRun(this.enter(host, argv), { timeoutMs: 60_000 });
  }

  /** Starts what goes on; it ends with the lab at the latest. */
  spawn(host: string, argv: readonly string[]): Job {
    const job = startJob(this.enter(host, argv));
    this.jobs.add(job);
    void job.done.then(() => this.jobs.delete(job));
    return job;
  }

  private async place(name: string): Promise<Sandbox> {
    const sandbox = this.stack.use(await openSandbox(`${this.prefix}-${name}`));
    this.places.set(name, sandbox);
    await this.on(name, 'ip', 'link', 'set', 'lo', 'up');
    return sandbox;
  }

  private async switchOn(): Promise<void> {
    await this.place('wire');
    for (const bridge of ['under', 'public']) {
      await this.on('wire', 'ip', 'link', 'add', bridge, 'mtu', this.mtu, 'type', 'bridge');
      await this.on('wire', 'ip', 'link', 'set', bridge, 'up');
    }
    await this.on('wire', 'ip', 'address', 'add', `${publicGateway}/24`, 'dev', 'public');
    // A wire is no firewall.
    await this.on('wire', 'sysctl', '-qw', 'net.bridge.bridge-nf-call-iptables=0', 'net.bridge.bridge-nf-call-ip6tables=0');
  }

  private async addHost({ name, kind, address }: LabHost): Promise<void> {
    await this.place(name);
    await this.plug(name, 'eth0', 'under');
    await this.plug(name, 'eth1', 'public');
    if (kind === 'linuxbridge') await this.address(name, address, 'eth0');
    else await this.addSwitch(name, address);
  }

  private get mtu(): string {
    return String(this.underlay.mtu);
  }

  private async address(host: string, address: string, device: string): Promise<void> {
    const cidr = this.underlay.version === 4 ? [`${address}/24`] : [`${address}/64`, 'nodad'];
    await this.on(host, 'ip', 'address', 'add', ...cidr, 'dev', device);
  }

  private async plug(host: string, device: string, bridge: string): Promise<void> {
    const wire = this.places.get('wire')!;
    const { pid } = this.places.get(host)!.init;
    const end = `${bridge}-${host}`;
    const wide = ['mtu', this.mtu];
    const pair = ['ip', 'link', 'add', end, ...wide, 'type', 'veth', 'peer', 'name', device, ...wide, 'netns', String(pid)];
    await run(wire.enterNetwork(pair));
    await this.on('wire', 'ip', 'link', 'set', end, 'master', bridge, 'up');
    await this.on(host, 'ip', 'link', 'set', device, 'up');
    // A switch in user space reads what the kernel would have written on the way out.
    await this.on('wire', 'ethtool', '-K', end, 'tx', 'off');
    await this.on(host, 'ethtool', '-K', device, 'tx', 'off');
  }

  /** Open vSwitch, with the underlay behind a bridge of its own: it looks up the way to other hosts by its own bridges. */
  private async addSwitch(host: string, address: string): Promise<void> {
    for (const folder of ['/etc/openvswitch', '/var/lib/openvswitch', '/var/log/openvswitch'])
      await this.on(host, 'sh', '-c', `mkdir -p ${folder} && mount -t tmpfs tmpfs ${folder}`);
    await this.on(host, 'mkdir', '-p', '/run/openvswitch');
    await this.on(host, 'ovsdb-tool', 'create', '/etc/openvswitch/conf.db', '/usr/share/openvswitch/vswitch.ovsschema');
    await this.startSwitch(host);
    const port = (bridge: string, device: string): string[] => ['--', 'add-port', bridge, device];
    const bridge = (name: string): string[] => ['--', 'add-br', name, '--', 'set', 'bridge', name, 'datapath_type=netdev'];
    await this.on(host, 'ovs-vsctl', ...bridge('br-phy'), ...port('br-phy', 'eth0'), ...bridge('br-ex'), ...port('br-ex', 'eth1'));
    await this.on(host, 'ip', 'link', 'set', 'br-phy', 'up', 'mtu', this.mtu);
    await this.address(host, address, 'br-phy');
  }

  async startSwitch(host: string): Promise<void> {
    await this.startDatabase(host);
    await this.on(host, 'ovs-vsctl', '--no-wait', 'set', 'Open_vSwitch', '.', `external_ids:system-id=${host}`);
    await this.startDaemon(host);
  }

  /** kill -9. */
  async killSwitch(host: string, program: 'ovsdb-server' | 'ovs-vswitchd'): Promise<void> {
    const job = this.daemons.get(`${host} ${program}`);
    job?.kill();
    await job?.done;
  }

  async startDatabase(host: string): Promise<void> {
    const remotes = ['--remote=punix:/run/openvswitch/db.sock', '--remote=ptcp:6640:127.0.0.1'];
    this.daemon(host, ['ovsdb-server', '/etc/openvswitch/conf.db', ...remotes, '-vconsole:warn']);
    await this.answers(host, 'ovs-vsctl', '--no-wait', 'init');
  }

  async startDaemon(host: string): Promise<void> {
    this.daemon(host, ['ovs-vswitchd', '--disable-system', '--pidfile', '-vconsole:warn']);
    await this.answers(host, 'ovs-appctl', 'version');
  }

  private daemon(host: string, argv: readonly [program: string, ...args: string[]]): void {
    this.daemons.set(`${host} ${argv[0]}`, this.spawn(host, argv));
  }

  private async answers(host: string, ...argv: string[]): Promise<void> {
    for (const deadline = performance.now() + 20_000; (await this.attempt(host, ...argv)).code !== 0; await sleep(50))
      if (performance.now() > deadline) throw new Error(`no answer on ${host}: ${argv.join(' ')}`);
  }
}
