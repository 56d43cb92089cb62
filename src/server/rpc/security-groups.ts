// What L2 agents need to filter: the groups of their devices, the rules, and the members of remote groups.
import type { Endpoint } from '../../contracts/bus.ts';
import type { Row } from '../../contracts/store.ts';
import { autoAddress } from '../../domain/ipam/addresses.ts';
import { addressesOf } from '../commands/address-groups.ts';
import { byIds, grouped } from '../commands/load.ts';
import { interfaceOwners } from '../commands/router-rows.ts';
import type { Services } from '../context.ts';
import { type Args, texts } from './arguments.ts';
import { portsOf } from './devices.ts';
import { type Dict, portDicts } from './dicts.ts';

interface FixedIp {
  readonly subnet_id: string;
  readonly ip_address: string;
}

async function info(services: Services, args: Args): Promise<Dict> {
  const ports = await portsOf(services, texts(args, 'devices'));
  const filtered = [...ports].filter(([, row]) => !String(row.device_owner).startsWith('network:'));
  const dicts = await portDicts(
    services,
    filtered.map(([, row]) => row),
  );
  const groupIds = [...new Set(dicts.flatMap(d => d.security_groups as string[]))];
  const rules = await rulesOf(services, groupIds);
  const groups = await byIds(services, 'security_groups', groupIds);
  const all = [...rules.values()].flat();
  const byPort = args.members_by_port === true;
  const told = new Set(texts(args, 'without_members'));
  const remote = named(all, 'remote_group_id').filter(id => !told.has(id));
  const routers = await advertisers(services, [...new Set(dicts.map(d => String(d.network_id)))]);
  const devices: Dict = {};
  for (const [i, dict] of dicts.entries()) devices[String(dict.id)] = deviceInfo(dict, filtered[i]?.[0] as string, rules, routers);
  return {
    devices,
    security_groups: Object.fromEntries(groupIds.map(id => [id, dictsOf(rules.get(id) ?? [], groups.get(id))])),
    // Agents treat both kinds of group alike, so both are told in one place.
    sg_member_ips: {
      ...(byPort ? {} : await members(services, remote, args.call_version !== undefined)),
      ...(await addressMembers(services, named(all, 'remote_address_group_id'), args.call_version !== undefined)),
    },
    // For agents of ours: by port, so that they can be told of each one that changes.
    ...(byPort ? { sg_member_ports: await memberPorts(services, remote) } : {}),
  };
}

const rulesOf = (services: Services, groupIds: readonly string[]): Promise<Map<string, Row[]>> =>
  grouped(services, 'security_group_rules', 'security_group_id', groupIds, {
    order: [
      ['created_at', 'asc'],
      ['id', 'asc'],
    ],
  });

const dictsOf = (rules: readonly Row[], group: Row | undefined): Dict[] =>
  rules.map(r => byMembers(ruleDict(r, group?.stateful !== false)));

/** Of each group, as agents get them. */
export async function wireRules(services: Services, groups: ReadonlyMap<string, Row>): Promise<Map<string, Dict[]>> {
  const rules = await rulesOf(services, [...groups.keys()]);
  return new Map([...groups].map(([id, group]) => [id, dictsOf(rules.get(id) ?? [], group)]));
}

/** Neutron's Linux bridge agent knows no address groups: such a rule would open the port for everybody. It finds their members as those of any group. */
function byMembers(rule: Dict): Dict {
  return rule.remote_address_group_id === undefined ? rule : { ...rule, remote_group_id: rule.remote_address_group_id };
}

/** The groups that rules name in a column, each once. */
function named(rules: readonly Row[], column: string): string[] {
  return [...new Set(rules.flatMap(r => (typeof r[column] === 'string' ? [r[column]] : [])))];
}

function deviceInfo(
  dict: Dict,
  device: string,
  rules: ReadonlyMap<string, readonly Row[]>,
  routers: ReadonlyMap<string, readonly string[]>,
): Dict {
  const fixed = (dict.fixed_ips as readonly FixedIp[]).map(f => f.ip_address);
  const own = (dict.security_groups as string[]).flatMap(g => rules.get(g) ?? []);
  return {
    ...dict,
    fixed_ips: fixed,
    device,
    security_group_rules: providerRules(fixed, routers.get(String(dict.network_id)) ?? []),
    security_group_source_groups: named(own, 'remote_group_id'),
    security_group_remote_address_groups: named(own, 'remote_address_group_id'),
  };
}

/** Link-local addresses that may send router advertisements: routers' own, and gateways that are link-local themselves. */
async function advertisers(services: Services, networkIds: readonly string[]): Promise<Map<string, string[]>> {
  const out = new Map<string, string[]>();
  if (networkIds.length === 0) return out;
  const add = (network: unknown, ip: string): unknown => out.set(String(network), [...(out.get(String(network)) ?? []), ip]);
  const interfaces = await services.store.select({
    table: 'ports',
    where: { and: [{ in: ['network_id', networkIds] }, { in: ['device_owner', interfaceOwners] }] },
  });
  for (const row of interfaces) add(row.network_id, autoAddress({ cidr: 'fe80::/64' }, String(row.mac_address)) ?? '');
  const subnets = await services.store.select({
    table: 'subnets',
    where: { and: [{ in: ['network_id', networkIds] }, { eq: ['ip_version', 6] }, { startsWith: ['gateway_ip', 'fe80:'] }] },
  });
  for (const row of subnets) add(row.network_id, String(row.gateway_ip));
  return out;
}

/** DHCP answers, and the advertisements of the network's routers, reach a port whatever its groups say. */
function providerRules(fixed: readonly string[], routers: readonly string[]): Dict[] {
  const dhcp = (ethertype: string, to: number, from: number, dest_ip_prefix: string): Dict => ({
    direction: 'ingress',
    ethertype,
    protocol: 'udp',
    port_range_min: to,
    port_range_max: to,
    source_port_range_min: from,
    source_port_range_max: from,
    dest_ip_prefix,
  });
  const v4 = fixed.filter(ip => ip.includes('.'));
  return [
    ...v4.map(ip => dhcp('IPv4', 68, 67, `${ip}/32`)),
    dhcp('IPv4', 68, 67, '255.255.255.255/32'),
    dhcp('IPv6', 546, 547, 'fe80::/64'),
    ...routers.map(ip => ({
      direction: 'ingress',
      ethertype: 'IPv6',
      protocol: 'ipv6-icmp',
      source_ip_prefix: ip,
      source_port_range_min: 134,
    })),
  ];
}

export function ruleDict(row: Row, stateful: boolean): Dict {
  const prefix = row.direction === 'ingress' ? 'source_ip_prefix' : 'dest_ip_prefix';
  const out: Dict = { direction: row.direction, ethertype: row.ethertype, stateful };
  for (const key of ['protocol', 'port_range_min', 'port_range_max', 'remote_group_id', 'remote_address_group_id'] as const)
    if (row[key] !== null) out[key] = row[key];
  if (row.remote_ip_prefix !== null) out[prefix] = row.normalized_cidr ?? row.remote_ip_prefix;
  return out;
}

/** What a port brings into the groups that it is a member of. */
export interface MemberPort {
  /** Of the port: the higher one is the newer. */
  readonly revision: number;
  /** Its own, and those that it may use: these with the MAC that goes with them. */
  readonly addresses: readonly (string | readonly [address: string, mac: string])[];
}

interface Pair {
  readonly ip_address: string;
  readonly mac_address: string;
}

/** Of a port as it is shown. */
export function memberOf(port: Dict): MemberPort {
  const pairs = (port.allowed_address_pairs ?? []) as readonly Pair[];
  const own = (port.fixed_ips as readonly FixedIp[]).map(f => f.ip_address);
  return { revision: Number(port.revision_number), addresses: [...own, ...pairs.map(p => [p.ip_address, p.mac_address] as const)] };
}

/** Group → port → its revision, and then its addresses. */
async function memberPorts(services: Services, groups: readonly string[]): Promise<Dict> {
  const { links, ports, addresses } = await memberRows(services, groups);
  const told = (id: string): unknown[] => {
    const pairs = (ports.get(id)?.allowed_address_pairs ?? []) as readonly Pair[];
    const own = (addresses.get(id) ?? []).map(a => a.ip_address);
    return [ports.get(id)?.revision_number, ...own, ...pairs.map(p => [p.ip_address, p.mac_address])];
  };
  return Object.fromEntries(
    groups.map(group => [
      group,
      Object.fromEntries(
        (links.get(group) ?? []).flatMap(({ port_id }) => (ports.has(String(port_id)) ? [[port_id, told(String(port_id))]] : [])),
      ),
    ]),
  );
}

interface MemberRows {
  /** By group. */
  readonly links: ReadonlyMap<string, readonly Row[]>;
  /** By id. */
  readonly ports: ReadonlyMap<string, Row>;
  /** By port. */
  readonly addresses: ReadonlyMap<string, readonly Row[]>;
}

async function memberRows(services: Services, groups: readonly string[]): Promise<MemberRows> {
  const links = await grouped(services, 'port_security_groups', 'security_group_id', groups);
  const ids = [...links.values()].flat().map(l => String(l.port_id));
  const ports = await byIds(services, 'ports', ids);
  return { links, ports, addresses: await grouped(services, 'ip_allocations', 'port_id', ids) };
}

/** Addresses of the members of groups, and the address pairs that they may use. */
async function members(services: Services, groups: readonly string[], withMac: boolean): Promise<Dict> {
  const { links, ports, addresses } = await memberRows(services, groups);
  const out: Dict = {};
  for (const group of groups) {
    const pairs = (links.get(group) ?? []).flatMap(l => {
      const row = ports.get(String(l.port_id));
      const own = (addresses.get(String(l.port_id)) ?? []).map(a => [String(a.ip_address), row?.mac_address] as const);
      const extra = ((row?.allowed_address_pairs ?? []) as readonly Pair[]).map(p => [p.ip_address, p.mac_address] as const);
      return [...own, ...extra];
    });
    const shown = (v6: boolean): unknown[] =>
      pairs.filter(([ip]) => ip.includes(':') === v6).map(([ip, mac]) => (withMac ? [ip, mac] : ip));
    out[group] = { IPv4: shown(false), IPv6: shown(true) };
  }
  return out;
}

/** Prefixes of address groups; they have no MAC. */
async function addressMembers(services: Services, groups: readonly string[], withMac: boolean): Promise<Dict> {
  const addresses = await addressesOf(services, groups);
  const shown = (group: string, v6: boolean): unknown[] =>
    (addresses.get(group) ?? []).filter(a => a.includes(':') === v6).map(a => (withMac ? [a, null] : a));
  return Object.fromEntries(groups.map(g => [g, { IPv4: shown(g, false), IPv6: shown(g, true) }]));
}

export function securityGroupInfo(services: Services): Endpoint {
  return { version: '1.3', methods: { security_group_info_for_devices: args => info(services, args) } };
}
