// Totals and reservations of a segment's addresses, as a neutron-server counts them (test/interop/segment-inventories.long.test.ts).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressInventory, type CountedSubnet, countsFor } from './segment-inventory.ts';

const subnet = (more: Partial<CountedSubnet> = {}): CountedSubnet => ({
  allocation_pools: [{ start: '10.0.0.2', end: '10.0.0.254' }],
  gateway_ip: '10.0.0.1',
  enable_dhcp: true,
  ...more,
});

test('pools and the gateway are there; the gateway, DHCP and what ports have is taken', () => {
  assert.deepEqual(addressInventory([subnet()], 0), { total: 254, reserved: 2 });
  assert.deepEqual(addressInventory([subnet({ enable_dhcp: false })], 3), { total: 254, reserved: 4 });
  assert.deepEqual(addressInventory([subnet({ gateway_ip: null })], 0), { total: 253, reserved: 1 });
  const pools = [
    { start: '10.0.0.10', end: '10.0.0.19' },
    { start: '10.0.0.30', end: '10.0.0.30' },
  ];
  assert.deepEqual(addressInventory([subnet({ allocation_pools: pools }), subnet()], 1), { total: 12 + 254, reserved: 5 });
});

test('a subnet without pools counts for nothing, and a segment of such has no inventory', () => {
  assert.equal(addressInventory([], 2), undefined);
  assert.equal(addressInventory([subnet({ allocation_pools: [] })], 2), undefined);
  assert.deepEqual(addressInventory([subnet({ allocation_pools: [] }), subnet()], 0), { total: 254, reserved: 2 });
});

test('no more is reserved than there is', () => {
  assert.deepEqual(addressInventory([subnet({ allocation_pools: [{ start: '10.0.0.2', end: '10.0.0.2' }] })], 5), {
    total: 2,
    reserved: 2,
  });
});

test('ports of instances and of DHCP do not count, others do, and so does one that was another’s', () => {
  for (const owner of ['compute:nova', 'compute:', 'network:dhcp']) assert.equal(countsFor([owner]), false, owner);
  for (const owner of ['', 'network:router_interface', 'mine']) assert.equal(countsFor([owner]), true, owner);
  assert.equal(countsFor(['compute:nova', '']), true);
});
