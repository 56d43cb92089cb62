// The rows around a port, loaded and removed together; and the facts of a port that messages about it need later.
import type { Predicate, Query, Row } from '../../contracts/store.ts';
import type { FixedIp } from '../../model/port.ts';
import { port } from '../../model/port.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { foreseeing } from '../read-set.ts';
import { releaseFloatingIps } from './floatingip-rows.ts';
import { type Among, type GroupedOptions, grouped, groupedAs, groupedQuery } from './load.ts';
import { localIpPortsQuery, refuseLocalIpPorts, releaseLocalIps } from './local-ip-rows.ts';
import { removeLogs } from './log-rows.ts';
import { releaseProxies } from './ndp-proxy-rows.ts';
import { releaseForwardings } from './port-forwarding-rows.ts';
import { refuseTrunkPorts, trunkPortQueries } from './trunk-rows.ts';

/** What routing of messages needs of a port as it was: where it was, what it held, who knew it. */
export interface PortFacts {
  readonly network_id: string;
  readonly host: string;
  readonly mac_address: string;
  readonly device_owner: string;
  readonly device_id: string;
  readonly status: string;
  readonly fixed_ips: readonly FixedIp[];
  readonly security_groups: readonly string[];
}

export interface PortParts {
  readonly fixedIps: ReadonlyMap<string, readonly FixedIp[]>;
  readonly groups: ReadonlyMap<string, readonly string[]>;
  /** The active binding of each port. */
  readonly bindings: ReadonlyMap<string, Row>;
}

const parts = {
  addresses: { order: [['position', 'asc']], columns: ['port_id', 'subnet_id', 'ip_address'] },
  groups: { order: [['security_group_id', 'asc']], columns: ['port_id', 'security_group_id'] },
  bindings: { where: { eq: ['status', 'ACTIVE'] } },
} as const satisfies Record<string, GroupedOptions>;

/** What `partsOf` asks. */
export const partQueries = (ids: readonly string[]): Query[] => [
  addressesQuery(ids),
  groupedQuery('port_security_groups', 'port_id', ids, parts.groups),
  groupedQuery('port_bindings', 'port_id', ids, parts.bindings),
];

/** What of the parts is not wanted is not read, and is as if there were none. */
export type WantedParts = Readonly<Record<keyof typeof parts, boolean>>;

const allParts: WantedParts = { addresses: true, groups: true, bindings: true };

/** `among`: as of `grouped`. */
export async function partsOf(services: Services, ids: readonly string[], wanted = allParts, among?: Among): Promise<PortParts> {
  const [fixedIps, groups, bindings] = [
    await groupedAs(services, 'ip_allocations', 'port_id', wanted.addresses ? ids : [], { ...parts.addresses, among, as: fixedIpOf }),
    await groupedAs(services, 'port_security_groups', 'port_id', wanted.groups ? ids : [], { ...parts.groups, among, as: groupOf }),
    await grouped(services, 'port_bindings', 'port_id', wanted.bindings ? ids : [], { ...parts.bindings, among }),
  ];
  return { fixedIps, groups, bindings: new Map([...bindings].map(([id, rows]) => [id, rows[0] as Row])) };
}

const fixedIpOf = (r: Row): FixedIp => ({ subnet_id: String(r.subnet_id), ip_address: String(r.ip_address) });
const groupOf = (r: Row): string => String(r.security_group_id);

/** What `addressesOf` asks. */
export const addressesQuery = (ids: readonly string[]): Query => groupedQuery('ip_allocations', 'port_id', ids, parts.addresses);

/** The addresses of ports alone. */
export async function addressesOf(services: Services, ids: readonly string[]): Promise<PortParts['fixedIps']> {
  return (await partsOf(services, ids, { addresses: true, groups: false, bindings: false })).fixedIps;
}

export function factsOf(row: Row, parts: PortParts): PortFacts {
  const id = String(row.id);
  return {
    network_id: String(row.network_id),
    host: String(parts.bindings.get(id)?.host ?? ''),
    mac_address: String(row.mac_address),
    device_owner: String(row.device_owner),
    device_id: String(row.device_id),
    status: String(row.status),
    fixed_ips: parts.fixedIps.get(id) ?? [],
    security_groups: parts.groups.get(id) ?? [],
  };
}

/** Whose port it is, after a change of that. */
export const deviceOf = ({ device_id, device_owner }: Row): Pick<PortFacts, 'device_id' | 'device_owner'> => ({
  device_id: String(device_id),
  device_owner: String(device_owner),
});

/** Ports of a network that are bound to a host and in one of these states. */
export function portsOn(networkId: string, host: string, states: readonly string[]): Predicate {
  const binding: Predicate = { and: [{ eq: ['host', host] }, { eq: ['status', 'ACTIVE'] }] };
  return {
    and: [
      { eq: ['network_id', networkId] },
      { in: ['status', states] },
      { exists: { table: 'port_bindings', on: [['port_id', 'id']], where: binding, first: true } },
    ],
  };
}

const partTables = [
  'ip_allocations',
  'port_security_groups',
  'port_bindings',
  'port_binding_levels',
  'provisioning_blocks',
  'router_ports',
];

/** What goes with its port. */
interface Going {
  readonly localIp?: string;
}

/** Ports of which all that hangs on them is asked in one statement. */
const few = 20;

/** What is asked of ports that go. */
function goingQueries(ids: readonly string[], localIp = ''): Query[] {
  const of = (table: string, column: string): Query => ({ table, where: { in: [column, ids] } });
  return [
    localIpPortsQuery(ids, localIp),
    ...trunkPortQueries(ids),
    ...partQueries(ids),
    of('floatingips', 'port_id'),
    of('port_forwardings', 'internal_port_id'),
    of('ndp_proxies', 'port_id'),
    of('logs', 'target_id'),
    of('local_ip_associations', 'fixed_port_id'),
  ];
}

/** Removes ports with all that belongs to them. Who may do so, and whether something holds them, is decided before. */
export async function removePortRows(any: Services, draft: Draft, rows: readonly Row[], going: Going = {}): Promise<void> {
  if (rows.length === 0) return;
  const ids = rows.map(r => String(r.id));
  const services = rows.length <= few ? await foreseeing(any, goingQueries(ids, going.localIp)) : any;
  await refuseLocalIpPorts(services, draft, ids, going.localIp);
  await refuseTrunkPorts(services, draft, ids);
  const parts = await partsOf(services, ids);
  await releaseFloatingIps(services, draft, ids);
  await releaseForwardings(services, draft, ids);
  await releaseProxies(services, draft, ids);
  await removeLogs(services, draft, 'target_id', ids);
  await releaseLocalIps(services, draft, ids);
  for (const table of partTables) draft.delete(table, { in: ['port_id', ids] });
  for (const row of rows) draft.remove(port, row, { before: factsOf(row, parts) });
}
