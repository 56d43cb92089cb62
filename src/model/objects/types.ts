// The types of versioned objects. A type is an entry here, and a source in server/objects.
import { column, columns, nullable, type ObjectType, object, since, standard, text } from './kit.ts';

const one = (fields: ObjectType['fields'], minor = 0): ObjectType => ({ minor, oldest: 0, fields });

const binding = { ...columns('port_id', 'host'), profile: text, vif_type: column, vif_details: text, ...columns('vnic_type', 'status') };

export const objectTypes = {
  Port: {
    minor: 11,
    oldest: 5,
    fields: {
      ...columns('id', 'project_id', 'name', 'network_id', 'mac_address', 'admin_state_up', 'device_id', 'device_owner', 'status'),
      allowed_address_pairs: object('AllowedAddressPair'),
      bindings: object('PortBinding'),
      data_plane_status: object('PortDataPlaneStatus'),
      dhcp_options: object('ExtraDhcpOpt'),
      distributed_bindings: object('DistributedPortBinding'),
      dns: object('PortDNS'),
      fixed_ips: object('IPAllocation'),
      security: object('PortSecurity'),
      security_group_ids: nullable,
      qos_policy_id: nullable,
      qos_network_policy_id: nullable,
      binding_levels: object('PortBindingLevel'),
      numa_affinity_policy: since(6),
      device_profile: since(7),
      hints: object('PortHints', 8),
      hardware_offload_type: since(9),
      trusted: since(10),
      pvlan_type: since(11),
      pvlan_community: since(11),
      ...standard,
    },
  },
  PortBinding: one(binding),
  DistributedPortBinding: one({ ...binding, router_id: column }),
  PortBindingLevel: one({ ...columns('port_id', 'host', 'level', 'driver'), segment: object('NetworkSegment'), segment_id: column }, 1),
  PortSecurity: one(columns('id', 'port_security_enabled')),
  PortDataPlaneStatus: one(columns('port_id', 'data_plane_status')),
  PortDNS: one(
    columns(
      ...([
        'port_id',
        'current_dns_name',
        'current_dns_domain',
        'previous_dns_name',
        'previous_dns_domain',
        'dns_name',
        'dns_domain',
      ] as const),
    ),
    1,
  ),
  PortHints: one({ port_id: column, hints: text }),
  AllowedAddressPair: one(columns('port_id', 'mac_address', 'ip_address')),
  ExtraDhcpOpt: one(columns('id', 'port_id', 'opt_name', 'opt_value', 'ip_version'), 1),
  IPAllocation: one(columns('port_id', 'subnet_id', 'network_id', 'ip_address')),
  Network: {
    minor: 3,
    oldest: 1,
    fields: {
      ...columns('id', 'project_id', 'name', 'status', 'admin_state_up', 'vlan_transparent', 'availability_zone_hints', 'shared', 'mtu'),
      security: object('NetworkPortSecurity'),
      segments: object('NetworkSegment'),
      dns_domain: nullable,
      qos_policy_id: nullable,
      qinq: since(2),
      pvlan: since(3),
      ...standard,
    },
  },
  NetworkPortSecurity: one(columns('id', 'port_security_enabled')),
  NetworkSegment: one({
    ...columns('id', 'network_id', 'name', 'network_type', 'physical_network', 'segmentation_id', 'is_dynamic', 'segment_index', 'hosts'),
    ...standard,
  }),
  Subnet: {
    minor: 2,
    oldest: 1,
    fields: {
      ...columns('id', 'project_id', 'name', 'network_id', 'segment_id', 'subnetpool_id', 'ip_version', 'cidr', 'gateway_ip'),
      allocation_pools: object('IPAllocationPool'),
      ...columns('enable_dhcp', 'shared'),
      dns_nameservers: object('DNSNameServer'),
      dns_publish_fixed_ip: column,
      host_routes: object('Route'),
      ...columns('ipv6_ra_mode', 'ipv6_address_mode', 'service_types'),
      external: since(2),
      ...standard,
    },
  },
  IPAllocationPool: one(columns('id', 'subnet_id', 'start', 'end')),
  DNSNameServer: one(columns('address', 'subnet_id', 'order')),
  Route: one(columns('subnet_id', 'destination', 'nexthop')),
  SecurityGroup: {
    minor: 6,
    oldest: 5,
    fields: {
      ...columns('id', 'name', 'project_id', 'shared', 'stateful', 'is_default'),
      rules: object('SecurityGroupRule'),
      ...standard,
    },
    nested: [[6, { SecurityGroupRule: 2 }]],
  },
  SecurityGroupRule: {
    minor: 3,
    oldest: 2,
    fields: {
      ...columns('id', 'project_id', 'security_group_id', 'remote_group_id', 'direction', 'ethertype', 'protocol'),
      ...columns('port_range_min', 'port_range_max', 'remote_ip_prefix', 'remote_address_group_id'),
      normalized_cidr: nullable,
      belongs_to_default_sg: since(3),
      ...standard,
    },
  },
  AddressGroup: {
    minor: 2,
    oldest: 2,
    fields: { ...columns('id', 'name', 'project_id', 'shared'), addresses: object('AddressAssociation'), ...standard },
  },
  AddressAssociation: one(columns('address', 'address_group_id')),
  QosPolicy: {
    minor: 10,
    oldest: 8,
    fields: {
      ...columns('id', 'project_id', 'name', 'shared'),
      rules: object('QosRule'),
      is_default: column,
      ...standard,
    },
    // A type that is not known below a version is left out of the list.
    nested: [
      [10, { QosMinimumPacketRateRule: -1 }],
      [9, { QosPacketRateLimitRule: -1 }],
    ],
  },
  QosBandwidthLimitRule: one(columns('max_kbps', 'max_burst_kbps', 'direction', 'id', 'qos_policy_id'), 5),
  QosDscpMarkingRule: one(columns('dscp_mark', 'id', 'qos_policy_id'), 5),
  QosMinimumBandwidthRule: one(columns('min_kbps', 'direction', 'id', 'qos_policy_id'), 5),
  QosMinimumPacketRateRule: one(columns('min_kpps', 'direction', 'id', 'qos_policy_id'), 5),
  QosPacketRateLimitRule: one(columns('max_kpps', 'max_burst_kpps', 'direction', 'id', 'qos_policy_id'), 5),
  Trunk: {
    minor: 1,
    oldest: 1,
    fields: { ...columns('admin_state_up', 'id', 'project_id', 'name', 'port_id', 'status'), sub_ports: object('SubPort'), ...standard },
  },
  SubPort: one(columns('port_id', 'trunk_id', 'segmentation_type', 'segmentation_id')),
  Log: one({ ...columns('id', 'project_id', 'name', 'resource_type', 'resource_id', 'target_id', 'event', 'enabled'), ...standard }),
  LocalIPAssociation: one({ ...columns('id', 'local_ip_id', 'fixed_port_id', 'fixed_ip'), local_ip: object('LocalIP') }),
  LocalIP: one({ ...columns('id', 'name', 'project_id', 'local_port_id', 'network_id', 'local_ip_address', 'ip_mode'), ...standard }),
  NDPProxy: one({ ...columns('id', 'name', 'project_id', 'router_id', 'port_id', 'ip_address'), ...standard }),
  ConntrackHelper: one(columns('id', 'router_id', 'protocol', 'port', 'helper')),
  PortForwarding: {
    minor: 3,
    oldest: 3,
    fields: {
      ...columns('id', 'floatingip_id', 'external_port', 'external_port_range', 'protocol', 'internal_port_id', 'internal_ip_address'),
      ...columns('internal_port', 'internal_port_range', 'floating_ip_address', 'router_id'),
      ...standard,
    },
  },
} as const satisfies Readonly<Record<string, ObjectType>>;

export type ObjectTypeName = keyof typeof objectTypes;
