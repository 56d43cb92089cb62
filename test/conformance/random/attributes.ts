// What bodies are made of: for each attribute how often it is there, what kind of value it has, and a good one.
import { parseCidr } from '../../../src/domain/net/cidr.ts';
import { ipText } from '../../../src/domain/net/ip.ts';
import type { Json } from '../recorded.ts';
import type { Making, ValueKind } from './making.ts';

export type Attribute = readonly [often: number, kind: ValueKind, good: Json | (() => Json)];
export type Attributes = Record<string, Attribute>;

export const attributesOf: Readonly<Record<string, (making: Making) => Attributes>> = {
  network: m => ({
    ...named(m, 'network'),
    admin_state_up: [0.3, 'bool', coin(m)],
    shared: [0.1, 'bool', coin(m)],
    mtu: [0.15, 'int', () => m.pick([0, 68, 1280, 1400, 1500, 9000, 67])],
    port_security_enabled: [0.2, 'bool', coin(m)],
    'router:external': [0.1, 'bool', coin(m)],
    availability_zone_hints: [0.05, 'list', () => []],
    qos_policy_id: [0.08, 'uuid', () => m.ref('policy')],
    dns_domain: [0.05, 'str', 'example.org.'],
    project_id: [0.06, 'str', project(m)],
  }),
  subnet,
  port,
  router: m => ({
    ...named(m, 'router'),
    admin_state_up: [0.2, 'bool', coin(m)],
    external_gateway_info: [0.3, 'list', () => m.pick<Json>(gateways(m))],
    distributed: [0.05, 'bool', coin(m)],
    ha: [0.05, 'bool', false],
  }),
  floatingip: m => ({
    description: described(m),
    floating_network_id: [0.97, 'uuid', () => m.ref('extnet', 0.15)],
    port_id: [0.3, 'uuid', () => m.ref('port')],
    fixed_ip_address: [0.1, 'ip', '10.1.0.201'],
    floating_ip_address: [0.12, 'ip', () => `172.30.0.${m.random.between(200, 250)}`],
    subnet_id: [0.05, 'uuid', () => m.ref('subnet')],
  }),
  security_group: m => ({ ...named(m, 'security_group'), stateful: [0.15, 'bool', coin(m)] }),
  security_group_rule: rule,
  subnetpool: pool,
  address_scope: m => ({
    name: [0.95, 'str', () => m.name('as')],
    ip_version: [0.95, 'int', () => m.pick([4, 6, 5])],
    shared: [0.05, 'bool', coin(m)],
  }),
  address_group: m => ({ ...named(m, 'address_group'), addresses: [0.5, 'list', () => m.pick<Json>(addresses)] }),
  rbac_policy: sharing,
  policy: m => ({ ...named(m, 'policy'), shared: [0.1, 'bool', coin(m)] }),
  trunk: m => ({
    ...named(m, 'trunk'),
    port_id: [0.96, 'uuid', () => m.ref('port')],
    admin_state_up: [0.2, 'bool', coin(m)],
    sub_ports: [0.3, 'list', () => m.pick<Json>([[], subPorts(m, 1), subPorts(m, 2)])],
  }),
  segment: m => ({
    ...named(m, 'segment'),
    network_id: [0.96, 'uuid', () => m.ref('network')],
    network_type: [0.96, 'enum', () => m.pick(['vxlan', 'vlan', 'geneve', 'local', 'flat'])],
    physical_network: [0.15, 'str', 'physfuzz'],
    segmentation_id: [0.15, 'int', () => m.pick([77, 4095, 5_000_000, 0])],
  }),
  metering_label: m => ({ ...named(m, 'metering_label'), shared: [0.1, 'bool', coin(m)] }),
};

const coin = (m: Making) => (): boolean => m.chance(0.5);
const project = (m: Making) => (): string => m.pick(['${P1}', '${P2}']);
const described = (m: Making): Attribute => [0.2, 'str', () => m.name('desc')];
const named = (m: Making, kind: string): Attributes => ({ name: [0.8, 'str', () => m.name(kind)], description: described(m) });

export function subPorts(m: Making, count: number): Json[] {
  return Array.from({ length: count }, () => {
    const port_id = m.ref('port');
    if (m.chance(0.1)) return { port_id };
    const segmentation_type = m.pick(['vlan', 'vlan', 'vlan', 'inherit', 'bogus']);
    return { port_id, segmentation_type, segmentation_id: m.pick<Json>([100, 101, 102, 0, 4095, 'x']) };
  });
}

const gateways = (m: Making): Json[] => [
  { network_id: m.ref('extnet') },
  { network_id: m.ref('network') },
  {},
  null,
  { network_id: m.ref('extnet'), enable_snat: false },
  { network_id: m.ref('extnet'), external_fixed_ips: [{ ip_address: `172.30.0.${m.random.between(200, 250)}` }] },
  { foo: 1 },
];

const addresses: readonly Json[] = [
  [],
  ['10.0.0.1/32'],
  ['10.0.0.0/24', '2001:db8::/32'],
  ['10.0.0.1'],
  ['bad'],
  ['10.0.0.1/32', '10.0.0.1/32'],
];

const v4 = [1, 2, 3].flatMap(i => [0, 1, 2, 3].map(j => `10.${i}.${j}.0/24`));
const v6 = [0, 1, 2, 3].map(i => `2001:db8:${i}::/64`);
const modes = ['slaac', 'dhcpv6-stateful', 'dhcpv6-stateless'];

function subnet(m: Making): Attributes {
  const six = m.chance(0.2);
  const cidr = m.pick(six ? v6 : v4);
  const at = (offset: number): string => addressAt(cidr, offset);
  const attributes: Attributes = {
    ...named(m, 'subnet'),
    network_id: [0.97, 'uuid', () => m.ref('network')],
    ip_version: [0.95, 'int', six ? 6 : 4],
    cidr: [0.93, 'cidr', cidr],
    enable_dhcp: [0.2, 'bool', coin(m)],
    gateway_ip: [0.2, 'ip', () => m.pick([at(1), at(100), null, '192.0.2.1'])],
    dns_nameservers: [0.2, 'list', () => m.pick([[], ['8.8.8.8'], ['8.8.8.8', '1.1.1.1'], ['8.8.8.8', '8.8.8.8'], ['bad'], ['::1']])],
    host_routes: [0.15, 'list', () => m.pick<Json>(hostRoutes(at))],
    allocation_pools: [0.15, 'list', () => m.pick<Json>(pools(at))],
    service_types: [0.05, 'list', () => m.pick([[], ['network:floatingip'], ['compute:'], ['foo']])],
  };
  if (!six && m.chance(0.85)) attributes['allocation_pools'] = [1, 'list', [{ start: at(2), end: at(150) }]];
  if (six) for (const name of ['ipv6_ra_mode', 'ipv6_address_mode']) attributes[name] = [0.4, 'enum', () => m.pick(modes)];
  else if (m.chance(0.15)) {
    delete attributes['cidr'];
    delete attributes['allocation_pools'];
    attributes['subnetpool_id'] = [1, 'uuid', () => m.ref('subnetpool')];
    attributes['prefixlen'] = [0.5, 'int', () => m.pick([24, 26, 28, 8])];
  }
  return attributes;
}

function addressAt(cidr: string, offset: number): string {
  const { version = 4, network = 0n } = parseCidr(cidr) ?? {};
  return ipText(version, network + BigInt(offset));
}

const hostRoutes = (at: (offset: number) => string): Json[] => [
  [],
  [{ destination: '192.0.2.0/24', nexthop: at(9) }],
  [{ destination: '192.0.2.0/24' }],
  [{ destination: 'x', nexthop: 'y' }],
];

const pools = (at: (offset: number) => string): Json[] => [
  [{ start: at(2), end: at(99) }],
  [{ start: at(99), end: at(2) }],
  [
    { start: at(2), end: at(50) },
    { start: at(40), end: at(60) },
  ],
  [{ start: '203.0.113.1', end: '203.0.113.9' }],
  [],
];

function port(m: Making): Attributes {
  return {
    ...named(m, 'port'),
    network_id: [0.97, 'uuid', () => m.ref('network')],
    admin_state_up: [0.2, 'bool', coin(m)],
    mac_address: [0.1, 'mac', () => `fa:16:3e:0a:0b:${m.random.below(64).toString(16).padStart(2, '0')}`],
    device_id: [0.15, 'str', () => m.name('dev')],
    device_owner: [0.15, 'str', () => m.pick(['compute:nova', 'network:dhcp', '', 'custom:x'])],
    fixed_ips: [0.25, 'list', () => m.pick<Json>(fixedIps(m))],
    security_groups: [0.15, 'list', () => m.pick<Json>([[], [m.ref('security_group')], ['bad'], ['00000000-aaaa-bbbb-cccc-0123456789ab']])],
    allowed_address_pairs: [0.12, 'list', () => m.pick<Json>(pairs)],
    extra_dhcp_opts: [0.08, 'list', () => m.pick<Json>(dhcpOptions)],
    port_security_enabled: [0.12, 'bool', coin(m)],
    qos_policy_id: [0.06, 'uuid', () => m.ref('policy')],
    dns_name: [0.05, 'str', () => m.pick(['host-1', 'bad_name', 'a'.repeat(64)])],
    project_id: [0.05, 'str', project(m)],
    'binding:vnic_type': [0.08, 'enum', () => m.pick(['normal', 'direct', 'macvtap'])],
    'binding:profile': [0.04, 'list', () => ({ k: 'v' })],
  };
}

function fixedIps(m: Making): Json[] {
  const { random } = m;
  return [
    [],
    [{ subnet_id: m.ref('subnet') }],
    [{ subnet_id: m.ref('subnet') }, { subnet_id: m.ref('subnet') }],
    [{ subnet_id: m.ref('subnet'), ip_address: `10.${m.pick([1, 2, 3])}.${random.below(4)}.${random.between(200, 250)}` }],
    [{ ip_address: `10.1.0.${random.between(200, 250)}` }],
    [{ ip_address: 'bad' }],
    [{ foo: 'bar' }],
  ];
}

const pairs: readonly Json[] = [
  [],
  [{ ip_address: '10.9.9.9' }],
  [{ ip_address: '10.9.9.0/24', mac_address: 'fa:16:3e:01:02:03' }],
  [{ mac_address: 'fa:16:3e:01:02:03' }],
  [{ ip_address: 'bad' }],
  [{ ip_address: '10.9.9.9' }, { ip_address: '10.9.9.9' }],
];

const dhcpOptions: readonly Json[] = [
  [{ opt_name: 'bootfile-name', opt_value: 'pxe.0' }],
  [{ opt_name: 'mtu', opt_value: '1400', ip_version: 6 }],
  [{ opt_name: '', opt_value: 'x' }],
  [{ opt_value: 'x' }],
];

const protocols = ['tcp', 'udp', 'icmp', 'TCP', 6, '17', 'any', null, 'ipv6-icmp', 'sctp', 'vrrp', 'gre', 255, 256, 'foo'];

function rule(m: Making): Attributes {
  const protocol = m.pick(protocols);
  return {
    security_group_id: [0.97, 'uuid', () => m.ref('security_group')],
    direction: [0.96, 'enum', () => m.pick(['ingress', 'egress'])],
    ethertype: [0.5, 'enum', () => m.pick(['IPv4', 'IPv6', 'ipv4'])],
    protocol: [0.7, 'str', protocol],
    port_range_min: [0.5, 'int', () => m.pick([0, 1, 22, 80, 8, 65_535, 65_536, 300])],
    port_range_max: [0.5, 'int', () => m.pick([0, 22, 80, 443, 255, 65_535, 65_536])],
    remote_ip_prefix: [0.25, 'cidr', () => m.pick(['10.0.0.0/8', '192.0.2.7', '::/0', '0.0.0.0/0'])],
    remote_group_id: [0.15, 'uuid', () => m.ref('security_group')],
    remote_address_group_id: [0.05, 'uuid', () => m.ref('address_group')],
    description: [0.1, 'str', () => m.name('desc')],
  };
}

const prefixes: readonly Json[] = [
  ['10.20.0.0/16'],
  ['10.21.0.0/20', '10.22.0.0/20'],
  ['2001:db8:40::/48'],
  [],
  ['10.20.0.0/16', '2001:db8::/48'],
  ['bad'],
  ['10.23.0.0/16', '10.23.0.0/24'],
];

function pool(m: Making): Attributes {
  return {
    ...named(m, 'subnetpool'),
    prefixes: [0.95, 'list', () => m.pick<Json>(prefixes)],
    default_prefixlen: [0.4, 'int', () => m.pick([24, 26, 64, 8, 33])],
    min_prefixlen: [0.3, 'int', () => m.pick([20, 24, 8, 48])],
    max_prefixlen: [0.3, 'int', () => m.pick([28, 30, 20, 64])],
    default_quota: [0.1, 'int', () => m.pick([1, 512, 4096])],
    address_scope_id: [0.15, 'uuid', () => m.ref('address_scope')],
    shared: [0.05, 'bool', coin(m)],
  };
}

const shareable = ['network', 'qos_policy', 'security_group', 'address_scope', 'subnetpool', 'address_group', 'bogus'];

function sharing(m: Making): Attributes {
  const type = m.pick(shareable);
  const actions = ['access_as_shared', 'access_as_external', 'bogus'];
  return {
    object_type: [0.97, 'enum', type],
    object_id: [0.97, 'uuid', () => m.ref(type === 'qos_policy' ? 'policy' : type)],
    target_tenant: [0.97, 'str', () => m.pick(['${P2}', '${P1}', '*'])],
    action: [0.97, 'enum', () => (type === 'network' ? m.pick(actions) : 'access_as_shared')],
  };
}
