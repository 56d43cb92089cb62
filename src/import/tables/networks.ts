// Networks, their segments, subnets, and where subnets come from.
import type { SourceRow } from '../../contracts/snapshot.ts';
import { endsOf } from '../../domain/net/cidr.ts';
import { compareIp, parseIp } from '../../domain/net/ip.ts';
import { beside, fixed, isTrue, listed, type Mapping, same, standardColumns, text } from '../mapping.ts';

const networks: Mapping = {
  from: 'networks',
  standard: true,
  beside: {
    external: beside('externalnetworks', 'network_id'),
    security: beside('networksecuritybindings', 'network_id'),
    qos: beside('qos_network_policy_bindings', 'network_id'),
    dns: beside('networkdnsdomains', 'network_id'),
  },
  into: [
    {
      table: 'networks',
      columns: {
        ...same('id', 'project_id', 'name', 'status', 'admin_state_up', 'mtu', 'vlan_transparent', 'availability_zone_hints'),
        is_default: 'external.is_default',
        port_security_enabled: 'security.port_security_enabled',
        qos_policy_id: 'qos.policy_id',
        dns_domain: 'dns.dns_domain',
        ...standardColumns,
      },
    },
  ],
};

const segments: Mapping = {
  from: 'networksegments',
  standard: true,
  into: [
    {
      table: 'segments',
      columns: {
        ...same('id', 'network_id', 'network_type', 'physical_network', 'segmentation_id', 'name', 'is_dynamic', 'segment_index'),
        ...standardColumns,
      },
    },
    {
      table: 'segment_allocations',
      each: ({ row }) => (row['network_type'] === 'local' ? [] : [row]),
      columns: {
        ...same('network_type', 'network_id'),
        physical_network: ({ row }) => text(row['physical_network']),
        segmentation_id: ({ row }) => Number(row['segmentation_id'] ?? 0),
      },
    },
  ],
};

const segmentRanges: Mapping = {
  from: 'network_segment_ranges',
  standard: true,
  except: { when: row => isTrue(row['default']), why: 'of the configuration, which the server shows by itself' },
  into: [
    {
      table: 'network_segment_ranges',
      columns: {
        ...same('id', 'name', 'default', 'shared', 'project_id', 'network_type', 'physical_network', 'minimum', 'maximum'),
        ...standardColumns,
      },
    },
  ],
};

const order = (a: SourceRow, b: SourceRow): number => {
  const [x, y] = [parseIp(text(a['first_ip'])), parseIp(text(b['first_ip']))];
  return x && y ? compareIp(x, y) : 0;
};

const subnets: Mapping = {
  from: 'subnets',
  standard: true,
  beside: {
    pools: beside('ipallocationpools', 'subnet_id'),
    nameservers: beside('dnsnameservers', 'subnet_id'),
    routes: beside('subnetroutes', 'subnet_id'),
    services: beside('subnet_service_types', 'subnet_id'),
    publish: beside('subnet_dns_publish_fixed_ips', 'subnet_id'),
  },
  into: [
    {
      table: 'subnets',
      columns: {
        ...same('id', 'project_id', 'name', 'network_id', 'ip_version', 'cidr', 'gateway_ip', 'enable_dhcp', 'ipv6_ra_mode'),
        ...same('ipv6_address_mode', 'subnetpool_id', 'segment_id'),
        first_address: ({ row }) => endsOf(text(row['cidr'])).first_address,
        last_address: ({ row }) => endsOf(text(row['cidr'])).last_address,
        allocation_pools: source =>
          [...source.many('pools')].sort(order).map(pool => ({ start: text(pool['first_ip']), end: text(pool['last_ip']) })),
        dns_nameservers: source =>
          [...source.many('nameservers')].sort((a, b) => Number(a['order']) - Number(b['order'])).map(one => text(one['address'])),
        host_routes: listed('routes', same('destination', 'nexthop')),
        service_types: source => source.many('services').map(one => text(one['service_type'])),
        dns_publish_fixed_ip: 'publish.dns_publish_fixed_ip',
        ...standardColumns,
      },
    },
  ],
};

const addressScopes: Mapping = {
  from: 'address_scopes',
  into: [{ table: 'address_scopes', columns: same('id', 'project_id', 'name', 'ip_version') }],
};

const subnetPools: Mapping = {
  from: 'subnetpools',
  standard: true,
  beside: { prefixes: beside('subnetpoolprefixes', 'subnetpool_id') },
  into: [
    {
      table: 'subnetpools',
      columns: {
        ...same('id', 'project_id', 'name', 'ip_version', 'default_prefixlen', 'min_prefixlen', 'max_prefixlen', 'default_quota'),
        ...same('address_scope_id', 'is_default'),
        prefixes: source => source.many('prefixes').map(one => text(one['cidr'])),
        allocations: fixed(0),
        ...standardColumns,
      },
    },
  ],
};

const autoAllocated: Mapping = {
  from: 'auto_allocated_topologies',
  into: [{ table: 'auto_allocated_topologies', columns: { ...same('project_id', 'router_id'), id: 'network_id', ready: fixed(true) } }],
};

const sharing = (from: string, object_type: string): Mapping => ({
  from,
  into: [
    {
      table: 'rbac_entries',
      columns: { ...same('id', 'project_id', 'object_id', 'action', 'target_project'), object_type: fixed(object_type) },
    },
  ],
});

export const networkTables: readonly Mapping[] = [
  addressScopes,
  subnetPools,
  networks,
  segments,
  segmentRanges,
  subnets,
  autoAllocated,
  sharing('networkrbacs', 'network'),
  sharing('subnetpoolrbacs', 'subnetpool'),
  sharing('addressscoperbacs', 'address_scope'),
  sharing('addressgrouprbacs', 'address_group'),
  sharing('securitygrouprbacs', 'security_group'),
  sharing('qospolicyrbacs', 'qos_policy'),
];
