// Reading of router dictionaries: a captured one whole, and what is malformed alone left out.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRouter } from './wire.ts';

const ID = '50783727-bd14-4db7-81ea-513e4246f7c4';
const PORT = '0b0b9b69-e2cc-42d5-96f1-5dfc5aad6694';
const NET = '586b73ec-b003-4153-9115-f31d2a75f445';
const FIP = '430b63f7-38e1-49fb-b91c-a16121d525a2';

const port = (over: object = {}) => ({
  id: PORT,
  network_id: NET,
  mac_address: 'FA:16:3E:2C:57:35',
  admin_state_up: true,
  mtu: 1450,
  fixed_ips: [{ subnet_id: NET, ip_address: '10.50.0.1', prefixlen: 24 }],
  subnets: [{ id: NET, cidr: '10.50.0.0/24', gateway_ip: '10.50.0.1', dns_nameservers: [], ipv6_ra_mode: null, subnetpool_id: null }],
  extra_subnets: [],
  address_scopes: { '4': null, '6': null },
  ...over,
});
const router = (over: object = {}) => ({
  id: ID,
  admin_state_up: true,
  ha: false,
  distributed: false,
  routes: [],
  _interfaces: [port()],
  ...over,
});

const read = (over: object) => {
  const parsed = parseRouter(router(over));
  assert.equal(parsed.kind, 'router', JSON.stringify(parsed));
  return parsed as Extract<typeof parsed, { kind: 'router' }>;
};

test('a router with one interface', () => {
  assert.deepEqual(read({}), {
    kind: 'router',
    complaints: [],
    router: {
      id: ID,
      enableSnat: false,
      interfaces: [
        {
          id: PORT,
          networkId: NET,
          mac: 'fa:16:3e:2c:57:35',
          mtu: 1450,
          fixedIps: [{ family: 4, ip: '10.50.0.1', cidr: '10.50.0.1/24' }],
          subnets: [{ family: 4, cidr: '10.50.0.0/24', gatewayIp: '10.50.0.1', dnsServers: [] }],
          extraSubnets: [],
          scopes: { 4: null, 6: null },
        },
      ],
      floatingIps: [],
      refusedFloatingIps: [],
      routes: [],
      conntrackHelpers: [],
    },
  });
});

test('kinds that are not for this agent', () => {
  assert.equal(parseRouter(router({ ha: true })).kind, 'unsupported');
  assert.equal(parseRouter(router({ distributed: true })).kind, 'unsupported');
  assert.equal(parseRouter(router({ admin_state_up: false })).kind, 'down');
  for (const junk of [null, 'x', 7, [], {}, { id: '../../etc' }, { id: `${ID}\n` }]) assert.equal(parseRouter(junk).kind, 'invalid');
});

// What a hostile or broken server may put into a port: none of it may reach a command, a file or a name.
const bad: Readonly<Record<string, object>> = {
  'id with a path': { id: '../../x' },
  'id with a line feed': { id: `${PORT}\nx` },
  'no MAC': { mac_address: null },
  'MAC with words': { mac_address: 'fa:16:3e:2c:57:35 up' },
  'multicast MAC': { mac_address: '01:00:5e:00:00:01' },
  'MTU as text': { mtu: '1450' },
  'MTU of 0': { mtu: 0 },
  'MTU with a fraction': { mtu: 1450.5 },
};
for (const [name, over] of Object.entries(bad))
  test(`a port is left out for its ${name}, the others stay`, () => {
    const { router: view, complaints } = read({ _interfaces: [port(over), port({ id: NET })] });
    assert.deepEqual(
      view.interfaces.map(p => p.id),
      [NET],
    );
    assert.equal(complaints.length, 1);
  });

test('a gateway that cannot be read makes the router invalid: it would leave untranslated', () => {
  assert.equal(parseRouter(router({ gw_port: port({ mac_address: 'x' }) })).kind, 'invalid');
  assert.equal(read({ gw_port: null }).router.gateway, undefined);
});

test('ports that are down, and ports that share a device name, have no device', () => {
  assert.deepEqual(read({ _interfaces: [port({ admin_state_up: false })] }).router.interfaces, []);
  const { router: view, complaints } = read({ _interfaces: [port(), port({ id: `${PORT.slice(0, 35)}5` })] });
  assert.deepEqual([view.interfaces.length, complaints.length], [1, 1]);
});

test('addresses, subnets and routes are read strictly, one by one', () => {
  const { router: view, complaints } = read({
    _interfaces: [
      port({
        fixed_ips: [
          { ip_address: '10.50.0.1/24', prefixlen: 24 },
          { ip_address: '10.50.0.2', prefixlen: 33 },
          { ip_address: '2001:DB8::1', prefixlen: 64 },
          { ip_address: 'fe80::1%eth0', prefixlen: 64 },
          null,
        ],
        subnets: [
          {
            cidr: '2001:db8::/64',
            gateway_ip: '2001:db8::1',
            ipv6_ra_mode: 'slaac',
            dns_nameservers: ['2001:DB8::53', '8.8.8.8', 'x { }', 7],
          },
          { cidr: '2001:db8:1::/64', gateway_ip: null, ipv6_ra_mode: 'slaac on; }' },
          { cidr: '10.0.0.0/24', gateway_ip: '2001:db8::1' },
          { cidr: '10.0.0.0/24;reboot' },
        ],
      }),
    ],
    routes: [
      { destination: '192.0.2.7/24', nexthop: '10.50.0.9' },
      { destination: '192.0.2.0/24', nexthop: '2001:db8::9' },
      { destination: 'default', nexthop: '10.50.0.9' },
      { destination: '192.0.2.0/24', nexthop: '10.50.0.9 dev lo' },
    ],
  });
  const [only] = view.interfaces;
  assert.deepEqual(
    only?.fixedIps.map(f => f.cidr),
    ['2001:db8::1/64'],
  );
  assert.deepEqual(only?.subnets, [
    { family: 6, cidr: '2001:db8::/64', gatewayIp: '2001:db8::1', dnsServers: ['2001:db8::53'], raMode: 'slaac' },
    { family: 6, cidr: '2001:db8:1::/64', dnsServers: [] },
  ]);
  assert.deepEqual(view.routes, [{ family: 4, destination: '192.0.2.0/24', nexthop: '10.50.0.9' }]);
  assert.equal(complaints.length, 4 + 2 + 3);
});

test('floating IPs: the good ones are taken, the bad ones named for an ERROR', () => {
  const fip = (over: object) => ({
    id: FIP,
    floating_ip_address: '203.0.113.55',
    fixed_ip_address: '10.50.0.227',
    status: 'DOWN',
    ...over,
  });
  const { router: view } = read({
    _floatingips: [
      fip({}),
      fip({ id: NET, floating_ip_address: '203.0.113.56/32' }),
      fip({ id: PORT, floating_ip_address: '203.0.113.57', fixed_ip_address: '2001:db8::1' }),
      fip({ id: ID, floating_ip_address: '203.0.113.55' }),
      fip({ id: 'x' }),
    ],
  });
  assert.deepEqual(
    view.floatingIps.map(f => f.id),
    [FIP],
  );
  assert.deepEqual(view.refusedFloatingIps, [NET, PORT, ID]);
});

test('conntrack helpers, in one order; what is no helper is left out', () => {
  const of = (...helpers: readonly object[]) => read({ conntrack_helpers: helpers });
  const ftp = { protocol: 'tcp', port: 21, helper: 'ftp' };
  const tftp = { protocol: 'udp', port: 69, helper: 'tftp' };
  assert.deepEqual(of(tftp, ftp).router.conntrackHelpers, [ftp, tftp]);
  for (const over of [{ protocol: 'icmp' }, { port: 0 }, { port: '21:22' }, { helper: 'ftp -j ACCEPT' }, { helper: '' }]) {
    assert.deepEqual(of({ ...ftp, ...over }).router.conntrackHelpers, [], JSON.stringify(over));
    assert.equal(of({ ...ftp, ...over }).complaints.length, 1);
  }
});

test('port forwardings: single ports, equal ranges, and what cannot be realised', () => {
  const forwarding = (over: object) => ({
    id: PORT,
    protocol: 'tcp',
    internal_ip_address: '10.50.0.92',
    internal_port: 22,
    external_port: 2222,
    ...over,
  });
  const of = (over: object) =>
    read({
      _pf_floatingips: [
        { id: FIP, floating_ip_address: '203.0.113.134', fixed_ip_address: null, status: 'ACTIVE', port_forwardings: [forwarding(over)] },
      ],
    });
  const ports = (over: object) =>
    of(over).router.floatingIps[0]?.forwardings.map(f => `${f.externalPorts} ${f.internalIp} ${f.internalPorts}`);
  assert.deepEqual(ports({}), ['2222 10.50.0.92 22']);
  assert.deepEqual(ports({ internal_port_range: '100:105', external_port_range: '100:105' }), ['100:105 10.50.0.92 100-105']);
  assert.deepEqual(ports({ internal_port_range: '100:105', external_port_range: '200:205' }), ['200:205 10.50.0.92 100-105/200']);
  assert.deepEqual(ports({ internal_port_range: '100:100', external_port_range: '200:205' }), ['200:205 10.50.0.92 100']);
  for (const over of [
    { internal_port_range: '100:105', external_port_range: '100:106' },
    { protocol: 'icmp' },
    { internal_port: 0 },
    { external_port: '22 -j ACCEPT' },
    { internal_ip_address: '2001:db8::1' },
    { id: 'x' },
  ]) {
    assert.deepEqual(ports(over), [], JSON.stringify(over));
    assert.equal(of(over).complaints.length, 1);
  }
});

test('of a subnet that waits for a prefix from outside nothing is configured yet', () => {
  const waiting = {
    id: FIP,
    cidr: '::/64',
    gateway_ip: '::',
    dns_nameservers: [],
    ipv6_ra_mode: 'slaac',
    subnetpool_id: 'prefix_delegation',
  };
  const fixed = { subnet_id: FIP, ip_address: '::228', prefixlen: 64 };
  const { router: one, complaints } = read({ _interfaces: [port({ fixed_ips: [fixed], subnets: [waiting], extra_subnets: [waiting] })] });
  const [inner] = one.interfaces;
  assert.deepEqual([inner?.fixedIps, inner?.subnets, inner?.extraSubnets, complaints], [[], [], [], []]);
  const given = { ...waiting, cidr: '2001:db8::/64', gateway_ip: '2001:db8::1' };
  const there = { ...fixed, ip_address: '2001:db8::1' };
  const [next] = read({ _interfaces: [port({ fixed_ips: [there], subnets: [given] })] }).router.interfaces;
  assert.deepEqual([next?.fixedIps.length, next?.subnets[0]?.raMode], [1, 'slaac']);
});
