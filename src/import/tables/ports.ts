// Ports with everything that hangs on them, and trunks.
import type { Value } from '../../contracts/store.ts';
import { json } from '../convert.ts';
import { beside, flag, listed, type Mapping, type Source, same, standardColumns, text } from '../mapping.ts';

const ofPort = (table: string) => beside(table, 'port_id');

const ports: Mapping = {
  from: 'ports',
  standard: true,
  beside: {
    addresses: ofPort('ipallocations'),
    security: ofPort('portsecuritybindings'),
    groups: ofPort('securitygroupportbindings'),
    pairs: ofPort('allowedaddresspairs'),
    options: ofPort('extradhcpopts'),
    dns: ofPort('portdnses'),
    qos: ofPort('qos_port_policy_bindings'),
    plane: ofPort('portdataplanestatuses'),
    profile: ofPort('portdeviceprofiles'),
    numa: ofPort('portnumaaffinitypolicies'),
    uplink: ofPort('portuplinkstatuspropagation'),
    blocks: beside('provisioningblocks', 'standard_attr_id', 'standard_attr_id'),
  },
  into: [
    {
      table: 'ports',
      columns: {
        ...same('id', 'project_id', 'name', 'network_id', 'mac_address', 'admin_state_up', 'status', 'device_id', 'device_owner'),
        ...same('ip_allocation'),
        port_security_enabled: flag('security.port_security_enabled', true),
        allowed_address_pairs: listed('pairs', same('mac_address', 'ip_address')),
        extra_dhcp_opts: listed('options', same('opt_name', 'opt_value', 'ip_version')),
        dns_name: 'dns.dns_name',
        dns_domain: 'dns.dns_domain',
        qos_policy_id: 'qos.policy_id',
        data_plane_status: 'plane.data_plane_status',
        device_profile: 'profile.device_profile',
        numa_affinity_policy: 'numa.numa_affinity_policy',
        propagate_uplink_status: flag('uplink.propagate_uplink_status', true),
        ...standardColumns,
      },
    },
    {
      table: 'ip_allocations',
      // In the order in which Neutron shows them, which is that of the key.
      each: source => source.many('addresses').map((address, position) => ({ ...address, position })),
      columns: same('subnet_id', 'ip_address', 'port_id', 'network_id', 'position'),
    },
    { table: 'port_security_groups', each: source => source.many('groups'), columns: same('port_id', 'security_group_id') },
    {
      table: 'provisioning_blocks',
      each: source => source.many('blocks').map(({ entity = null }) => ({ entity, port_id: source.row['id'] ?? null })),
      columns: same('port_id', 'entity'),
    },
  ],
};

/** Ports of distributed routers are on many hosts, which their own binding does not say. */
const isSpread = (source: Source): boolean => source.value('port.device_owner') === 'network:router_interface_distributed';

/** With the drivers that Neutron puts in when it shows them. */
function vifDetails(source: Source): Value {
  const { vif_details: details, host } = source.row;
  const drivers = source.many('levels').filter(level => level['host'] === host || isSpread(source));
  const bound_drivers = Object.fromEntries(drivers.map(({ level, driver }) => [String(level), text(driver)]));
  return { ...(json(text(details) || '{}') as object), ...(drivers.length > 0 ? { bound_drivers } : {}) };
}

const bindings: Mapping = {
  from: 'ml2_port_bindings',
  beside: { levels: beside('ml2_port_binding_levels', 'port_id', 'port_id'), port: beside('ports', 'id', 'port_id') },
  into: [
    {
      table: 'port_bindings',
      columns: {
        ...same('port_id', 'host', 'status', 'vnic_type', 'profile'),
        vif_type: source => (isSpread(source) ? 'distributed' : text(source.row['vif_type'])),
        vif_details: vifDetails,
      },
    },
  ],
};

const levels: Mapping = {
  from: 'ml2_port_binding_levels',
  into: [{ table: 'port_binding_levels', columns: same('port_id', 'host', 'level', 'driver', 'segment_id') }],
};

const trunks: Mapping = {
  from: 'trunks',
  standard: true,
  into: [{ table: 'trunks', columns: { ...same('id', 'project_id', 'name', 'admin_state_up', 'port_id', 'status'), ...standardColumns } }],
};

const subPorts: Mapping = {
  from: 'subports',
  into: [{ table: 'sub_ports', columns: same('port_id', 'trunk_id', 'segmentation_type', 'segmentation_id') }],
};

const localIps: Mapping = {
  from: 'local_ips',
  standard: true,
  into: [
    {
      table: 'local_ips',
      columns: {
        ...same('id', 'project_id', 'name', 'local_port_id', 'network_id', 'local_ip_address', 'ip_mode'),
        ...standardColumns,
      },
    },
  ],
};

const localIpAssociations: Mapping = {
  from: 'local_ip_associations',
  into: [{ table: 'local_ip_associations', columns: same('local_ip_id', 'fixed_port_id', 'fixed_ip') }],
};

export const portTables: readonly Mapping[] = [ports, bindings, levels, trunks, subPorts, localIps, localIpAssociations];
