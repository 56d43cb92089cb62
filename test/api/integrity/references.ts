// What rows name in other tables, what quotas count, and what of it is wrong in a store.
import type { Store } from '../../../src/contracts/store.ts';
import { allTables, resources } from '../../../src/model/registry.ts';
import { sharedTypes } from '../../../src/server/commands/shared-types.ts';

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
];

/** Columns of the model that nobody has thought of here. */
export function unknownColumns(): string[] {
  const known = new Set([...Object.values(references).flat(), ...others]);
  const naming = allTables.flatMap(t =>
    Object.keys(t.columns).flatMap(c => (/_id$/.test(c) && c !== 'project_id' ? [`${t.name}.${c}`] : [])),
  );
  return naming.filter(name => !known.has(name));
}

/** In place of an id: nothing, and the group that a template is applied to. */
const words = ['', 'PARENT'];

async function idsOf(store: Store, table: string): Promise<Set<unknown>> {
  return new Set((await store.select({ table })).map(r => r.id));
}

async function dangling(store: Store): Promise<string[]> {
  const found: string[] = [];
  for (const [table, columns] of Object.entries(references)) {
    const ids = await idsOf(store, table);
    for (const name of columns) {
      const [from = '', column = ''] = name.split('.');
      for (const row of await store.select({ table: from }))
        if (row[column] !== null && !words.includes(String(row[column])) && !ids.has(row[column]))
          found.push(`${name} names ${String(row[column])}`);
    }
  }
  return found;
}

async function orphans(store: Store): Promise<string[]> {
  const found: string[] = [];
  for (const { object_type, object_id } of await store.select({ table: 'rbac_entries' })) {
    const { resource } = sharedTypes[String(object_type)]!;
    if (!(await store.get(resource.table.name, { id: String(object_id) }))) found.push(`a sharing of ${object_type} ${object_id}`);
  }
  const withIds = allTables.filter(t => t.columns.id);
  const all = await Promise.all(withIds.map(t => idsOf(store, t.name)));
  for (const { object_id } of await store.select({ table: 'tags' }))
    if (!all.some(ids => ids.has(object_id))) found.push(`a tag of ${String(object_id)}`);
  return found;
}

/** Of a router's gateways one is the first; and by one of them each of its floating IPs comes in. */
async function misled(store: Store): Promise<string[]> {
  const found: string[] = [];
  const ports = new Map((await store.select({ table: 'ports' })).map(p => [p.id, p]));
  const links = await store.select({ table: 'router_ports', where: { eq: ['port_type', 'network:router_gateway'] } });
  const gateways = Map.groupBy(links, l => l.router_id);
  const fips = Map.groupBy(await store.select({ table: 'floatingips' }), f => f.router_id);
  for (const { id, gw_port_id } of await store.select({ table: 'routers' })) {
    const own = gateways.get(id ?? '') ?? [];
    if (own.length > 0 !== own.some(l => l.port_id === gw_port_id))
      found.push(`router ${String(id)} has ${own.length} gateways and no first`);
    const networks = own.map(l => ports.get(l.port_id)?.network_id);
    for (const fip of fips.get(id ?? '') ?? [])
      if (!networks.includes(fip.floating_network_id)) found.push(`floating IP ${String(fip.id)} has no gateway`);
  }
  return found;
}

async function miscounted(store: Store): Promise<string[]> {
  const found: string[] = [];
  for (const { name, quota, table } of resources) {
    if (quota === undefined) continue;
    const there = Map.groupBy(await store.select({ table: table.name }), r => String(r.project_id ?? ''));
    const counted = await store.select({ table: 'quota_usages', where: { eq: ['resource', name] } });
    for (const project of new Set([...there.keys(), ...counted.map(c => String(c.project_id))].filter(p => p !== ''))) {
      const [is, says] = [there.get(project)?.length ?? 0, Number(counted.find(c => c.project_id === project)?.in_use ?? 0)];
      if (is !== says) found.push(`${says} ${name} of ${project} are counted, ${is} are there`);
    }
  }
  return found;
}

/** Nothing, in a store that is right. */
export async function wrongIn(store: Store): Promise<string[]> {
  return [...(await dangling(store)), ...(await orphans(store)), ...(await misled(store)), ...(await miscounted(store))];
}
