// Two contained hosts with Weft's agents, each a process told by Neutron's files, on a real neutron-server with its own RabbitMQ.
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openVm, tapName, type Vm } from '../../src/main/instances/vm.ts';
import { type ContainedHost, openContained } from '../../src/main/sandbox/contained.ts';
import { childrenOf } from '../../src/main/sandbox/proc.ts';
import { type Done, run, tryRun } from '../../src/main/sandbox/run.ts';
import type { Api, Made } from '../api/client.ts';
import { type Job, startJob, until } from '../system/job.ts';
import type { Place } from '../system/traffic.ts';
import { portTo, socketTo } from './broker-relay.ts';
import { NeutronServer, optionFile, type Sections, transportUrlOf } from './neutron-server.ts';
import { Rabbit } from './rabbit.ts';

const weft = join(import.meta.dirname, '../../bin/weft');
export const kinds = ['linuxbridge', 'dhcp', 'l3', 'metadata'] as const;
export type Kind = (typeof kinds)[number];

/** Sections that say how Neutron's agents start their privileged halves. */
const privileged = ['privsep', ...['dhcp_release', 'ovs_vsctl', 'namespace', 'conntrack', 'link'].map(name => `privsep_${name}`)];

export const novaPort = 8775;
export const metadataSecret = 's3cr3t of both';

export interface Instance {
  readonly host: string;
  readonly vm: Vm;
  readonly port: Made;
  /** Its first address, as the API says. */
  readonly address: string;
}

/** The agent itself: below what entered the host, above the tools that it runs. */
function agentOf({ child, output }: Job): number {
  const [pid] = childrenOf(child.pid ?? 0);
  if (pid === undefined) throw new Error(`the agent is gone:\n${output()}`);
  return pid;
}

export class AgentsWorld implements AsyncDisposable {
  readonly rabbit: Rabbit;
  readonly neutron: NeutronServer;
  readonly hosts: readonly ContainedHost[];
  /** Whom it asks: the neutron-server, until another takes its place. */
  api: Api;
  private readonly underlay: ContainedHost['sandbox'];
  private readonly folder: string;
  private readonly stack: AsyncDisposableStack;
  private readonly agents = new Map<string, Job>();
  private readonly jobs = new Set<Job>();
  /** Where a Linux bridge agent of Neutron's is: it leaves it to Nova to put a tap into its bridge. */
  private readonly byNova = new Set<string>();
  readonly instances: Vm[] = [];

  static async open(): Promise<AgentsWorld> {
    await using stack = new AsyncDisposableStack();
    const folder = mkdtempSync(join(tmpdir(), 'weft-agents-'));
    stack.defer(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
    const rabbit = stack.use(await Rabbit.start());
    const settings = { DEFAULT: { dns_domain: 'weft.example' } };
    const neutron = stack.use(await NeutronServer.start({ transportUrl: transportUrlOf(rabbit), settings }));
    const contained = stack.use(await openContained(2));
    const socket = join(folder, 'broker');
    stack.use(await socketTo(rabbit.port, socket));
    for (const { sandbox } of contained.hosts) {
      const relay = portTo(socket, rabbit.port, argv => sandbox.enter(argv));
      stack.defer(() => void relay.kill('SIGKILL'));
    }
    return new AgentsWorld({ rabbit, neutron, contained, folder }, stack.move());
  }

  private constructor(
    parts: Pick<AgentsWorld, 'rabbit' | 'neutron'> & { contained: Awaited<ReturnType<typeof openContained>>; folder: string },
    stack: AsyncDisposableStack,
  ) {
    this.rabbit = parts.rabbit;
    this.neutron = parts.neutron;
    this.api = parts.neutron.api;
    this.hosts = parts.contained.hosts;
    this.underlay = parts.contained.underlay;
    this.folder = parts.folder;
    this.stack = stack;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const job of [...this.agents.values(), ...this.jobs]) job.kill('SIGKILL');
    await this.stack.disposeAsync();
  }

  host(name: string): ContainedHost {
    const host = this.hosts.find(one => one.name === name);
    if (!host) throw new Error(`no host ${name}`);
    return host;
  }

  /** Writes its files, and starts it. */
  start(host: string, kind: Kind): void {
    if (kind === 'linuxbridge') this.byNova.delete(host);
    const files = this.files(host, kind);
    const argv = [weft, 'agent', kind, ...files.flatMap(file => ['--config-file', file])];
    this.agents.set(`${host} ${kind}`, startJob(this.host(host).sandbox.enter(argv)));
  }

  /** Debian's agent of the kind, told by the same files. */
  startDebian(host: string, kind: Kind): void {
    if (kind === 'linuxbridge') this.byNova.add(host);
    const files = this.files(host, kind).flatMap(file => ['--config-file', file]);
    const env = [`TMPDIR=${this.folder}`, `PATH=${join(import.meta.dirname, 'agents/programs')}:${process.env['PATH']}`];
    const argv = ['env', ...env, `/usr/bin/neutron-${kind}-agent`, ...files];
    this.agents.set(`${host} ${kind}`, startJob(this.host(host).sandbox.enter(argv)));
  }

  startAll(): void {
    for (const { name } of this.hosts) for (const kind of kinds) this.start(name, kind);
  }

  /** SIGTERM; answers its exit status. */
  end(host: string, kind: Kind): Promise<number | null> {
    return this.release(host, kind)();
  }

  /** Lets another one start beside it; answers how it is ended. */
  release(host: string, kind: Kind): () => Promise<number | null> {
    const job = this.running(host, kind);
    this.agents.delete(`${host} ${kind}`);
    this.jobs.add(job);
    return () => this.endJob(job);
  }

  private async endJob(job: Job): Promise<number | null> {
    process.kill(agentOf(job), 'SIGTERM');
    this.jobs.delete(job);
    const { child } = job;
    // Not until its streams close: daemons that outlive an agent of Neutron's may hold them.
    return child.exitCode ?? (await new Promise(resolve => child.once('exit', resolve)));
  }

  signal(host: string, kind: Kind, signal: NodeJS.Signals): void {
    process.kill(agentOf(this.running(host, kind)), signal);
  }

  private running(host: string, kind: Kind): Job {
    const job = this.agents.get(`${host} ${kind}`);
    if (!job) throw new Error(`no ${kind} agent on ${host}`);
    return job;
  }

  /** Of its log and what it printed. */
  log(host: string, kind: Kind): string {
    try {
      return readFileSync(this.logFile(host, kind), 'utf8');
    } catch {
      return this.agents.get(`${host} ${kind}`)?.output() ?? '';
    }
  }

  /** How often agents of this kind have been in sync with the server. */
  syncs(host: string, kind: Kind): number {
    return this.log(host, kind).split('in sync with the server').length - 1;
  }

  async instance(host: string, network: string, more: Record<string, unknown> = {}): Promise<Instance> {
    const bound = { 'binding:host_id': host, device_owner: 'compute:nova', device_id: randomUUID() };
    const port = await this.api.make('ports', 'port', { network_id: network, ...bound, ...more });
    const { sandbox } = this.host(host);
    const name = `vm-${port.id.slice(0, 8)}`;
    const vm = this.stack.use(await openVm(sandbox, { name, tap: tapName(port.id), mac: String(port['mac_address']), portId: port.id }));
    this.instances.push(vm);
    await this.until(`${name} is ACTIVE`, async () => (await this.port(port.id))['status'] === 'ACTIVE');
    if (this.byNova.has(host)) await this.onHost(host, 'ip', 'link', 'set', tapName(port.id), 'master', `brq${network.slice(0, 11)}`);
    await vm.boot({ dhcp4: true, dhcp6: 'no', fixed: [] });
    const [fixed] = port['fixed_ips'] as { ip_address: string }[];
    const address = fixed?.ip_address ?? '';
    await this.until(`${name} has its address`, async () => (await vm.addresses()).some(cidr => cidr.startsWith(`${address}/`)));
    return { host, vm, port, address };
  }

  async port(id: string): Promise<Made> {
    return (await this.api.listOnce(`ports?id=${id}`))[0] as Made;
  }

  inside({ vm }: Instance, ...argv: string[]): Promise<Done> {
    return tryRun(vm.sandbox.enter(argv), { timeoutMs: 60_000 });
  }

  place({ vm }: Instance): Place {
    return argv => this.job(vm.sandbox.enter(argv));
  }

  /** On the public side. */
  get outside(): Place {
    return argv => this.job(this.underlay.enter(argv));
  }

  onHost(host: string, ...argv: string[]): Promise<string> {
    return run(this.host(host).sandbox.enter(argv), { timeoutMs: 60_000 });
  }

  fromOutside(...argv: string[]): Promise<Done> {
    return tryRun(this.underlay.enter(argv), { timeoutMs: 60_000 });
  }

  job(argv: readonly string[]): Job {
    const job = startJob(argv);
    this.jobs.add(job);
    void job.done.then(() => this.jobs.delete(job));
    return job;
  }

  until(what: string, look: () => boolean | Promise<boolean>, withinMs = 90_000): Promise<void> {
    return until(what, look, { withinMs, everyMs: 100, story: () => this.story() });
  }

  /** What went wrong, for the message of a failure. */
  story(): string {
    const agents = this.hosts.flatMap(({ name }) => kinds.map(kind => [`${name} ${kind}`, this.log(name, kind)] as const));
    const lines = agents.flatMap(([name, text]) =>
      text
        .split('\n')
        .filter(line => / (WARNING|ERROR) /.test(line))
        .slice(-10)
        .map(line => `${name}: ${line.slice(0, 500)}`),
    );
    const server = readFileSync(this.neutron.logFile, 'utf8').split('\n');
    return [...lines, ...server.filter(line => / ERROR /.test(line)).slice(-30)].join('\n');
  }

  private logFile(host: string, kind: Kind): string {
    return join(this.folder, host, 'log', `neutron-${kind}-agent.log`);
  }

  private files(host: string, kind: Kind): string[] {
    const folder = join(this.folder, host);
    mkdirSync(join(folder, 'log'), { recursive: true });
    const names = ['neutron.conf', `${kind}_agent.ini`].map(name => join(folder, name));
    const helper = `env privsep-helper ${names.map(file => `--config-file ${file}`).join(' ')}`;
    const helped = Object.fromEntries(privileged.map(name => [name, { helper_command: helper }]));
    return [this.common(host), { ...this.own(host, kind), ...helped }].map((sections, i) => {
      const file = names[i] ?? '';
      writeFileSync(file, optionFile(sections), { mode: 0o600 });
      return file;
    });
  }

  /** As a controller's file is, with options that are the server's. */
  private common(host: string): Sections {
    return {
      DEFAULT: {
        core_plugin: 'ml2',
        auth_strategy: 'keystone',
        transport_url: transportUrlOf(this.rabbit),
        host,
        state_path: '/run/neutron',
        log_dir: join(this.folder, host, 'log'),
        dns_domain: 'weft.example',
      },
      agent: { root_helper: 'env', report_interval: 5 },
      experimental: { linuxbridge: true },
      oslo_concurrency: { lock_path: '/run/neutron/lock' },
      oslo_messaging_rabbit: { rabbit_retry_interval: 1, rabbit_retry_backoff: 0, kombu_reconnect_delay: 0.2 },
    };
  }

  private own(host: string, kind: Kind): Sections {
    const { localIp } = this.host(host);
    const own: Readonly<Record<Kind, Sections>> = {
      linuxbridge: {
        linux_bridge: { physical_interface_mappings: 'public:eth1' },
        vxlan: { enable_vxlan: true, local_ip: localIp, l2_population: true },
        securitygroup: { firewall_driver: 'iptables' },
      },
      dhcp: { DEFAULT: { interface_driver: 'linuxbridge', enable_isolated_metadata: true } },
      l3: { DEFAULT: { interface_driver: 'linuxbridge' }, agent: { extensions: 'port_forwarding' } },
      metadata: {
        DEFAULT: { nova_metadata_host: '127.0.0.1', nova_metadata_port: novaPort, metadata_proxy_shared_secret: metadataSecret },
      },
    };
    return own[kind];
  }
}
