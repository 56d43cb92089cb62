// For tests: a small server behind q-plugin and q-reports-plugin that answers an L2 agent in the shapes of neutron-server.
import assert from 'node:assert/strict';
import { type Bus, type Json, RpcFailure } from '../../contracts/bus.ts';
import { encode, type Image, versionText } from '../../domain/objects/encode.ts';
import { resourceVersions } from './resource-versions.ts';
import type { ObjectEvent, ObjectName } from './resources.ts';
import type { NameOf } from './wire.ts';

export type Dict = Record<string, unknown>;

/** A UUID that tells what it stands for: two hex digits of kind, and a number in its first part. */
export const uuid = (kind: number, n: number): string =>
  `${kind.toString(16).padStart(2, '0')}${n.toString(16).padStart(6, '0')}-${n.toString(16).padStart(4, '0')}-4000-8000-${n.toString(16).padStart(12, '0')}`;

export interface FakeNetwork {
  readonly id: string;
  readonly type: string;
  readonly segment?: number;
  readonly physical?: string;
  mtu: number;
  policy?: string | null;
}

export interface FakePort {
  readonly id: string;
  readonly network: string;
  mac: string;
  ips: string[];
  host: string;
  owner: string;
  adminUp: boolean;
  status: string;
  policy: string | null;
  security: boolean;
  pairs: { ip_address: string; mac_address?: string }[];
  groups: string[];
}

export const tapOf = (id: string): string => `tap${id.slice(0, 11)}`;
export const macOf = (n: number): string =>
  `fa:16:3e:00:${(n >> 8).toString(16).padStart(2, '0')}:${(n & 0xff).toString(16).padStart(2, '0')}`;

export interface Heard {
  readonly method: string;
  readonly args: Readonly<Record<string, Json>>;
}

export class FakeServer {
  readonly networks = new Map<string, FakeNetwork>();
  readonly ports = new Map<string, FakePort>();
  /** Group → rules as the agent gets them. */
  readonly groups = new Map<string, Dict[]>();
  readonly addressGroups = new Map<string, string[]>();
  /** Versioned objects by their type and what they are pulled by. */
  private readonly objects = new Map<string, Image>();
  /** Tunnel end of each host, where l2population is on. */
  readonly ends = new Map<string, string>();
  readonly heard: Heard[] = [];
  /** Methods that fail, while listed. */
  readonly failing = new Set<string>();
  /** Methods whose answers are made at once, and sent when `held` is called. */
  readonly late = new Set<string>();
  readonly held: (() => void)[] = [];
  /** It is one of ours, and tells of the members of groups by port. */
  byPort = false;
  /** Types of tunnels that it has no driver for. */
  readonly noTunnels = new Set<string>();
  readonly onReport: (() => void)[] = [];
  private readonly bus: Bus;
  /** What agents call a port's device. */
  private readonly nameOf: NameOf;
  private readonly served: AsyncDisposable[] = [];

  private constructor(bus: Bus, nameOf: NameOf) {
    this.bus = bus;
    this.nameOf = nameOf;
  }

  static async open(bus: Bus, nameOf: NameOf = tapOf): Promise<FakeServer> {
    const server = new FakeServer(bus, nameOf);
    const methods = Object.fromEntries(
      (
        [
          ['get_devices_details_list', a => server.details(a)],
          ['security_group_info_for_devices', a => server.security(a)],
          ['update_device_up', a => server.up(String(a['device']), String(a['host']), a['refresh_tunnels'] === true)],
          ['update_device_down', a => server.down(String(a['device']))],
          ['update_device_list', a => server.list(a)],
          ['tunnel_sync', a => server.sync(a)],
          ['pull', a => server.pull(a)],
          ['bulk_pull', a => server.bulkPull(a)],
        ] as [string, (a: Readonly<Record<string, Json>>) => unknown][]
      ).map(([method, handle]) => [
        method,
        (args: Readonly<Record<string, Json>>) => {
          server.heard.push({ method, args });
          if (server.failing.has(method)) throw new Error(`${method} fails for now`);
          const answer = handle(args);
          return server.late.has(method) ? new Promise(resolve => server.held.push(() => resolve(answer))) : answer;
        },
      ]),
    );
    server.served.push(await bus.serve({ topic: 'q-plugin', server: 'fake', endpoints: [{ version: '1.9', methods }] }));
    const report_state = (args: Readonly<Record<string, Json>>): string => {
      server.heard.push({ method: 'report_state', args });
      if (server.failing.has('report_state')) throw new Error('away');
      for (const l of server.onReport) l();
      return 'alive';
    };
    server.served.push(
      await bus.serve({ topic: 'q-reports-plugin', server: 'fake', endpoints: [{ version: '1.4', methods: { report_state } }] }),
    );
    return server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const s of this.served) await s[Symbol.asyncDispose]();
  }

  network(n: number, fields: Partial<FakeNetwork> = {}): FakeNetwork {
    const network: FakeNetwork = { id: uuid(0xee, n), type: 'vxlan', segment: 1000 + n, mtu: 1450, ...fields };
    this.networks.set(network.id, network);
    return network;
  }

  port(n: number, network: FakeNetwork, fields: Partial<FakePort> = {}): FakePort {
    const port: FakePort = {
      id: uuid(0xa0, n),
      network: network.id,
      mac: macOf(n),
      ips: [`10.0.0.${n}`, `fd00::${n.toString(16)}`],
      host: 'h1',
      owner: 'compute:nova',
      adminUp: true,
      status: 'DOWN',
      policy: null,
      security: true,
      pairs: [],
      groups: [],
      ...fields,
    };
    this.ports.set(port.id, port);
    return port;
  }

  group(n: number, rules: readonly Dict[], stateful = true): string {
    const id = uuid(0xcc, n);
    this.groups.set(
      id,
      rules.map(r => ({ ...r, stateful })),
    );
    return id;
  }

  count(method: string): number {
    return this.heard.filter(h => h.method === method).length;
  }

  /** Has an object pulled by `key`; without an image there is none. */
  object(type: ObjectName, key: string, image: Image | undefined): void {
    if (image) this.objects.set(`${type} ${key}`, image);
    else this.objects.delete(`${type} ${key}`);
  }

  private pull(args: Readonly<Record<string, Json>>): unknown {
    const type = args['resource_type'] as ObjectName;
    if (args['version'] !== resourceVersions[type])
      throw new RpcFailure('InvalidTargetVersion', `Invalid target version ${String(args['version'])}`);
    const image = this.objects.get(`${type} ${String(args['resource_id'])}`);
    return image ? primitive(type, image) : null;
  }

  /** Another topic that agents ask on. */
  async answer(
    topic: string,
    namespace: string,
    methods: Readonly<Record<string, (args: Readonly<Record<string, Json>>) => unknown>>,
  ): Promise<void> {
    const heard = Object.entries(methods).map(([method, handle]) => [
      method,
      (args: Readonly<Record<string, Json>>) => {
        this.heard.push({ method, args });
        if (this.failing.has(method)) throw new Error(`${method} fails for now`);
        return handle(args);
      },
    ]);
    const endpoints = [{ namespace, version: '1.1', methods: Object.fromEntries(heard) }];
    this.served.push(await this.bus.serve({ topic, server: 'fake', endpoints }));
  }

  /** By a list of what they are pulled by; of ports their policies alone. */
  private bulkPull(args: Readonly<Record<string, Json>>): unknown[] {
    const [keys = []] = Object.values(args['filter_kwargs'] as Record<string, string[]>);
    if (args['resource_type'] !== 'Port') return keys.flatMap(key => this.pull({ ...args, resource_id: key }) ?? []);
    return keys.flatMap(id => {
      const port = this.ports.get(id);
      if (!port) return [];
      const qos_network_policy_id = this.networks.get(port.network)?.policy ?? null;
      return [primitive('Port', { id, qos_policy_id: port.policy, qos_network_policy_id })];
    });
  }

  // Messages to agents.

  async push(type: ObjectName, event: ObjectEvent, ...images: Image[]): Promise<void> {
    const resource_list = images.map(image => primitive(type, image));
    const topic = `neutron-vo-${type}-${resourceVersions[type]}`;
    await this.bus.cast({ topic, fanout: true, version: '1.1' }, 'push', { resource_list, event_type: event });
  }

  async fanout(topic: string, method: string, args: Dict, version = '1.0'): Promise<void> {
    await this.bus.cast({ topic: `q-agent-notifier-${topic}`, fanout: true, version }, method, args);
  }

  async portUpdate(port: FakePort): Promise<void> {
    const network = this.networks.get(port.network);
    await this.fanout('port-update', 'port_update', {
      port: this.portDict(port),
      network_type: network?.type ?? null,
      segmentation_id: network?.segment ?? null,
      physical_network: network?.physical ?? null,
    });
  }

  async portDelete(port: FakePort): Promise<void> {
    this.ports.delete(port.id);
    await this.fanout('port-delete', 'port_delete', { port_id: port.id });
  }

  async ruleUpdated(group: string): Promise<void> {
    await this.fanout('security_group-update', 'security_groups_rule_updated', { security_groups: [group] }, '1.1');
  }

  async memberUpdated(group: string): Promise<void> {
    await this.fanout('security_group-update', 'security_groups_member_updated', { security_groups: [group] }, '1.1');
  }

  /** As a server of ours says it: what the port is now. */
  async memberTold(port: FakePort, revision: number, groups: readonly string[]): Promise<void> {
    const members = [{ port_id: port.id, security_groups: port.groups, revision, addresses: port.ips }];
    await this.fanout('security_group-update', 'security_groups_member_updated', { security_groups: groups, members }, '1.1');
  }

  async rulesTold(group: string, revision: number): Promise<void> {
    const rules = [{ id: group, revision, rules: this.groups.get(group) }];
    await this.fanout('security_group-update', 'security_groups_rule_updated', { security_groups: [group], rules }, '1.1');
  }

  // What agents ask.

  private byTap(tap: string): FakePort | undefined {
    return [...this.ports.values()].find(p => this.nameOf(p.id) === tap);
  }

  private details(args: Readonly<Record<string, Json>>): Dict[] {
    return (args['devices'] as string[]).map(device => {
      const port = this.byTap(device);
      const network = port && this.networks.get(port.network);
      if (!port || !network || port.host === '') return { device };
      if (port.host !== args['host'] && port.owner.startsWith('compute:')) return { device, no_active_binding: true };
      port.status = port.adminUp ? 'BUILD' : 'DOWN';
      return {
        device,
        network_id: port.network,
        port_id: port.id,
        mac_address: port.mac,
        admin_state_up: port.adminUp,
        network_type: network.type,
        segmentation_id: network.segment ?? null,
        physical_network: network.physical ?? null,
        mtu: network.mtu,
        fixed_ips: port.ips.map(ip => ({ subnet_id: uuid(0x55, 0), ip_address: ip })),
        device_owner: port.owner,
        allowed_address_pairs: port.pairs,
        port_security_enabled: port.security,
        qos_policy_id: port.policy,
        qos_network_policy_id: network.policy ?? null,
        profile: {},
        propagate_uplink_status: false,
      };
    });
  }

  private security(args: Readonly<Record<string, Json>>): Dict {
    const ports = (args['devices'] as string[]).flatMap(tap => this.byTap(tap) ?? []).filter(p => !p.owner.startsWith('network:'));
    const groups = [...new Set(ports.flatMap(p => p.groups))];
    const remote = groups
      .flatMap(g => (this.groups.get(g) ?? []).flatMap(r => [r['remote_group_id'], r['remote_address_group_id']]))
      .filter(g => typeof g === 'string');
    return {
      devices: Object.fromEntries(
        ports.map(p => [
          p.id,
          {
            ...this.portDict(p),
            fixed_ips: p.ips,
            security_group_rules: providerRules(p),
            security_group_source_groups: remote,
            security_group_remote_address_groups: [],
            device: this.nameOf(p.id),
          },
        ]),
      ),
      security_groups: Object.fromEntries(groups.map(g => [g, this.groups.get(g) ?? []])),
      ...(this.byPort && args['members_by_port'] === true
        ? { sg_member_ips: {}, sg_member_ports: this.memberPorts(remote, args['without_members'] as string[]) }
        : { sg_member_ips: Object.fromEntries(remote.map(g => [g, this.members(g)])) }),
    };
  }

  private memberPorts(remote: readonly string[], known: readonly string[]): Dict {
    const asked = remote.filter(g => !known.includes(g));
    const of = (group: string): FakePort[] => [...this.ports.values()].filter(p => p.groups.includes(group));
    return Object.fromEntries(asked.map(g => [g, Object.fromEntries(of(g).map(p => [p.id, [1, ...p.ips]]))]));
  }

  private members(group: string): Dict {
    const listed = this.addressGroups.get(group);
    const ports = [...this.ports.values()].filter(p => p.groups.includes(group));
    const all = listed ?? ports.flatMap(p => [...p.ips, ...p.pairs.map(x => x.ip_address)]);
    const family = (v6: boolean): [string, null][] => all.filter(ip => ip.includes(':') === v6).map(ip => [ip, null]);
    return { IPv4: family(false), IPv6: family(true) };
  }

  private async up(device: string, host: string, refresh: boolean): Promise<null> {
    const port = this.byTap(device);
    if (!port || port.host !== host) return null;
    port.status = 'ACTIVE';
    await this.populate(port, refresh);
    return null;
  }

  private down(device: string): Dict {
    const port = this.byTap(device);
    if (port) port.status = 'DOWN';
    return { device, exists: port !== undefined };
  }

  private async list(args: Readonly<Record<string, Json>>): Promise<Dict> {
    const up = args['devices_up'] as string[];
    const down = args['devices_down'] as string[];
    for (const d of up) await this.up(d, String(args['host']), args['refresh_tunnels'] === true);
    return { devices_up: up, failed_devices_up: [], devices_down: down.map(d => this.down(d)), failed_devices_down: [] };
  }

  private sync(args: Readonly<Record<string, Json>>): Dict {
    const type = String(args['tunnel_type']);
    if (this.noTunnels.has(type)) throw new RpcFailure('InvalidInput', `Network type value '${type}' not supported`);
    const others = [...this.ends].filter(([host]) => host !== args['host']);
    return { tunnels: others.map(([host, ip_address]) => ({ ip_address, host, udp_port: 4789 })) };
  }

  private async populate(port: FakePort, refresh: boolean): Promise<void> {
    const end = this.ends.get(port.host);
    const network = this.networks.get(port.network);
    if (end === undefined || network?.type !== 'vxlan') return;
    const active = [...this.ports.values()].filter(p => p.network === port.network && p.status === 'ACTIVE');
    const entry = (ports: Dict): Dict => ({ fdb_entries: { [network.id]: { segment_id: network.segment, network_type: 'vxlan', ports } } });
    const first = refresh || active.filter(p => p.host === port.host).length === 1;
    if (first) {
      const others = Object.fromEntries(
        [...this.ends]
          .map(([host, e]) => [e, active.filter(p => p.host === host && p.host !== port.host).flatMap(pairsOf)] as const)
          .filter(([, pairs]) => pairs.length > 0)
          .map(([e, pairs]) => [e, [flood, ...pairs]]),
      );
      if (Object.keys(others).length > 0)
        await this.bus.cast({ topic: 'q-agent-notifier-l2population-update', server: port.host }, 'add_fdb_entries', entry(others));
    }
    await this.fanout('l2population-update', 'add_fdb_entries', entry({ [end]: [...(first ? [flood] : []), ...pairsOf(port)] }));
  }

  private portDict(p: FakePort): Dict {
    return {
      id: p.id,
      network_id: p.network,
      mac_address: p.mac,
      admin_state_up: p.adminUp,
      status: p.status,
      device_owner: p.owner,
      fixed_ips: p.ips.map(ip => ({ subnet_id: uuid(0x55, 0), ip_address: ip })),
      allowed_address_pairs: p.pairs,
      security_groups: p.groups,
      port_security_enabled: p.security,
      qos_policy_id: p.policy,
      qos_network_policy_id: this.networks.get(p.network)?.policy ?? null,
      'binding:host_id': p.host,
    };
  }
}

const primitive = (type: ObjectName, image: Image): unknown => {
  const minor = Number(resourceVersions[type].slice(2));
  assert.equal(versionText(minor), resourceVersions[type]);
  return encode(type, image, minor);
};

const flood = ['00:00:00:00:00:00', '0.0.0.0'];
const pairsOf = (p: FakePort): string[][] => p.ips.map(ip => [p.mac, ip]);

function providerRules(p: FakePort): Dict[] {
  const dhcp = {
    direction: 'ingress',
    ethertype: 'IPv4',
    protocol: 'udp',
    port_range_min: 68,
    port_range_max: 68,
    source_port_range_min: 67,
    source_port_range_max: 67,
  };
  const v4 = p.ips.filter(ip => !ip.includes(':')).map(ip => ({ ...dhcp, dest_ip_prefix: `${ip}/32` }));
  const v6 = {
    ...dhcp,
    ethertype: 'IPv6',
    port_range_min: 546,
    port_range_max: 546,
    source_port_range_min: 547,
    source_port_range_max: 547,
    dest_ip_prefix: 'fe80::/64',
  };
  return [...v4, { ...dhcp, dest_ip_prefix: '255.255.255.255/32' }, v6];
}
