import assert from 'node:assert/strict';
import test from 'node:test';
import { ApiError } from './errors.ts';
import {
  addRoutes,
  checkAttach,
  checkByPort,
  checkBySubnet,
  checkRoutes,
  floatingRouter,
  floatingTarget,
  type RoutedSubnet,
  removeRoutes,
  routeNeeds,
} from './routing.ts';

function refused(type: string, message: RegExp, run: () => unknown): void {
  assert.throws(run, error => {
    assert.ok(error instanceof ApiError, String(error));
    assert.equal(error.type, type, error.message);
    assert.match(error.message, message);
    return true;
  });
}

const subnet = (id: string, cidr: string, more: Partial<RoutedSubnet> = {}): RoutedSubnet => ({
  id,
  cidr,
  ip_version: cidr.includes(':') ? 6 : 4,
  gateway_ip: '10.0.0.1',
  ipv6_ra_mode: null,
  ipv6_address_mode: null,
  ...more,
});

test('attaching by subnet', () => {
  assert.equal(checkBySubnet(subnet('s', '10.0.0.0/24')), '10.0.0.1');
  refused('BadRequest', /^Bad router request: Subnet for router interface must have a gateway IP\.$/, () =>
    checkBySubnet(subnet('s', '10.0.0.0/24', { gateway_ip: null })),
  );
  refused('BadRequest', /RAs from an external router/, () => checkBySubnet(subnet('s', '2001:db8::/64', { ipv6_address_mode: 'slaac' })));
  assert.ok(checkBySubnet(subnet('s', '2001:db8::/64', { ipv6_address_mode: 'slaac', ipv6_ra_mode: 'slaac' })));
});

test('attaching by port', () => {
  const port = { id: 'p', network_id: 'n', device_id: '', fixed_ips: [{ subnet_id: 's', ip_address: '10.0.0.9' }] };
  checkByPort(port);
  checkByPort({ ...port, fixed_ips: [...port.fixed_ips, { subnet_id: 't', ip_address: '2001:db8::9' }] });
  refused('PortInUse', /Port already has an attached device vm/, () => checkByPort({ ...port, device_id: 'vm' }));
  refused('BadRequest', /at least one fixed IP/, () => checkByPort({ ...port, fixed_ips: [] }));
  refused('BadRequest', /multiple IPv4/, () =>
    checkByPort({ ...port, fixed_ips: [...port.fixed_ips, { subnet_id: 't', ip_address: '10.1.0.9' }] }),
  );
});

test('no subnet twice, none that overlap', () => {
  const attached = [subnet('a', '10.0.0.0/24'), subnet('b', '2001:db8::/64')];
  checkAttach([subnet('c', '10.0.1.0/24')], attached);
  refused('BadRequest', /^Bad router request: Router already has a port on subnet a\.$/, () => checkAttach([attached[0]!], attached));
  refused('BadRequest', /Cidr 10\.0\.0\.128\/25 of subnet c overlaps with cidr 10\.0\.0\.0\/24 of subnet a\./, () =>
    checkAttach([subnet('c', '10.0.0.128/25')], attached),
  );
  refused('BadRequest', /overlaps/, () => checkAttach([subnet('c', '10.0.0.0/8')], attached));
});

test('routes', () => {
  const scene = { router_id: 'r', max_routes: 2, cidrs: ['10.0.0.0/24', '2001:db8::/64'], own: ['10.0.0.1'] };
  const route = (nexthop: string) => ({ destination: '192.0.2.0/24', nexthop });
  checkRoutes([route('10.0.0.9'), { destination: '2001:db8:9::/64', nexthop: '2001:db8::5' }], scene);
  refused(
    'InvalidRoutes',
    /^Invalid format for routes: \[\{'destination': '192\.0\.2\.0\/24', 'nexthop': '10\.9\.0\.1'\}\], the nexthop is not connected with router$/,
    () => checkRoutes([route('10.9.0.1')], scene),
  );
  refused('InvalidRoutes', /the nexthop is used by router$/, () => checkRoutes([route('10.0.0.1')], scene));
  refused('RoutesExhausted', /for r\. The number of routes exceeds the maximum 2/, () =>
    checkRoutes(
      [1, 2, 3].map(() => route('10.0.0.9')),
      scene,
    ),
  );
  const one = route('10.0.0.9');
  const two = route('10.0.0.8');
  assert.deepEqual(addRoutes([one], [one, two, two]), [one, two]);
  assert.deepEqual(removeRoutes([one, two], [two, route('10.0.0.7')]), [one]);
  assert.ok(routeNeeds([one], '10.0.0.0/24') && !routeNeeds([one], '10.0.1.0/24') && !routeNeeds([one], ''));
});

test('what a floating IP stands for', () => {
  const six = { subnet_id: 's6', ip_address: '2001:db8::9' };
  const a = { subnet_id: 's', ip_address: '10.0.0.9' };
  const b = { subnet_id: 's', ip_address: '10.0.0.10' };
  assert.equal(floatingTarget({ id: 'p', fixed_ips: [six, a] }, null), a);
  assert.equal(floatingTarget({ id: 'p', fixed_ips: [a, b] }, '10.0.0.10'), b);
  refused('BadRequest', /has multiple fixed IPv4 addresses\. {2}Must/, () => floatingTarget({ id: 'p', fixed_ips: [a, b] }, undefined));
  refused('BadRequest', /has no fixed IPv4/, () => floatingTarget({ id: 'p', fixed_ips: [six] }, undefined));
  refused('BadRequest', /Port p does not have fixed ip 10\.0\.0\.11/, () => floatingTarget({ id: 'p', fixed_ips: [a] }, '10.0.0.11'));
  refused('BadRequest', /not an IPv4 address/, () => floatingTarget({ id: 'p', fixed_ips: [six] }, six.ip_address));
});

test('which router a floating IP goes through', () => {
  const from = { subnet_id: 's', gateway_ip: '10.0.0.1', port_id: 'p', external_network_id: 'ext' };
  const links = [
    { router_id: 'other', external_network_ids: ['ext'], inner: ['10.0.0.2'] },
    { router_id: 'elsewhere', external_network_ids: ['ext2'], inner: ['10.0.0.1'] },
    { router_id: 'gateway', external_network_ids: ['ext'], inner: ['10.0.0.1'] },
  ];
  assert.equal(floatingRouter(links, from), 'gateway');
  assert.equal(floatingRouter(links.slice(0, 2), from), 'other');
  refused(
    'ExternalGatewayForFloatingIPNotFound',
    /External network ext is not reachable from subnet s\. {2}Therefore, cannot associate Port p/,
    () => floatingRouter(links.slice(1, 2), from),
  );
});
