// Two hosts with Linux bridges and two with Open vSwitch on wires that are no wider than the server thinks, Weft's server and Weft's agents as
// processes of their own, told by files. Networks of every type have the same addresses and, where they have one, the same number.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../src/contracts/free-port.ts';
import type { Done } from '../../src/main/sandbox/run.ts';
import { type Instance, plug, unplug } from '../interop/agents/instances.ts';
import { type Kind, Lab, type LabHost, type Underlay } from '../interop/agents/lab.ts';
import { patience } from '../interop/agents/needs.ts';
import { type Made, WeftServer } from '../interop/agents/server.ts';
import { type Job, until } from './job.ts';

/** Types of networks by what has them. */
export const typesOf: Readonly<Record<Kind, readonly string[]>> = {
  linuxbridge: ['local', 'flat', 'vxlan'],
  openvswitch: ['local', 'flat', 'vlan', 'vxlan', 'gre', 'geneve'],
};
export const isTunnel = (type: string): boolean => ['vxlan', 'gre', 'geneve'].includes(type);
/** Of all networks that have one. */
export const segment = 100;

export const families = ['IPv4', 'IPv6'] as const;
export type Family = (typeof families)[number];

/** An instance with an address of each family. */
export interface Member extends Instance {
  readonly type: string;
  readonly addresses: Readonly<Record<Family, string>>;
}

const weft = join(import.meta.dirname, '../../bin/weft');
const serving = ['busybox', 'httpd', '-f', '-p', '[::]:80', '-h'];

type Lines = Readonly<Record<string, readonly string[]>>;
const ini = (sections: Lines): string =>
  Object.entries(sections)
    .map(([name, lines]) => [`[${name}]`, ...lines, ''].join('\n'))
    .join('\n');

const serverLines = (version: 4 | 6): Lines => ({
  ml2: [
    'mechanism_drivers = openvswitch,linuxbridge,l2population',
    'type_drivers = local,flat,vlan,vxlan,gre,geneve',
    `overlay_ip_version = ${version}`,
  ],
  ml2_type_flat: ['flat_networks = public'],
  ml2_type_vlan: [`network_vlan_ranges = public:${segment}:${segment + 9}`],
  ml2_type_vxlan: [`vni_ranges = ${segment}:${segment + 9}`],
  ml2_type_gre: [`tunnel_id_ranges = ${segment}:${segment + 9}`],
  ml2_type_geneve: [`vni_ranges = ${segment}:${segment + 9}`],
});

const agentLines = ({ kind, address }: LabHost): Lines =>
  kind === 'linuxbridge'
    ? {
        linux_bridge: ['physical_interface_mappings = public:eth1'],
        vxlan: [`local_ip = ${address}`, 'l2_population = true', 'udp_dstport = 4789'],
        securitygroup: ['firewall_driver = iptables'],
      }
    : {
        ovs: ['datapath_type = netdev', 'bridge_mappings = public:br-ex', `local_ip = ${address}`, 'ovsdb_timeout = 60'],
        agent: ['tunnel_types = vxlan,gre,geneve', 'l2_population = true', 'arp_responder = true'],
        securitygroup: ['firewall_driver = openvswitch'],
      };

export class MatrixWorld implements AsyncDisposable {
  readonly folder: string;
  readonly lab: Lab;
  readonly server: WeftServer;
  readonly networks = new Map<string, Made>();
  private readonly stack: AsyncDisposableStack;
  private group = '';

  private constructor(parts: Pick<MatrixWorld, 'folder' | 'lab' | 'server'>, stack: AsyncDisposableStack) {
    this.folder = parts.folder;
    this.lab = parts.lab;
    this.server = parts.server;
    this.stack = stack;
  }

  static async open(version: Underlay['version']): Promise<MatrixWorld> {
    await using stack = new AsyncDisposableStack();
    const folder = mkdtempSync(join(tmpdir(), 'weft-matrix-'));
    stack.defer(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
    chmodSync(folder, 0o755);
    writeFileSync(join(folder, 'weft.conf'), ini(serverLines(version)));
    const server = stack.use(new WeftServer(join(folder, 'weft'), await freePort(), [join(folder, 'weft.conf')]));
    const kinds: readonly Kind[] = ['linuxbridge', 'linuxbridge', 'openvswitch', 'openvswitch'];
    const [lab] = await Promise.all([Lab.open('weft-matrix', kinds, { version, mtu: 1500 }), server.up()]);
    stack.use(lab);
    const world = new MatrixWorld({ folder, lab, server }, stack.move());
    try {
      await world.begin();
      return world;
    } catch (error) {
      await world[Symbol.asyncDispose]();
      throw error;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stack.disposeAsync();
  }

  private async begin(): Promise<void> {
    for (const host of this.lab.hosts) this.startAgent(host);
    const { id } = await this.server.make('security-groups', 'security_group', { name: 'open' });
    this.group = id;
    const open = { security_group_id: id, direction: 'ingress' };
    for (const ethertype of ['IPv4', 'IPv6']) await this.server.make('security-group-rules', 'security_group_rule', { ...open, ethertype });
    await this.until('all agents are alive', async () => (await this.server.list('agents?alive=true')).length === this.lab.hosts.length);
  }

  private startAgent(host: LabHost): void {
    const own = join(this.folder, host.name);
    mkdirSync(join(own, 'state'), { recursive: true });
    const file = join(own, 'agent.ini');
    const common = { DEFAULT: [`host = ${host.name}`, `state_path = ${own}/state`, `log_file = ${this.logFile(host.name)}`] };
    writeFileSync(file, ini({ ...common, ...agentLines(host) }));
    const socket = join(this.folder, 'weft/bus.sock');
    this.lab.spawn(host.name, [weft, 'agent', host.kind, '--bus-socket', socket, '--config-file', file]);
  }

  private logFile(host: string): string {
    return join(this.folder, host, 'agent.log');
  }

  /** The last words of all agents. */
  private story(): string {
    const last = ({ name }: LabHost): string => {
      try {
        return readFileSync(this.logFile(name), 'utf8').split('\n').slice(-8).join('\n');
      } catch {
        return 'it has no log';
      }
    };
    return this.lab.hosts.map(host => `${host.name}:\n${last(host)}`).join('\n');
  }

  host(name: string): LabHost {
    const found = this.lab.hosts.find(h => h.name === name);
    if (!found) throw new Error(`no host ${name}`);
    return found;
  }

  until(what: string, look: () => boolean | Promise<boolean>, withinMs = 20_000): Promise<void> {
    return until(what, look, { withinMs: withinMs * patience, everyMs: 50 * patience, story: () => this.story() });
  }

  /** 10.5.0.0/24 and fd00:5::/64. */
  async network(type: string): Promise<Made> {
    const physical = type === 'flat' || type === 'vlan' ? { 'provider:physical_network': 'public' } : {};
    const number = type === 'flat' || type === 'local' ? {} : { 'provider:segmentation_id': segment };
    const made = await this.server.make('networks', 'network', { 'provider:network_type': type, ...physical, ...number });
    const subnet = { network_id: made.id, enable_dhcp: false };
    await this.server.make('subnets', 'subnet', { ...subnet, ip_version: 4, cidr: '10.5.0.0/24' });
    await this.server.make('subnets', 'subnet', { ...subnet, ip_version: 6, cidr: 'fd00:5::/64' });
    this.networks.set(type, made);
    return made;
  }

  port(host: string, network: Made, more: object = {}): Promise<Made> {
    return this.server.make('ports', 'port', {
      network_id: network.id,
      'binding:host_id': host,
      device_owner: 'compute:nova',
      device_id: network.id,
      security_groups: [this.group],
      ...more,
    });
  }

  /** With its addresses and a web server that tells its name. */
  async instance(host: string, type: string, more: object = {}): Promise<Member> {
    const port = await this.port(host, this.networks.get(type)!, more);
    return this.plug(host, type, port);
  }

  async plug(host: string, type: string, port: Made): Promise<Member> {
    const plugged = await plug(this.lab, this.host(host), port, this.mtu(type));
    const all = (port['fixed_ips'] as readonly { ip_address: string }[]).map(ip => ip.ip_address);
    const of = (is6: boolean): string => all.find(a => a.includes(':') === is6) ?? '';
    const member = { ...plugged, type, addresses: { IPv4: of(false), IPv6: of(true) } };
    await this.inside(member, 'ip', 'address', 'add', `${member.addresses.IPv4}/24`, 'dev', 'eth0');
    await this.inside(member, 'ip', 'address', 'add', `${member.addresses.IPv6}/64`, 'dev', 'eth0', 'nodad');
    mkdirSync(this.pages(member), { recursive: true });
    writeFileSync(join(this.pages(member), 'name'), member.ns);
    this.spawnIn(member)([...serving, this.pages(member)]);
    await this.until(`${member.ns} serves`, async () => (await this.inside(member, 'ss', '-Hltn', 'sport = :80')) !== '');
    return member;
  }

  /** The folder of what its web server has. */
  private pages(vm: Pick<Member, 'ns'>): string {
    return join(this.folder, vm.ns);
  }

  mtu(type: string): number {
    return Number(this.networks.get(type)?.['mtu']);
  }

  async unplug(vm: Member): Promise<void> {
    for (const pid of (await this.lab.attempt(vm.host.name, 'ip', 'netns', 'pids', vm.ns)).stdout.split('\n').filter(Boolean))
      await this.lab.attempt(vm.host.name, 'kill', '-9', pid);
    await unplug(this.lab, vm);
  }

  inside(vm: Member, ...argv: string[]): Promise<string> {
    return this.lab.on(vm.host.name, 'ip', 'netns', 'exec', vm.ns, ...argv);
  }

  tryInside(vm: Member, ...argv: string[]): Promise<Done> {
    return this.lab.attempt(vm.host.name, 'ip', 'netns', 'exec', vm.ns, ...argv);
  }

  spawnIn(vm: Member): (argv: readonly string[]) => Job {
    return argv => this.lab.spawn(vm.host.name, ['ip', 'netns', 'exec', vm.ns, ...argv]);
  }

  async pings(vm: Member, address: string): Promise<boolean> {
    return (await this.tryInside(vm, 'ping', '-n', '-c1', '-W1', address)).code === 0;
  }

  async reaches(vm: Member, address: string): Promise<void> {
    await this.until(`${vm.ns} of ${vm.host.name} pings ${address}`, () => this.pings(vm, address));
  }

  /** What a web server there says; empty where there is no connection. */
  async fetch(vm: Member, address: string, file = 'name'): Promise<string> {
    const place = address.includes(':') ? `[${address}]` : address;
    return (await this.tryInside(vm, 'curl', '-s', '-m', '5', `http://${place}/${file}`)).stdout;
  }

  /** A ping, and over TCP its name and a page long enough for packets of full size. */
  async talks(from: Member, to: Member, family: Family): Promise<void> {
    const there = to.addresses[family];
    await this.reaches(from, there);
    const page = randomBytes(100_000).toString('hex');
    writeFileSync(join(this.pages(to), 'page'), page);
    assert.ok((await this.fetch(from, there, 'page')) === page, `the page of ${to.ns} did not come whole`);
    // Who else has the address would say another one.
    assert.equal(await this.fetch(from, there), to.ns);
  }

  async active(...ports: readonly string[]): Promise<void> {
    const wanted = ports.map(id => `id=${id}`).join('&');
    const statuses = async (): Promise<unknown[]> => (await this.server.list(`ports?${wanted}&fields=status`)).map(p => p['status']);
    await this.until(`${ports.length} ports ACTIVE`, async () => (await statuses()).every(s => s === 'ACTIVE'));
  }
}
