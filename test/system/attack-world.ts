// A Weft with a malicious tenant in it: `mallory` of the project `other`, root in her instances with raw sockets, on a network that the
// project `weft` shares with her, and on one of her own with the very same addresses, on the same host.
import assert from 'node:assert/strict';
import type { ApiClient, Body } from '../../src/client/api.ts';
import type { Job } from './job.ts';
import { hex, sender, sniffer } from './raw-frames.ts';
import { type Instance, type Made, WeftWorld } from './weft-world.ts';

export const python = '/usr/bin/python3';

/** Whom frames come from and go to. */
export interface Party {
  readonly mac: string;
  readonly v4: string;
  readonly v6: string;
  /** Its link-local address. */
  readonly ll: string;
}

export interface Actor extends Party {
  readonly vm: Instance;
}

export interface Case {
  readonly name: string;
  readonly frame: readonly number[];
  /** What tells it at the other end, where the kernel may have put fragments together; else the whole frame. */
  readonly mark?: readonly number[];
  /** Bridges or kernels drop it by themselves, whatever the filters say. */
  readonly never?: true;
}

/** Somebody who hears every frame that comes to an instance's device. */
export interface Ear {
  heard(c: Pick<Case, 'frame' | 'mark'>): boolean;
  /** Frames so far, in hex. */
  frames(): readonly string[];
  stop(): void;
}

export const anyRules = (['ingress', 'egress'] as const).flatMap(direction =>
  ['IPv4', 'IPv6'].map(ethertype => ({ direction, ethertype })),
);

export function linkLocal(mac: string): string {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = mac.split(':').map(h => Number.parseInt(h, 16));
  const groups = [((a ^ 2) << 8) | b, (c << 8) | 0xff, 0xfe00 | d, (e << 8) | f];
  return `fe80::${groups.map(g => g.toString(16)).join(':')}`;
}

const cidr4 = '10.5.0.0/24';
const cidr6 = 'fd00:5::/64';

interface Furnished {
  readonly world: WeftWorld;
  readonly projects: { readonly weft: string; readonly other: string };
  /** The shared network, of `weft`. */
  readonly shared: Made;
  /** The other project's own, with the same prefixes. */
  readonly twin: Made;
  readonly router: Made;
  readonly gateway: Party;
  /** A group of each project that allows everything. */
  readonly any: { readonly weft: Made; readonly other: Made };
}

export class AttackWorld implements AsyncDisposable {
  readonly world: WeftWorld;
  readonly projects: Furnished['projects'];
  readonly shared: Made;
  readonly twin: Made;
  readonly router: Made;
  readonly gateway: Party;
  readonly any: Furnished['any'];

  constructor({ world, projects, shared, twin, router, gateway, any }: Furnished) {
    this.world = world;
    this.projects = projects;
    this.shared = shared;
    this.twin = twin;
    this.router = router;
    this.gateway = gateway;
    this.any = any;
  }

  /** Without a word on the switch, the environment's: WEFT_TEST_SWITCH. */
  static async open(hosts: number, kind = process.env['WEFT_TEST_SWITCH'] ?? 'linuxbridge'): Promise<AttackWorld> {
    const world = await WeftWorld.open({ hosts, more: ['--switch', kind] });
    try {
      return await furnish(world);
    } catch (error) {
      await world[Symbol.asyncDispose]();
      throw error;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.world[Symbol.asyncDispose]();
  }

  /** An instance on the shared network; `more` are attributes of its port. Answers when its addresses are there. */
  async actor(name: string, options: { host?: string; project?: 'weft' | 'other'; more?: Body } = {}): Promise<Actor> {
    const { host = 'h1', project = 'weft', more = {} } = options;
    const groups = more['port_security_enabled'] === false ? {} : { security_groups: [this.any[project].id] };
    const port = await this.port(this.shared, project, { name, ...groups, ...more });
    return this.start(name, port, host);
  }

  /** The same on the other project's own network, with the addresses that are given. */
  async double(name: string, addresses: readonly string[], more: Body = {}, host = 'h1'): Promise<Actor> {
    const fixed_ips = addresses.map(ip_address => ({ ip_address }));
    const port = await this.port(this.twin, 'other', { name, security_groups: [this.any.other.id], fixed_ips, ...more });
    return this.start(name, port, host);
  }

  async port(network: Made, project: 'weft' | 'other', more: Body): Promise<Made> {
    return this.world.create(this.world.admin, 'port', { network_id: network.id, project_id: this.projects[project], ...more });
  }

  async start(name: string, port: Made, host: string): Promise<Actor> {
    const vm = await this.world.instance({ name, port: port.id, host });
    const mac = vm.view.mac_address;
    return { vm, mac, v4: vm.v4, v6: vm.v6, ll: linkLocal(mac) };
  }

  async group(project: 'weft' | 'other', rules: readonly Body[], name = 'a group'): Promise<Made> {
    return makeGroup(this.world, this.world.admin, this.projects[project], rules, name);
  }

  rule(group: Made, rule: Body): Promise<Made> {
    return this.world.create(this.world.admin, 'security-group-rule', { security_group_id: group.id, ...rule });
  }

  /** Promiscuous, so that frames to other MACs are heard if they come. */
  async listen({ vm }: Actor): Promise<Ear> {
    await this.world.inside(vm, 'ip', 'link', 'set', 'eth0', 'promisc', 'on');
    const job = this.world.spawn(vm, [python, '-c', sniffer, 'eth0']);
    await this.world.until(`${vm.name} listens`, () => job.output().includes('listening'));
    return earOf(job);
  }

  send({ vm }: Actor, cases: readonly Pick<Case, 'frame'>[]): Promise<string> {
    return this.world.inside(vm, python, '-c', sender, 'eth0', cases.map(c => hex(c.frame)).join(','));
  }

  /** Sends all; what is honest must arrive, and what is denied must not have, when the last honest frame is there. */
  async expectOnly({ from, ear, honest, denied }: Trial): Promise<void> {
    await this.send(from, [...denied, ...honest]);
    await this.world.until('all arrived', () => honest.every(c => ear.heard(c)), 3000).catch(() => {});
    assert.deepEqual(
      names(honest, c => !ear.heard(c)),
      [],
      'honest frames that did not arrive',
    );
    assert.deepEqual(
      names(denied, c => ear.heard(c)),
      [],
      'denied frames that arrived',
    );
  }

  /** Until the port is ACTIVE. */
  async active(port: { readonly id: string }, withinMs = 15_000): Promise<void> {
    const status = async (): Promise<string> => (await this.world.admin.get<{ port: { status: string } }>(`/ports/${port.id}`)).port.status;
    await this.world.until(`port ${port.id} is ACTIVE`, async () => (await status()) === 'ACTIVE', withinMs);
  }
}

export interface Trial {
  readonly from: Actor;
  readonly ear: Ear;
  readonly honest: readonly Case[];
  readonly denied: readonly Case[];
}

const names = (cases: readonly Case[], which: (c: Case) => boolean): string[] => cases.filter(which).map(c => c.name);

function earOf(job: Job): Ear {
  return {
    heard: c => job.output().includes(hex(c.mark ?? c.frame)),
    frames: () => job.output().split('\n').slice(1, -1),
    stop: () => job.kill(),
  };
}

async function makeGroup(world: WeftWorld, api: ApiClient, project_id: string, rules: readonly Body[], name: string): Promise<Made> {
  const group = await world.create(api, 'security-group', { name, project_id });
  const starting = group['security_group_rules'] as readonly { readonly id: string }[];
  for (const { id } of starting) await api.delete(`/security-group-rules/${id}`);
  for (const rule of rules) await world.create(api, 'security-group-rule', { security_group_id: group.id, ...rule });
  return group;
}

async function furnish(world: WeftWorld): Promise<AttackWorld> {
  const own = async (api: ApiClient): Promise<string> =>
    String((await api.get<{ security_groups: { project_id: string }[] }>('/security-groups')).security_groups[0]?.project_id);
  const projects = { weft: await own(world.member), other: await own(world.other) };
  const { admin } = world;
  const shared = await world.create(admin, 'network', { name: 'shared', shared: true, project_id: projects.weft });
  const subnet = (network: Made, project_id: string, more: Body): Promise<Made> =>
    world.create(admin, 'subnet', { network_id: network.id, project_id, ...more });
  const subnet4 = await subnet(shared, projects.weft, { ip_version: 4, cidr: cidr4 });
  const slaac = { ipv6_ra_mode: 'slaac', ipv6_address_mode: 'slaac' };
  const subnet6 = await subnet(shared, projects.weft, { ip_version: 6, cidr: cidr6, ...slaac });
  const twin = await world.create(admin, 'network', { name: 'twin', project_id: projects.other });
  await subnet(twin, projects.other, { ip_version: 4, cidr: cidr4, gateway_ip: null });
  await subnet(twin, projects.other, {
    ip_version: 6,
    cidr: cidr6,
    gateway_ip: null,
    ipv6_ra_mode: 'dhcpv6-stateful',
    ipv6_address_mode: 'dhcpv6-stateful',
  });
  const [outside] = (await admin.get<{ networks: Made[] }>('/networks?router:external=true')).networks;
  const router = await world.create(admin, 'router', {
    name: 'r',
    project_id: projects.weft,
    external_gateway_info: { network_id: outside?.id },
  });
  for (const { id } of [subnet4, subnet6]) await admin.put(`/routers/${router.id}/add_router_interface`, { subnet_id: id });
  const interfaces = `/ports?device_id=${router.id}&device_owner=network:router_interface`;
  const { ports } = await admin.get<{ ports: { mac_address: string }[] }>(interfaces);
  // One port has both families' addresses, or each its own: the gateway of IPv4 is the first that was added.
  const mac = String(ports[0]?.mac_address);
  const any = {
    weft: await makeGroup(world, admin, projects.weft, anyRules, 'any'),
    other: await makeGroup(world, admin, projects.other, anyRules, 'any'),
  };
  const gateway = { mac, v4: '10.5.0.1', v6: 'fd00:5::1', ll: linkLocal(mac) };
  return new AttackWorld({ world, projects, shared, twin, router, gateway, any });
}
