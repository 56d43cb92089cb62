// Router → state, where the tables of goldens do not show why: routes, statuses, scopes, addresses.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { routerState } from './router.ts';
import { scopeMarks } from './scopes.ts';
import type { RouterPort, RouterView, SubnetView } from './view.ts';

const ID = '50783727-bd14-4db7-81ea-513e4246f7c4';
const fixed = (cidr: string) => ({ family: cidr.includes(':') ? (6 as const) : (4 as const), ip: cidr.split('/')[0]!, cidr });
const subnet = (cidr: string, more: Partial<SubnetView> = {}): SubnetView => ({
  family: cidr.includes(':') ? 6 : 4,
  cidr,
  dnsServers: [],
  ...more,
});
const port = (n: number, ips: readonly string[], subnets: readonly SubnetView[], more: Partial<RouterPort> = {}): RouterPort => ({
  id: `0000000${n}-0000-4000-8000-000000000000`,
  networkId: `1000000${n}-0000-4000-8000-000000000000`,
  mac: `fa:16:3e:00:00:0${n}`,
  mtu: 1450,
  fixedIps: ips.map(fixed),
  subnets,
  extraSubnets: [],
  scopes: { 4: null, 6: null },
  ...more,
});
const view = (more: Partial<RouterView> = {}): RouterView => ({
  id: ID,
  enableSnat: true,
  interfaces: [port(1, ['10.1.0.1/24', '2001:db8:1::1/64'], [])],
  floatingIps: [],
  refusedFloatingIps: [],
  routes: [],
  conntrackHelpers: [],
  ...more,
});
const routes = (more: Partial<RouterView>) =>
  routerState(view(more), {}).routes.map(r => `${r.dst}${r.via === undefined ? '' : ` via ${r.via}`} dev ${r.dev}`);
const QG = 'qg-00000009-00';
const QR = 'qr-00000001-00';
const gateway = (ips: readonly string[], subnets: readonly SubnetView[], more: Partial<RouterPort> = {}) => port(9, ips, subnets, more);

test('the default route follows the gateway of each family that the gateway port has an address of', () => {
  const v4 = subnet('203.0.113.0/24', { gatewayIp: '203.0.113.1' });
  const v6 = subnet('2001:db8:f::/64', { gatewayIp: '2001:db8:f::1' });
  assert.deepEqual(routes({ gateway: gateway(['203.0.113.67/24'], [v4, v6]) }), [`default via 203.0.113.1 dev ${QG}`]);
  assert.deepEqual(routes({ gateway: gateway(['203.0.113.67/24', '2001:db8:f::67/64'], [v4, v6]) }), [
    `default via 203.0.113.1 dev ${QG}`,
    `default via 2001:db8:f::1 dev ${QG}`,
  ]);
  assert.deepEqual(routes({ gateway: gateway(['203.0.113.67/24'], [subnet('203.0.113.0/24')]) }), []);
});

test('a gateway outside its subnet is made reachable first; a link-local one is', () => {
  const away = subnet('203.0.113.0/24', { gatewayIp: '192.0.2.1' });
  const local = subnet('2001:db8:f::/64', { gatewayIp: 'fe80::1' });
  assert.deepEqual(routes({ gateway: gateway(['203.0.113.67/24', '2001:db8:f::67/64'], [away, local]) }), [
    `192.0.2.1/32 dev ${QG}`,
    `default via 192.0.2.1 dev ${QG}`,
    `default via fe80::1 dev ${QG}`,
  ]);
});

test('the IPv6 default route is learnt from advertisements only where the server names no gateway', () => {
  const accept = (subnets: readonly SubnetView[]) =>
    routerState(view({ gateway: gateway(['203.0.113.67/24', '2001:db8:f::67/64'], subnets) }), {}).devices.find(d => d.role === 'gateway')
      ?.acceptRa;
  assert.equal(accept([subnet('2001:db8:f::/64')]), 2);
  assert.equal(accept([subnet('2001:db8:f::/64', { gatewayIp: '2001:db8:f::1' })]), 0);
});

test('other subnets of the public network are on the link; extra routes may lead there', () => {
  const more = { extraSubnets: [subnet('198.51.100.0/24', { gatewayIp: '198.51.100.1' })] };
  const g = gateway(['203.0.113.67/24'], [subnet('203.0.113.0/24', { gatewayIp: '203.0.113.1' })], more);
  assert.deepEqual(routes({ gateway: g, routes: [{ family: 4, destination: '192.0.2.0/24', nexthop: '198.51.100.7' }] }), [
    `198.51.100.0/24 dev ${QG}`,
    `192.0.2.0/24 via 198.51.100.7 dev ${QG}`,
    `default via 203.0.113.1 dev ${QG}`,
  ]);
});

test('an extra route needs a next hop on a link, and leaves the links alone', () => {
  const state = (destination: string, nexthop: string) =>
    routerState(view({ routes: [{ family: destination.includes(':') ? 6 : 4, destination, nexthop }] }), {});
  assert.equal(state('192.0.2.0/24', '10.9.0.1').complaints.length, 1);
  assert.equal(state('192.0.2.0/24', '10.1.0.1').complaints.length, 1);
  assert.equal(state('10.1.0.0/24', '10.1.0.7').complaints.length, 1);
  assert.deepEqual(state('10.1.0.0/24', '10.1.0.7').routes, []);
  assert.deepEqual(state('0.0.0.0/0', '10.1.0.7').routes, [{ family: 4, dst: 'default', dev: QR, via: '10.1.0.7' }]);
  assert.deepEqual(state('::/0', '2001:db8:1::7').routes, [{ family: 6, dst: 'default', dev: QR, via: '2001:db8:1::7' }]);
});

test('floating IPs are addresses of the gateway device, once each, and DOWN without one', () => {
  const fip = { id: 'f', floating: '203.0.113.55', fixed: '10.1.0.5', fixedScope: null, forwardings: [], status: 'DOWN' };
  const g = gateway(['203.0.113.67/24'], []);
  const at = (more: Partial<RouterView>) => routerState(view({ floatingIps: [fip], ...more }), {});
  assert.deepEqual(at({ gateway: g }).devices.at(-1)?.addresses, ['203.0.113.67/24', '203.0.113.55/32']);
  assert.deepEqual([...at({ gateway: g }).floatingIpStatuses], [['f', 'ACTIVE']]);
  assert.deepEqual([...at({}).floatingIpStatuses], [['f', 'DOWN']]);
  assert.deepEqual(at({}).firewall.floatingIps, []);
  assert.deepEqual([...at({ refusedFloatingIps: ['g'] }).floatingIpStatuses.keys()], ['g', 'f']);
  assert.deepEqual(at({ gateway: gateway(['203.0.113.55/24'], []) }).devices.at(-1)?.addresses, ['203.0.113.55/24']);
});

test('advertisements: flags and prefixes by mode, silence without one', () => {
  const ra = (raMode: SubnetView['raMode']) =>
    routerState(view({ interfaces: [port(1, ['2001:db8:1::1/64'], [subnet('2001:db8:1::/64', raMode ? { raMode } : {})])] }), {}).advertise;
  assert.deepEqual(ra(undefined), []);
  const flags = (raMode: SubnetView['raMode']) => ra(raMode).map(r => [r.managed, r.other, r.prefixes[0]?.autonomous]);
  assert.deepEqual(flags('slaac'), [[false, false, true]]);
  assert.deepEqual(flags('dhcpv6-stateless'), [[false, true, true]]);
  assert.deepEqual(flags('dhcpv6-stateful'), [[true, false, false]]);
});

test('the mark of a scope does not depend on which others there are', () => {
  const scopes = ['c', 'a', 'b', 'd'].map(x => `${x}0000000-0000-4000-8000-000000000000`);
  const all = scopeMarks([null, ...scopes]);
  assert.equal(all.get(null), '0x4000000/0xffff0000');
  assert.equal(new Set(all.values()).size, 5);
  for (const scope of scopes) assert.equal(scopeMarks([scope]).get(scope), all.get(scope));
  const many = scopeMarks(Array.from({ length: 1500 }, (_, i) => `s${i}`));
  assert.equal(new Set(many.values()).size, 1024, 'no mark is given twice');
});

test('a scope keeps the mark that it has, and no other one gets that', () => {
  const scopes = ['c', 'a', 'b', 'd'].map(x => `${x}0000000-0000-4000-8000-000000000000`);
  const [c = '', a = '', b = '', d = ''] = scopes;
  const before = scopeMarks(scopes);
  const none = String(before.get(null));
  const marks = scopeMarks(
    scopes,
    new Map([
      [c, '0x4010000/0xffff0000'],
      [a, String(before.get(b))],
      [d, none],
      ['gone', '0x4020000/0xffff0000'],
    ]),
  );
  assert.equal(marks.get(c), '0x4010000/0xffff0000');
  assert.equal(marks.get(a), before.get(b));
  assert.equal(marks.get(null), none, 'that of no scope is nobody else’s');
  assert.equal(new Set(marks.values()).size, 5);
});
