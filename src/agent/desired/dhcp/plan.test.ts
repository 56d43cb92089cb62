// Golden texts: what dnsmasq reads for whole networks, word for word.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dnsmasqArgv, hostsText, namesText, optionsText } from '../../render/dnsmasq.ts';
import { isServed, type NetworkPlan, planNetwork } from './plan.ts';
import { DHCP_PORT, dhcpPort, NET, network, routerPort, SUB4, SUB6, subnet4, subnet6, VM1, VM2, vm1, vm2 } from './samples.suite.ts';
import type { DhcpNetwork } from './wire.ts';

const plain = { dnsDomain: 'openstacklocal', enableIsolatedMetadata: false, forceMetadata: false };

function planOf(net: DhcpNetwork, settings = plain): NetworkPlan {
  const port = net.ports.find(p => p.id === DHCP_PORT);
  assert.ok(port);
  return planNetwork(net, port, settings);
}

const stateful = (more = {}) => network([subnet4(), subnet6('dhcpv6-stateful')], [vm1(more), vm2(), routerPort(), dhcpPort()]);

test('dual stack with stateful DHCPv6', () => {
  const plan = planOf(stateful());
  assert.equal(
    hostsText(plan.hosts.hosts),
    `fa:16:3e:56:49:45,host-10-50-0-227.openstacklocal.,10.50.0.227
fa:16:3e:56:49:45,tag:dhcpv6,host-2001-db8-50--e3.openstacklocal.,[2001:db8:50::e3]
fa:16:3e:1c:e4:0d,host-10-50-0-92.openstacklocal.,10.50.0.92
fa:16:3e:1c:e4:0d,tag:dhcpv6,host-2001-db8-50--5c.openstacklocal.,[2001:db8:50::5c]
fa:16:3e:2c:57:35,host-10-50-0-1.openstacklocal.,10.50.0.1
fa:16:3e:2c:57:35,tag:dhcpv6,host-2001-db8-50--1.openstacklocal.,[2001:db8:50::1]
`,
  );
  assert.match(namesText(plan.hosts.names), /^10\.50\.0\.227\thost-10-50-0-227\.openstacklocal\. host-10-50-0-227\n/);
  assert.equal(
    optionsText(plan.options),
    `tag:subnet-${SUB4},option:dns-server,8.8.8.8
tag:subnet-${SUB4},option:classless-static-route,169.254.169.254/32,10.50.0.1,0.0.0.0/0,10.50.0.1
tag:subnet-${SUB4},249,169.254.169.254/32,10.50.0.1,0.0.0.0/0,10.50.0.1
tag:subnet-${SUB4},option:router,10.50.0.1
tag:subnet-${SUB6},option6:domain-search,openstacklocal
`,
  );
});

test('the command line', () => {
  const plan = planOf(stateful());
  const argv = dnsmasqArgv({
    ...plan,
    folder: `/state/dhcp/${NET}`,
    leaseSeconds: 86400,
    servers: ['9.9.9.9'],
    domain: 'openstacklocal',
  });
  assert.equal(
    argv.join('\n'),
    `dnsmasq
--no-hosts
--no-resolv
--pid-file=/state/dhcp/${NET}/pid
--dhcp-hostsfile=/state/dhcp/${NET}/host
--addn-hosts=/state/dhcp/${NET}/addn_hosts
--dhcp-optsfile=/state/dhcp/${NET}/opts
--dhcp-leasefile=/state/dhcp/${NET}/leases
--dhcp-match=set:ipxe,175
--dhcp-userclass=set:ipxe6,iPXE
--local-service
--bind-dynamic
--dhcp-range=set:subnet-${SUB4},10.50.0.0,static,255.255.255.0,86400s
--dhcp-range=set:subnet-${SUB6},2001:db8:50::,static,64,86400s
--dhcp-option-force=option:mtu,1450
--dhcp-lease-max=16777216
--conf-file=/dev/null
--server=9.9.9.9
--domain=openstacklocal`,
  );
  const bare = dnsmasqArgv({ ...plan, ranges: [], mtu: 0, folder: '/f', leaseSeconds: -1, servers: [], domain: '', user: 'root' });
  assert.ok(!bare.some(a => /mtu|domain|server/.test(a)));
  assert.deepEqual(bare.slice(-2), ['--user=root', '--group=']);
  const told = { configFile: '/etc/more.conf', localResolv: true, broadcastReply: true, logFile: '/log/n/dhcp_dns_log' };
  const more = dnsmasqArgv({ ...plan, folder: '/f', leaseSeconds: -1, servers: [], domain: '', ...told });
  assert.ok(!more.includes('--no-resolv') && !more.includes('--conf-file=/dev/null'));
  assert.deepEqual(more.slice(-5), [
    '--conf-file=/etc/more.conf',
    '--dhcp-broadcast',
    '--log-queries',
    '--log-dhcp',
    '--log-facility=/log/n/dhcp_dns_log',
  ]);
  const infinite = dnsmasqArgv({ ...plan, folder: '/f', leaseSeconds: -1, servers: [], domain: '' });
  assert.ok(infinite.includes(`--dhcp-range=set:subnet-${SUB4},10.50.0.0,static,255.255.255.0,infinite`));
});

test('the ways of IPv6: which ranges, which entries', () => {
  const of = (mode: string | null, more = {}) => planOf(network([subnet6(mode, more)], [vm1(), dhcpPort(['2001:db8:50::2'])]));
  const ranges = (p: NetworkPlan) => p.ranges.length;
  const entries = (p: NetworkPlan) => hostsText(p.hosts.hosts).split('\n').length - 1;
  assert.deepEqual([ranges(of('dhcpv6-stateful')), entries(of('dhcpv6-stateful'))], [1, 1]);
  assert.deepEqual([ranges(of('dhcpv6-stateless')), entries(of('dhcpv6-stateless'))], [1, 0]);
  assert.deepEqual([ranges(of('slaac')), entries(of('slaac'))], [0, 0]);
  assert.deepEqual([ranges(of(null)), entries(of(null))], [1, 1]);
  assert.equal(ranges(of(null, { ipv6_ra_mode: 'dhcpv6-stateful' })), 0, 'address mode missing');
  assert.equal(ranges(of('dhcpv6-stateful', { cidr: '2001:db8::/48' })), 0, 'shorter than /64');
  assert.equal(optionsText(of('slaac').options), '');
  assert.ok(
    namesText(of('slaac').hosts.names).includes('2001:db8:50::e3\thost-2001-db8-50--e3.openstacklocal. '),
    'a name without a lease',
  );
});

test('stateless options come before the IPv4 entry, and only when there are some', () => {
  const extra = { extra_dhcp_opts: [{ opt_name: 'ntp-server', opt_value: '2001:db8::7b', ip_version: 6 }] };
  const plan = planOf(network([subnet4(), subnet6('dhcpv6-stateless')], [vm1(extra), vm2(), dhcpPort()]));
  assert.equal(
    hostsText(plan.hosts.hosts),
    `fa:16:3e:56:49:45,tag:dhcpv6,set:port-${VM1}
fa:16:3e:56:49:45,host-10-50-0-227.openstacklocal.,10.50.0.227,set:port-${VM1}
fa:16:3e:1c:e4:0d,host-10-50-0-92.openstacklocal.,10.50.0.92
`,
  );
  assert.ok(optionsText(plan.options).includes(`tag:port-${VM1},option6:ntp-server,[2001:db8::7b]\n`));
});

test('host routes, their default, other subnets on the wire, and a subnet without a gateway', () => {
  const host_routes = [
    { destination: '192.168.7.0/24', nexthop: '10.50.0.99' },
    { destination: '0.0.0.0/0', nexthop: '10.50.0.98' },
  ];
  const other = subnet4({ id: SUB6, cidr: '10.51.0.0/24', gateway_ip: null, dns_nameservers: ['0.0.0.0'] });
  const plan = planOf(network([subnet4({ host_routes, gateway_ip: null }), other], [dhcpPort(['10.50.0.2'])]));
  assert.equal(
    optionsText(plan.options),
    `tag:subnet-${SUB4},option:dns-server,8.8.8.8
tag:subnet-${SUB4},option:classless-static-route,10.51.0.0/24,0.0.0.0,192.168.7.0/24,10.50.0.99,0.0.0.0/0,10.50.0.98
tag:subnet-${SUB4},249,10.51.0.0/24,0.0.0.0,192.168.7.0/24,10.50.0.99,0.0.0.0/0,10.50.0.98
tag:subnet-${SUB4},option:router,10.50.0.98
tag:subnet-${SUB6},option:dns-server
tag:subnet-${SUB6},option:classless-static-route,10.50.0.0/24,0.0.0.0
tag:subnet-${SUB6},249,10.50.0.0/24,0.0.0.0
tag:subnet-${SUB6},option:router
`,
  );
});

test('isolated metadata: the route goes by our own address, and only while no router is on the subnet', () => {
  const isolated = { ...plain, enableIsolatedMetadata: true };
  const alone = network([subnet4()], [vm1(), dhcpPort(['10.50.0.2'])]);
  const routed = network([subnet4()], [vm1(), dhcpPort(['10.50.0.2']), routerPort()]);
  const route = (plan: NetworkPlan) => /169\.254\.169\.254\/32,([0-9.]+)/.exec(optionsText(plan.options))?.[1];
  assert.deepEqual([planOf(alone, isolated).metadata, route(planOf(alone, isolated))], [true, '10.50.0.2']);
  assert.deepEqual([planOf(routed, isolated).metadata, route(planOf(routed, isolated))], [false, '10.50.0.1']);
  const forced = { ...plain, forceMetadata: true };
  assert.deepEqual([planOf(routed, forced).metadata, route(planOf(routed, forced))], [true, '10.50.0.2']);
  assert.deepEqual([planOf(alone).metadata, route(planOf(alone))], [false, undefined]);
  assert.deepEqual(planOf(alone, isolated).device.addresses, ['10.50.0.2/24', '169.254.169.254/32', 'fe80::a9fe:a9fe/64']);
});

test('the device: names, addresses, and a gateway outside of its subnet', () => {
  const { device } = planOf(network([subnet4({ gateway_ip: '192.0.2.1' }), subnet6('slaac')], [dhcpPort()]));
  assert.deepEqual(device.addresses, ['10.50.0.2/24', '2001:db8:50::2/64']);
  assert.deepEqual(device.routes, [
    { family: 4, via: '192.0.2.1', onlink: true },
    { family: 6, via: '2001:db8:50::1', onlink: false },
  ]);
});

test('no default route by a subnet that waits for a prefix from outside', () => {
  const waiting = subnet6('slaac', { id: '0fd48ac7-62b6-4a6a-a6a5-3fc3f0d3a1a0', cidr: '::/64', gateway_ip: '::' });
  const routes = (...subnets: Parameters<typeof network>[0]) => planOf(network(subnets, [dhcpPort()])).device.routes;
  assert.deepEqual(routes(waiting), []);
  assert.deepEqual(routes(waiting, subnet6('slaac')), [{ family: 6, via: '2001:db8:50::1', onlink: false }]);
});

test('what is not served', () => {
  assert.ok(isServed(network([subnet4()], [])));
  assert.ok(!isServed(network([subnet4()], [], { admin_state_up: false })));
  assert.ok(!isServed(network([subnet4({ enable_dhcp: false })], [])));
  const plan = planOf(network([subnet4({ enable_dhcp: false }), subnet6('dhcpv6-stateful')], [vm1(), dhcpPort(['2001:db8:50::2'])]));
  assert.doesNotMatch(hostsText(plan.hosts.hosts), /10\.50/);
  assert.doesNotMatch(optionsText(plan.options), new RegExp(SUB4));
});

test('several DHCP servers on a subnet without nameservers are announced together', () => {
  const second = { ...dhcpPort(['10.50.0.3']), id: VM2, device_id: 'dhcp-of-another-host' };
  const plan = planOf(network([subnet4({ dns_nameservers: [] })], [dhcpPort(['10.50.0.2']), second]));
  assert.match(optionsText(plan.options), /option:dns-server,10\.50\.0\.3,10\.50\.0\.2\n/);
});
