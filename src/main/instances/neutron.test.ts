import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressingOf, type Subnet } from './neutron.ts';

const subnet = (id: string, over: Partial<Subnet>): Subnet => ({
  id,
  cidr: '10.0.0.0/24',
  ip_version: 4,
  enable_dhcp: true,
  gateway_ip: '10.0.0.1',
  ipv6_address_mode: null,
  ...over,
});
const six = (id: string, mode: Subnet['ipv6_address_mode'], enable_dhcp = true): Subnet =>
  subnet(id, { cidr: 'fd00::/64', ip_version: 6, gateway_ip: 'fd00::1', ipv6_address_mode: mode, enable_dhcp });
const on = (...ids: string[]) => ({ fixed_ips: ids.map(id => ({ subnet_id: id, ip_address: id === 'v4' ? '10.0.0.5' : 'fd00::5' })) });

test('an instance runs the clients that the subnets of its own addresses need, and no others', () => {
  const all = [subnet('v4', {}), six('slaac', 'slaac'), six('stateful', 'dhcpv6-stateful'), six('stateless', 'dhcpv6-stateless')];
  assert.deepEqual(addressingOf(on('v4'), all), { dhcp4: true, dhcp6: 'no', fixed: [] });
  assert.deepEqual(addressingOf(on('slaac'), all), { dhcp4: false, dhcp6: 'no', fixed: [] });
  assert.deepEqual(addressingOf(on('v4', 'stateless'), all), { dhcp4: true, dhcp6: 'other', fixed: [] });
  assert.equal(addressingOf(on('stateful', 'stateless'), all).dhcp6, 'address');
});

test('where there is no DHCP it has its addresses as from a configuration drive', () => {
  const all = [subnet('v4', { enable_dhcp: false }), six('v6', null, false)];
  assert.deepEqual(addressingOf(on('v4', 'v6'), all), {
    dhcp4: false,
    dhcp6: 'no',
    fixed: [
      { cidr: '10.0.0.5/24', gateway: '10.0.0.1' },
      { cidr: 'fd00::5/64', gateway: 'fd00::1' },
    ],
  });
});

test('an address whose subnet is not visible is left out', () => {
  assert.deepEqual(addressingOf(on('gone'), []), { dhcp4: false, dhcp6: 'no', fixed: [] });
});
