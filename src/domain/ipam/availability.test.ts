import assert from 'node:assert/strict';
import { test } from 'node:test';
import { availabilityOf, sumOf } from './availability.ts';

const pool = (start: string, end: string) => ({ start, end });
const four = { cidr: '10.0.0.0/24', ip_version: 4, allocation_pools: [pool('10.0.0.2', '10.0.0.254')] };

test('a total is that of the pools, or of the prefix where there are none', () => {
  assert.equal(availabilityOf(four, []).total, 253n);
  assert.equal(availabilityOf({ ...four, allocation_pools: [] }, []).total, 256n);
  const parts = { ...four, allocation_pools: [pool('10.0.0.50', '10.0.0.59'), pool('10.0.0.5', '10.0.0.9')] };
  assert.equal(availabilityOf(parts, []).total, 15n);
  const six = { cidr: 'fd00::/48', ip_version: 6, allocation_pools: [] };
  assert.equal(availabilityOf(six, []).total, 1n << 80n);
});

test('what is in use counts wherever it is, and apart in the pools', () => {
  const { used, details } = availabilityOf(four, ['10.0.0.1', '10.0.0.2', '10.0.0.254']);
  assert.equal(used, 3n);
  assert.deepEqual(details, {
    total_ips_in_subnet: 254n,
    total_ips_in_allocation_pool: 253n,
    used_ips_in_subnet: 3n,
    used_ips_in_allocation_pool: 2n,
  });
});

test('subnets of one or two addresses have them', () => {
  const tiny = (cidr: string): bigint => availabilityOf({ cidr, ip_version: 4, allocation_pools: [] }, []).details.total_ips_in_subnet;
  assert.deepEqual([tiny('10.0.0.0/30'), tiny('10.0.0.0/31'), tiny('10.0.0.0/32')], [2n, 2n, 1n]);
});

test('networks are the sums of their subnets', () => {
  const sum = sumOf([availabilityOf(four, ['10.0.0.9']), availabilityOf({ cidr: 'fd00::/64', ip_version: 6, allocation_pools: [] }, [])]);
  assert.deepEqual([sum.total, sum.used, sum.details.total_ips_in_subnet], [253n + (1n << 64n), 1n, 254n + (1n << 64n)]);
  assert.equal(sumOf([]).total, 0n);
});
