// What rows name in other tables, and which of them name what is gone.
import type { Op, Predicate, Row, Scalar } from '../../contracts/store.ts';
import { delegated } from '../../domain/input/special.ts';
import type { TableDef } from '../../model/kit/table.ts';
import { allTables, resources } from '../../model/registry.ts';
import { sharedTypes } from '../commands/shared-types.ts';
import type { Finding, Repair, Tables } from './finding.ts';

/** By the table that is named: the columns that name it. */
const references: Readonly<Record<string, readonly string[]>> = {
  networks: [
    'ports.network_id',
    'subnets.network_id',
    'segments.network_id',
    'segment_allocations.network_id',
    'ip_allocations.network_id',
    'dhcp_bindings.network_id',
    'floatingips.floating_network_id',
    'ha_networks.network_id',
    'ha_vrids.network_id',
    'router_ports.network_id',
    'local_ips.network_id',
    'auto_allocated_topologies.id',
  ],
  subnets: ['ip_allocations.subnet_id'],
  segments: ['subnets.segment_id', 'port_binding_levels.segment_id'],
  ports: [
    'ip_allocations.port_id',
    'port_security_groups.port_id',
    'port_bindings.port_id',
    'port_binding_levels.port_id',
    'provisioning_blocks.port_id',
    'router_ports.port_id',
    'routers.gw_port_id',
    'router_bindings.ha_port_id',
    'floatingips.floating_port_id',
    'floatingips.port_id',
    'port_forwardings.internal_port_id',
    'trunks.port_id',
    'sub_ports.port_id',
    'local_ips.local_port_id',
    'local_ip_associations.fixed_port_id',
    'ndp_proxies.port_id',
    'logs.target_id',
  ],
  routers: [
    'router_ports.router_id',
    'router_bindings.router_id',
    'ha_vrids.router_id',
    'evpn_vnis.router_id',
    'floatingips.router_id',
    'conntrack_helpers.router_id',
    'ndp_proxies.router_id',
    'auto_allocated_topologies.router_id',
  ],
  floatingips: ['port_forwardings.floatingip_id'],
  trunks: ['sub_ports.trunk_id'],
  local_ips: ['local_ip_associations.local_ip_id'],
  agents: ['dhcp_bindings.agent_id', 'router_bindings.agent_id'],
  security_groups: [
    'port_security_groups.security_group_id',
    'security_group_rules.security_group_id',
    'security_group_rules.remote_group_id',
    'default_security_groups.security_group_id',
    'default_security_group_rules.remote_group_id',
    'logs.resource_id',
  ],
  address_groups: [
    'security_group_rules.remote_address_group_id',
    'default_security_group_rules.remote_address_group_id',
    'address_group_addresses.address_group_id',
  ],
  qos_policies: [
    'ports.qos_policy_id',
    'networks.qos_policy_id',
    'floatingips.qos_policy_id',
    'routers.qos_policy_id',
    'qos_bandwidth_limit_rules.qos_policy_id',
    'qos_dscp_marking_rules.qos_policy_id',
    'qos_minimum_bandwidth_rules.qos_policy_id',
    'qos_minimum_packet_rate_rules.qos_policy_id',
    'qos_packet_rate_limit_rules.qos_policy_id',
  ],
  subnetpools: ['subnets.subnetpool_id'],
  address_scopes: ['subnetpools.address_scope_id'],
  metering_labels: ['metering_label_rules.metering_label_id'],
  flavors: ['routers.flavor_id', 'flavor_service_profiles.flavor_id'],
  service_profiles: ['flavor_service_profiles.id'],
};

/** Columns that look as if they named something, and name nothing that has to be there. */
const others = [
  // Of Nova, or whatever else is behind a port; routers and agents are named by tables of their own.
  'ports.device_id',
  // Numbers, and names of projects.
  ...['segments.segmentation_id', 'segment_allocations.segmentation_id', 'sub_ports.segmentation_id', 'ha_vrids.vr_id'],
  // Of any kind: looked at below.
  ...['rbac_entries.object_id', 'tags.object_id'],
  // What a name server was told, until it is told otherwise.
  'external_dns_names.object_id',
  // What Placement was told, likewise.
  'segment_inventories.segment_id',
];

/** Columns of the model that nobody has thought of here. */
export function unknownColumns(): string[] {
  const known = new Set([...Object.values(references).flat(), ...others]);
  const naming = allTables.flatMap(t =>
    Object.keys(t.columns).flatMap(c => (/_id$/.test(c) && c !== 'project_id' ? [`${t.name}.${c}`] : [])),
  );
  return naming.filter(name => !known.has(name));
}

/** In place of an id: nothing, the group that a template is applied to, and a prefix from outside for a pool. */
const words = ['', 'PARENT', delegated];
/** Tables whose rows are a part of what they name: without it they are nothing. A resource's own rows are for people to decide about. */
const parts = new Set(allTables.map(t => t.name).filter(name => !resources.some(r => r.stored && r.table.name === name)));
const defs = new Map(allTables.map(t => [t.name, t]));

const idsOf = (rows: readonly Row[]): Set<unknown> => new Set(rows.map(r => r.id));

/** Where a column may name nothing as well, it is not what the row is there for. */
const isPart = (table: string, column: string): boolean => parts.has(table) && defs.get(table)?.columns[column]?.nullable !== true;

/** Rows that name what is gone. */
export async function dangling(all: Tables): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const [table, columns] of Object.entries(references)) {
    const ids = idsOf(await all(table));
    for (const name of columns) {
      const [from = '', column = ''] = name.split('.');
      for (const row of await all(from)) {
        const id = row[column];
        if (id === null || id === undefined || words.includes(String(id)) || ids.has(id)) continue;
        const repair = isPart(from, column) ? { repair: withoutRow(defs.get(from)!, row, [column], [absence(table, id as Scalar)]) } : {};
        found.push({ check: 'references', what: `${name} names ${String(id)} (${keyText(defs.get(from)!, row)})`, ...repair });
      }
    }
  }
  return found;
}

type Absence = Readonly<{ guard: 'absent'; table: string; where: Predicate }>;
const absence = (table: string, id: Scalar): Absence => ({ guard: 'absent', table, where: { eq: ['id', id] } });

const keyText = ({ primaryKey }: TableDef, row: Row): string => primaryKey.map(name => `${name} ${String(row[name])}`).join(', ');

/** It goes, if it still names (in these columns beside its key) what is still not there. */
function withoutRow(def: TableDef, row: Row, columns: readonly string[], guards: readonly Absence[]): Repair {
  const where: Predicate = { and: [...new Set([...def.primaryKey, ...columns])].map(name => ({ eq: [name, row[name] as Scalar] })) };
  return {
    how: `delete the row of ${def.name} (${keyText(def, row)})`,
    writes: { guards: [...guards], ops: [{ op: 'delete', table: def.name, where, expect: 1 }, ...ofItsPort(row)] },
  };
}

/** A port whose addresses, groups or bindings are others now is another: by its revision those know who have seen it. */
const ofItsPort = ({ port_id }: Row): Op[] =>
  port_id ? [{ op: 'update', table: 'ports', where: { eq: ['id', port_id as Scalar] }, bump: { revision_number: 1 } }] : [];

/** Sharings and tags of what is gone. */
export async function orphans(all: Tables): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const { object_type, object_id } of await all('rbac_entries')) {
    const { resource } = sharedTypes[String(object_type)]!;
    if (!idsOf(await all(resource.table.name)).has(object_id))
      found.push({ check: 'orphans', what: `a sharing of ${object_type} ${object_id}` });
  }
  const withIds = allTables.filter(t => t.columns.id);
  const known = new Set<unknown>();
  for (const { name } of withIds) for (const id of idsOf(await all(name))) known.add(id);
  for (const row of await all('tags'))
    if (!known.has(row.object_id)) {
      const guards = withIds.map(({ name }) => absence(name, row.object_id as Scalar));
      found.push({ check: 'orphans', what: `a tag of ${String(row.object_id)}`, repair: withoutRow(defs.get('tags')!, row, [], guards) });
    }
  return found;
}

/** Of a router's gateways one is the first; and by one of them each of its floating IPs comes in. */
export async function misled(all: Tables): Promise<Finding[]> {
  const found: Finding[] = [];
  const tell = (what: string): void => void found.push({ check: 'gateways', what });
  const ports = new Map((await all('ports')).map(p => [p.id, p]));
  const links = (await all('router_ports')).filter(l => l.port_type === 'network:router_gateway');
  const gateways = Map.groupBy(links, l => l.router_id);
  const fips = Map.groupBy(await all('floatingips'), f => f.router_id);
  for (const { id, gw_port_id } of await all('routers')) {
    const own = gateways.get(id ?? '') ?? [];
    if (own.length > 0 !== own.some(l => l.port_id === gw_port_id)) tell(`router ${String(id)} has ${own.length} gateways and no first`);
    const networks = own.map(l => ports.get(l.port_id)?.network_id);
    for (const fip of fips.get(id ?? '') ?? [])
      if (!networks.includes(fip.floating_network_id)) tell(`floating IP ${String(fip.id)} has no gateway`);
  }
  return found;
}
