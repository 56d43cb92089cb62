// Tables behind the resources that are not resources themselves.
import type { TableDef } from './kit/table.ts';

export const tables = {
  /** One row per segment in use: taking it is the insert. `physical_network` is empty for tunnels, `segmentation_id` 0 for flat. */
  segment_allocations: {
    name: 'segment_allocations',
    columns: {
      network_type: { type: 'text' },
      physical_network: { type: 'text' },
      segmentation_id: { type: 'int' },
      network_id: { type: 'text' },
    },
    primaryKey: ['network_type', 'physical_network', 'segmentation_id'],
    indexes: [['network_id']],
  },
  /** One row per address in use: taking it is the insert. */
  ip_allocations: {
    name: 'ip_allocations',
    columns: {
      subnet_id: { type: 'text' },
      ip_address: { type: 'text' },
      port_id: { type: 'text' },
      network_id: { type: 'text' },
      position: { type: 'int' },
    },
    primaryKey: ['subnet_id', 'ip_address'],
    indexes: [['port_id'], ['network_id'], ['network_id', 'ip_address']],
    sought: ['ip_address'],
  },
  port_binding_levels: {
    name: 'port_binding_levels',
    columns: {
      port_id: { type: 'text' },
      host: { type: 'text' },
      level: { type: 'int' },
      driver: { type: 'text' },
      segment_id: { type: 'text' },
    },
    primaryKey: ['port_id', 'host', 'level'],
    indexes: [['segment_id']],
  },
  /** A port is ACTIVE when no entity blocks it any more. */
  provisioning_blocks: {
    name: 'provisioning_blocks',
    columns: { port_id: { type: 'text' }, entity: { type: 'text' } },
    primaryKey: ['port_id', 'entity'],
  },
  port_security_groups: {
    name: 'port_security_groups',
    columns: { port_id: { type: 'text' }, security_group_id: { type: 'text' } },
    primaryKey: ['port_id', 'security_group_id'],
    indexes: [['security_group_id']],
  },
  default_security_groups: {
    name: 'default_security_groups',
    columns: { project_id: { type: 'text' }, security_group_id: { type: 'text' } },
    primaryKey: ['project_id'],
    indexes: [['security_group_id']],
  },
  address_group_addresses: {
    name: 'address_group_addresses',
    columns: { address_group_id: { type: 'text' }, address: { type: 'text' } },
    primaryKey: ['address_group_id', 'address'],
  },
  /** What was put in once, when the state was new, and may have been taken out since. */
  beginnings: {
    name: 'beginnings',
    columns: { name: { type: 'text' } },
    primaryKey: ['name'],
  },
  /** A port is in one trunk at most, and a tag is used once in a trunk. */
  sub_ports: {
    name: 'sub_ports',
    columns: {
      port_id: { type: 'text' },
      trunk_id: { type: 'text' },
      segmentation_type: { type: 'text' },
      segmentation_id: { type: 'int' },
    },
    primaryKey: ['port_id'],
    unique: [['trunk_id', 'segmentation_type', 'segmentation_id']],
  },
  router_ports: {
    name: 'router_ports',
    columns: {
      router_id: { type: 'text' },
      port_id: { type: 'text' },
      port_type: { type: 'text' },
      /** Of a gateway, among the router's others. */
      position: { type: 'int', nullable: true },
      /** The port's, which never changes; nothing in rows from before this was here. */
      network_id: { type: 'text', nullable: true },
    },
    primaryKey: ['router_id', 'port_id'],
    indexes: [['port_id']],
    sought: ['port_type', 'network_id'],
  },
  /** One row per VNI of a router in an EVPN: taking it is the insert. */
  evpn_vnis: {
    name: 'evpn_vnis',
    columns: { vni: { type: 'int' }, router_id: { type: 'text' } },
    primaryKey: ['vni'],
    unique: [['router_id']],
  },
  /** What is in the external DNS, or is about to be: `done` when the DNS has said so. */
  external_dns_names: {
    name: 'external_dns_names',
    columns: {
      object_id: { type: 'text' },
      name: { type: 'text' },
      address: { type: 'text' },
      zone: { type: 'text' },
      project_id: { type: 'text' },
      done: { type: 'bool' },
    },
    primaryKey: ['object_id', 'name', 'address'],
    indexes: [['name']],
  },
  /**
   * Segments of which Placement and Nova are told, or were. `synced`: whether they know how it is now; null: it is on its way. `unknown_hosts`: those that
   * Nova did not know when it was told.
   */
  segment_inventories: {
    name: 'segment_inventories',
    columns: {
      segment_id: { type: 'text' },
      synced: { type: 'bool', nullable: true },
      unknown_hosts: { type: 'json' },
    },
    primaryKey: ['segment_id'],
  },
  /** Changes of what instances have in Placement that are on their way, one of each: from which generation, by how much, to what. */
  allocation_changes: {
    name: 'allocation_changes',
    columns: {
      consumer: { type: 'text' },
      id: { type: 'text' },
      generation: { type: 'int' },
      diff: { type: 'json' },
      resources: { type: 'json' },
      at: { type: 'time' },
    },
    primaryKey: ['consumer'],
  },
  dhcp_bindings: {
    name: 'dhcp_bindings',
    columns: { network_id: { type: 'text' }, agent_id: { type: 'text' } },
    primaryKey: ['network_id', 'agent_id'],
    indexes: [['agent_id']],
  },
  /** The MAC that frames of distributed routers have when they leave a host. */
  dvr_mac_addresses: {
    name: 'dvr_mac_addresses',
    columns: { host: { type: 'text' }, mac_address: { type: 'text' } },
    primaryKey: ['host'],
    unique: [['mac_address']],
  },
  /** The network over which the agents of a project's highly available routers watch each other. */
  ha_networks: {
    name: 'ha_networks',
    columns: { project_id: { type: 'text' }, network_id: { type: 'text' } },
    primaryKey: ['project_id'],
    indexes: [['network_id']],
  },
  /** One row per virtual router id in use: taking it is the insert. */
  ha_vrids: {
    name: 'ha_vrids',
    columns: { network_id: { type: 'text' }, vr_id: { type: 'int' }, router_id: { type: 'text' } },
    primaryKey: ['network_id', 'vr_id'],
    unique: [['router_id']],
  },
  /** `binding_index` makes "one agent per router" a unique key. */
  router_bindings: {
    name: 'router_bindings',
    columns: {
      router_id: { type: 'text' },
      agent_id: { type: 'text' },
      binding_index: { type: 'int' },
      /** Of a highly available router: the agent's port on the HA network, and what the agent says it is. */
      ha_port_id: { type: 'text', nullable: true },
      ha_state: { type: 'text', nullable: true },
    },
    primaryKey: ['router_id', 'agent_id'],
    unique: [['router_id', 'binding_index']],
    indexes: [['agent_id']],
  },
  tags: {
    name: 'tags',
    columns: { object_id: { type: 'text' }, tag: { type: 'text' } },
    primaryKey: ['object_id', 'tag'],
    indexes: [['tag']],
  },
  quotas: {
    name: 'quotas',
    columns: { project_id: { type: 'text' }, resource: { type: 'text' }, hard_limit: { type: 'int' } },
    primaryKey: ['project_id', 'resource'],
  },
  quota_usages: {
    name: 'quota_usages',
    columns: { project_id: { type: 'text' }, resource: { type: 'text' }, in_use: { type: 'int' } },
    primaryKey: ['project_id', 'resource'],
  },
} as const satisfies Record<string, TableDef>;
