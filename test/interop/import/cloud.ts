// A cloud with something of everything, made through the API of a server.
import type { Body, Made } from '../../api/client.ts';
import { plugged, reportHost } from './agents.ts';
import { makeProvider, makeTheRest, makeTrunk, makeWaysIn } from './cloud-services.ts';
import { hosts, type Inside, type Makers, type Ports, put } from './makers.ts';

export async function makeCloud(makers: Makers): Promise<void> {
  for (const [i, host] of hosts.entries()) await reportHost(makers.bus, host, i + 1);
  const policies = await makePolicies(makers);
  const pool = await makePools(makers);
  const outside = await makeOutside(makers, { ...policies, pool });
  const inside = await makeInside(makers, { ...policies, pool });
  const groups = await makeGroups(makers);
  const router = await makeRouters(makers, { outside, inside, qos: policies.qos });
  const ports = await makePorts(makers, { inside, group: groups, qos: policies.qos });
  await makeWaysIn(makers, { outside, ports, router, inside });
  await makeTrunk(makers, inside);
  await makeProvider(makers);
  await makeTheRest(makers, { group: groups, ports });
}

async function makePolicies({ admin, member, other }: Makers): Promise<{ qos: Made }> {
  const qos = await admin.make('qos/policies', 'policy', {
    name: 'gold',
    description: 'all kinds',
    shared: true,
    project_id: member.project,
  });
  const rule = (kind: string, name: string, values: Body) => admin.make(`qos/policies/${qos.id}/${kind}`, name, values);
  await rule('bandwidth_limit_rules', 'bandwidth_limit_rule', { max_kbps: 1000, max_burst_kbps: 100, direction: 'egress' });
  await rule('bandwidth_limit_rules', 'bandwidth_limit_rule', { max_kbps: 2000, direction: 'ingress' });
  await rule('dscp_marking_rules', 'dscp_marking_rule', { dscp_mark: 14 });
  const unused = await admin.make('qos/policies', 'policy', { name: 'placed' });
  await admin.make(`qos/policies/${unused.id}/minimum_bandwidth_rules`, 'minimum_bandwidth_rule', { min_kbps: 10, direction: 'egress' });
  await admin.make(`qos/policies/${unused.id}/minimum_packet_rate_rules`, 'minimum_packet_rate_rule', { min_kpps: 5, direction: 'any' });
  await admin.make(`qos/policies/${unused.id}/packet_rate_limit_rules`, 'packet_rate_limit_rule', { max_kpps: 9, max_burst_kpps: 1 });
  await admin.make('qos/policies', 'policy', { name: 'usual', is_default: true, project_id: other.project });
  await put(admin, `policies/${qos.id}/tags`, { tags: ['t-qos', 'schön'] });
  return { qos };
}

/** Pools of both families; that of IPv6 is in a scope, so that addresses behind a router can be reached from outside. */
async function makePools({ admin, member }: Makers): Promise<Made> {
  const scope = await admin.make('address-scopes', 'address_scope', { name: 'scope-6', ip_version: 6, shared: true });
  const pool = await admin.make('subnetpools', 'subnetpool', {
    name: 'pool-6',
    prefixes: ['2001:db8:1::/48', '2001:db8:2::/48'],
    default_prefixlen: 64,
    min_prefixlen: 60,
    address_scope_id: scope.id,
    shared: true,
    is_default: true,
    default_quota: 4,
  });
  await admin.make('subnetpools', 'subnetpool', {
    name: 'pool-4',
    prefixes: ['10.64.0.0/12'],
    default_prefixlen: 26,
    shared: true,
    is_default: true,
  });
  await member.make('subnetpools', 'subnetpool', { name: 'mine', prefixes: ['172.20.0.0/16', '172.16.0.0/16'], max_prefixlen: 30 });
  return pool;
}

interface Base {
  readonly qos: Made;
  readonly pool: Made;
}

async function makeOutside({ admin, member }: Makers, { qos, pool }: Base): Promise<Made> {
  const net = await admin.make('networks', 'network', {
    name: 'outside',
    'router:external': true,
    is_default: true,
    'provider:network_type': 'flat',
    'provider:physical_network': 'physnet1',
    qos_policy_id: qos.id,
    dns_domain: 'outside.example.',
  });
  const pools = [
    { start: '203.0.113.10', end: '203.0.113.99' },
    { start: '203.0.113.200', end: '203.0.113.220' },
  ];
  const about = { network_id: net.id, enable_dhcp: false };
  await admin.make('subnets', 'subnet', { ...about, name: 'outside-4', ip_version: 4, cidr: '203.0.113.0/24', allocation_pools: pools });
  await admin.make('subnets', 'subnet', { ...about, name: 'outside-6', ip_version: 6, subnetpool_id: pool.id });
  await admin.make('rbac-policies', 'rbac_policy', {
    object_type: 'network',
    object_id: net.id,
    action: 'access_as_shared',
    target_tenant: member.project,
  });
  return net;
}

async function makeInside({ member, other }: Makers, { qos, pool }: Base): Promise<Inside> {
  const net = await member.make('networks', 'network', {
    name: 'inside',
    description: 'of a member',
    mtu: 1400,
    availability_zone_hints: ['nova'],
  });
  await put(member, `networks/${net.id}/tags`, { tags: ['red', 'blue'] });
  const four = await member.make('subnets', 'subnet', {
    network_id: net.id,
    name: 'inside-4',
    ip_version: 4,
    cidr: '10.1.0.0/24',
    dns_nameservers: ['198.51.100.9', '198.51.100.2'],
    host_routes: [
      { destination: '192.0.2.0/24', nexthop: '10.1.0.9' },
      { destination: '198.18.0.0/15', nexthop: '10.1.0.8' },
    ],
    allocation_pools: [
      { start: '10.1.0.100', end: '10.1.0.200' },
      { start: '10.1.0.20', end: '10.1.0.30' },
    ],
    dns_publish_fixed_ip: true,
  });
  const modes = { ipv6_ra_mode: 'slaac', ipv6_address_mode: 'slaac' };
  const six = await member.make('subnets', 'subnet', {
    network_id: net.id,
    name: 'inside-6',
    ip_version: 6,
    subnetpool_id: pool.id,
    ...modes,
  });
  const scoped = await member.make('networks', 'network', {
    name: 'second',
    port_security_enabled: false,
    admin_state_up: false,
    qos_policy_id: qos.id,
  });
  await member.make('subnets', 'subnet', {
    network_id: scoped.id,
    name: 'second-4',
    ip_version: 4,
    cidr: '10.2.0.0/28',
    gateway_ip: null,
    enable_dhcp: false,
    service_types: ['compute:nova', 'network:floatingip'],
  });
  await member.make('rbac-policies', 'rbac_policy', {
    object_type: 'network',
    object_id: net.id,
    action: 'access_as_shared',
    target_tenant: other.project,
  });
  return { net, four, six, scoped };
}

async function makeGroups({ admin, member, other }: Makers): Promise<Made> {
  const addresses = await member.make('address-groups', 'address_group', { name: 'peers', addresses: ['192.0.2.0/24', '2001:db8:9::/64'] });
  const group = await member.make('security-groups', 'security_group', { name: 'web', description: 'serves', stateful: false });
  const rule = (values: Body) => member.make('security-group-rules', 'security_group_rule', { security_group_id: group.id, ...values });
  await rule({
    direction: 'ingress',
    protocol: 'tcp',
    port_range_min: 80,
    port_range_max: 90,
    remote_ip_prefix: '192.0.2.77/24',
    description: 'http',
  });
  await rule({ direction: 'ingress', protocol: 'udp', remote_address_group_id: addresses.id });
  await rule({ direction: 'ingress', ethertype: 'IPv6', protocol: 'icmp', port_range_min: 128, port_range_max: 0 });
  await rule({ direction: 'ingress', protocol: '112', remote_group_id: group.id });
  await put(member, `security-groups/${group.id}/tags`, { tags: ['serves'] });
  const share = (object_type: string, object_id: string) =>
    member.make('rbac-policies', 'rbac_policy', { object_type, object_id, action: 'access_as_shared', target_tenant: other.project });
  await share('security_group', group.id);
  await share('address_group', addresses.id);
  await other.list('security-groups');
  await admin.list('security-groups');
  return group;
}

interface Ground {
  readonly outside: Made;
  readonly inside: Inside;
  readonly qos: Made;
}

async function makeRouters({ admin, member, other }: Makers, { outside, inside, qos }: Ground): Promise<Made> {
  const router = await member.make('routers', 'router', {
    name: 'way-out',
    external_gateway_info: { network_id: outside.id },
    availability_zone_hints: ['nova'],
  });
  await put(member, `routers/${router.id}/add_router_interface`, { subnet_id: inside.four.id });
  await put(member, `routers/${router.id}/add_router_interface`, { subnet_id: inside.six.id });
  await put(member, `routers/${router.id}`, {
    router: { routes: [{ destination: '192.0.2.128/25', nexthop: '10.1.0.9' }], enable_ndp_proxy: true },
  });
  await put(admin, `routers/${router.id}`, {
    router: { external_gateway_info: { network_id: outside.id, enable_snat: false, qos_policy_id: qos.id } },
  });
  await put(member, `routers/${router.id}/tags`, { tags: ['edge'] });
  const available = await admin.make('routers', 'router', {
    name: 'available',
    ha: true,
    project_id: other.project,
    external_gateway_info: { network_id: outside.id },
  });
  const net = await other.make('networks', 'network', { name: 'of-other' });
  const sub = await other.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr: '10.3.0.0/24' });
  await put(other, `routers/${available.id}/add_router_interface`, { subnet_id: sub.id });
  const spread = await admin.make('routers', 'router', {
    name: 'spread',
    distributed: true,
    project_id: other.project,
    external_gateway_info: { network_id: outside.id },
  });
  const far = await other.make('networks', 'network', { name: 'far' });
  const farSub = await other.make('subnets', 'subnet', { network_id: far.id, ip_version: 4, cidr: '10.4.0.0/24' });
  await put(other, `routers/${spread.id}/add_router_interface`, { subnet_id: farSub.id });
  await admin.make('routers', 'router', { name: 'idle', admin_state_up: false });
  await member.request('POST', `routers/${router.id}/conntrack_helpers`, {
    conntrack_helper: { protocol: 'udp', port: 69, helper: 'tftp' },
  });
  return router;
}

async function makePorts({ admin, member, bus }: Makers, from: { inside: Inside; group: Made; qos: Made }): Promise<Ports> {
  const { inside, group, qos } = from;
  const network_id = inside.net.id;
  const plain = await member.make('ports', 'port', {
    network_id,
    name: 'plain',
    description: 'with much',
    mac_address: 'fa:16:3e:aa:bb:cc',
    fixed_ips: [
      { subnet_id: inside.four.id, ip_address: '10.1.0.150' },
      { subnet_id: inside.four.id, ip_address: '10.1.0.21' },
      { subnet_id: inside.six.id },
    ],
    security_groups: [group.id],
    allowed_address_pairs: [{ ip_address: '10.1.0.240' }, { ip_address: '10.9.0.0/16', mac_address: 'fa:16:3e:00:00:99' }],
    extra_dhcp_opts: [
      { opt_name: 'bootfile-name', opt_value: 'pxe' },
      { opt_name: 'ntp-server', opt_value: '2001:db8::1', ip_version: 6 },
    ],
    dns_name: 'plain',
    dns_domain: 'ports.example.',
    qos_policy_id: qos.id,
    tags: ['p1', 'p2'],
  });
  const nova = { device_owner: 'compute:nova', device_id: '6a3b8a0c-0000-4000-8000-000000000001' };
  const bound = await admin.make('ports', 'port', {
    network_id,
    project_id: member.project,
    name: 'bound',
    'binding:host_id': 'node-1',
    'binding:profile': { a: { b: [1, 'x'] } },
    device_profile: 'gpu',
    numa_affinity_policy: 'preferred',
    propagate_uplink_status: false,
    ...nova,
  });
  await plugged(bus, 'node-1', bound.id);
  await put(admin, `ports/${bound.id}`, { port: { data_plane_status: 'DOWN' } });
  await admin.request('POST', `ports/${bound.id}/bindings`, { binding: { host: 'node-2', vnic_type: 'normal' } });
  await admin.make('ports', 'port', { network_id, project_id: member.project, name: 'waiting', 'binding:host_id': 'node-2', ...nova });
  await admin.make('ports', 'port', {
    network_id,
    project_id: member.project,
    name: 'nowhere',
    'binding:host_id': 'no-such-host',
    ...nova,
  });
  await member.make('ports', 'port', {
    network_id,
    name: 'open',
    port_security_enabled: false,
    security_groups: [],
    admin_state_up: false,
  });
  await member.make('ports', 'port', { network_id, name: 'bare', fixed_ips: [] });
  return { bound, plain };
}
