import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ErrorName, isApiError } from '../errors.ts';
import { formatCidr, parseCidr } from '../net/cidr.ts';
import { difference, meet, type Range } from '../net/ranges.ts';
import {
  type AllocatingPool,
  type Allocation,
  allocatePrefix,
  checkAffinity,
  checkGrows,
  planPool,
  prefixesOverlap,
  withoutPrefixes,
} from './subnet-pool.ts';

const refused = (type: ErrorName, run: () => unknown, message?: RegExp): void =>
  void assert.throws(run, e => isApiError(e, type) && (message?.test(e.message) ?? true));

test('prefixes are merged, sorted and without host bits; bounds have defaults', () => {
  const four = planPool({ prefixes: ['10.0.1.0/24', '10.9.1.0/24', '10.0.0.7/24', '10.9.0.0/16'] });
  const bounds = { min_prefixlen: 8, max_prefixlen: 32, default_prefixlen: 8 };
  assert.deepEqual(four, { ip_version: 4, prefixes: ['10.0.0.0/23', '10.9.0.0/16'], ...bounds });
  const six = planPool({ prefixes: ['FD00:0:0::/48'], default_prefixlen: 80 });
  assert.deepEqual(six, { ip_version: 6, prefixes: ['fd00::/48'], min_prefixlen: 64, max_prefixlen: 128, default_prefixlen: 80 });
  assert.equal(planPool({ prefixes: ['10.0.0.0/8'], min_prefixlen: 0 }).default_prefixlen, 0);
});

test('pools that are none', () => {
  const prefixes = ['10.0.0.0/8'];
  refused('EmptySubnetPoolPrefixList', () => planPool({ prefixes: [] }));
  refused('PrefixVersionMismatch', () => planPool({ prefixes: ['10.0.0.0/8', 'fd00::/8'] }));
  refused('AddrFormatError', () => planPool({ prefixes: ['x'] }), /^invalid IPNetwork x$/);
  const bad = (asked: object, names: RegExp): void =>
    refused('IllegalSubnetPoolPrefixBounds', () => planPool({ prefixes, ...asked }), names);
  bad({ min_prefixlen: 33 }, /min_prefixlen=33, max_prefixlen=32/);
  bad({ max_prefixlen: 33 }, /max_prefixlen=33, ip_version_max=32/);
  bad({ default_prefixlen: 7 }, /default_prefixlen=7, min_prefixlen=8/);
  bad({ default_prefixlen: 32, max_prefixlen: 30 }, /default_prefixlen=32, max_prefixlen=30/);
  const many = Array.from({ length: 1001 }, (_, i) => `10.${i >> 7}.${(i & 127) * 2}.0/24`);
  refused('IllegalSubnetPoolPrefixUpdate', () => planPool({ prefixes: many }), /1000/);
});

test('prefixes grow by updates and shrink by what is not in use', () => {
  checkGrows(['10.0.0.0/24'], ['10.0.0.0/25', '10.0.0.128/25', '10.7.0.0/16']);
  refused('IllegalSubnetPoolPrefixUpdate', () => checkGrows(['10.0.0.0/24'], ['10.0.0.0/25']), /must be a subset/);
  refused('IllegalSubnetPoolPrefixUpdate', () => checkGrows(['10.0.0.0/24'], []));
  const pool = { ip_version: 4, prefixes: ['10.0.0.0/23'] } as const;
  assert.deepEqual(withoutPrefixes(pool, ['10.0.1.0/25', 'fd00::/8'], ['10.0.0.0/24']), ['10.0.0.0/24', '10.0.1.128/25']);
  assert.deepEqual(withoutPrefixes(pool, ['10.0.0.0/23'], []), []);
  assert.equal(withoutPrefixes(pool, ['10.9.0.0/24'], []), undefined);
  refused('IllegalSubnetPoolPrefixUpdate', () => withoutPrefixes(pool, ['10.0.0.128/32'], ['10.0.0.0/24']), /in use by a subnet\.\.$/);
  assert.equal(prefixesOverlap(['10.0.0.0/24', '10.2.0.0/16'], ['10.1.0.0/16', '10.2.9.0/24']), true);
  assert.equal(prefixesOverlap(['10.0.0.0/24'], ['10.0.1.0/24', 'fd00::/8']), false);
});

const pool = (prefixes: string[], more: Partial<AllocatingPool> = {}): AllocatingPool => ({
  ...planPool({ prefixes, ...more }),
  default_quota: null,
  ...('default_quota' in more ? { default_quota: more.default_quota ?? null } : {}),
});
const given = (...cidrs: string[]): Allocation[] => cidrs.map(cidr => ({ project_id: 'p', cidr }));
const take = (from: AllocatingPool, taken: Allocation[], wish: { cidr?: string; prefixlen?: number; project_id?: string }): string => {
  const cidr = wish.cidr === undefined ? undefined : parseCidr(wish.cidr);
  const { project_id = 'p', prefixlen = cidr?.prefix ?? from.default_prefixlen } = wish;
  return formatCidr(allocatePrefix(from, taken, { project_id, cidr, prefixlen }));
};

test('a prefix is the start of the smallest free block, as from Neutron', () => {
  const two = pool(['10.7.0.0/24', '10.6.0.0/20'], { min_prefixlen: 20 });
  assert.equal(take(two, [], { prefixlen: 26 }), '10.7.0.0/26');
  assert.equal(take(two, given('10.7.0.0/26'), { prefixlen: 22 }), '10.6.0.0/22');
  assert.equal(take(two, given('10.7.0.0/26', '10.6.0.0/22'), { prefixlen: 24 }), '10.6.4.0/24');
  assert.equal(take(two, given('10.7.0.0/26', '10.6.0.0/22', '10.6.4.0/24'), { prefixlen: 28 }), '10.7.0.64/28');
  refused('SubnetAllocationError', () => take(two, given('10.6.0.0/28'), { prefixlen: 20 }), /Insufficient prefix space .* size \/20\.$/);
});

test('one of the first free prefixes, where many are sought at once', () => {
  const two = pool(['10.7.0.0/28', '10.6.0.0/24'], { min_prefixlen: 20 });
  const pick = (first: number, nth: number): string =>
    formatCidr(allocatePrefix(two, [], { project_id: 'p', prefixlen: 28, among: { first, random: n => Math.min(nth, n - 1) } }));
  assert.deepEqual(
    [pick(16, 0), pick(16, 1), pick(16, 2), pick(2, 9), pick(99, 99)],
    ['10.7.0.0/28', '10.6.0.0/28', '10.6.0.16/28', '10.6.0.0/28', '10.6.0.240/28'],
  );
});

test('a named prefix is free and inside, or refused', () => {
  const one = pool(['10.0.0.0/16'], { min_prefixlen: 20, max_prefixlen: 28 });
  assert.equal(take(one, given('10.0.0.0/24'), { cidr: '10.0.1.0/24' }), '10.0.1.0/24');
  for (const cidr of ['10.0.0.128/25', '11.0.0.0/24']) {
    refused('SubnetAllocationError', () => take(one, given('10.0.0.0/24'), { cidr }), /available set of prefixes/);
  }
  refused('MinPrefixSubnetAllocationError', () => take(one, [], { cidr: '10.0.0.0/16' }));
  refused('MaxPrefixSubnetAllocationError', () => take(one, [], { prefixlen: 29 }));
});

test('quotas count addresses or IPv6 networks, for each project, exactly', () => {
  const four = pool(['10.0.0.0/24'], { min_prefixlen: 28, default_quota: 32 });
  assert.equal(take(four, given('10.0.0.0/28'), {}), '10.0.0.16/28');
  refused('SubnetPoolQuotaExceeded', () => take(four, given('10.0.0.0/28', '10.0.0.16/28'), { prefixlen: 32 }));
  assert.equal(take(four, given('10.0.0.0/28', '10.0.0.16/28'), { project_id: 'other' }), '10.0.0.32/28');
  const six = pool(['fd00::/48'], { default_quota: 2 });
  assert.equal(take(six, given('fd00::/64'), { prefixlen: 64 }), 'fd00:0:0:1::/64');
  refused('SubnetPoolQuotaExceeded', () => take(six, given('fd00::/64', 'fd00:0:0:1::/64'), { prefixlen: 128 }));
  assert.equal(take(pool(['10.0.0.0/24'], { min_prefixlen: 24, default_quota: 0 }), [], {}), '10.0.0.0/24');
});

test('subnets of one network are from one pool, one address scope, or none', () => {
  const from = (subnetpool_id: string | null, address_scope_id: string | null = null) => ({ subnetpool_id, address_scope_id });
  checkAffinity(from('a'), []);
  checkAffinity(from('a'), [from('a')]);
  checkAffinity(from(null), [from(null)]);
  checkAffinity(from('b', 's'), [from('a', 's')]);
  for (const [wanted, other] of [
    [from('b'), from('a')],
    [from(null), from('a')],
    [from('a'), from(null)],
    [from(null), from('a', 's')],
    [from('b', 's'), from('a')],
  ] as const) {
    refused('NetworkSubnetPoolAffinityError', () => checkAffinity(wanted, [other]));
  }
  refused('NetworkAddressScopeAffinityError', () => checkAffinity(from('b', 't'), [from('a', 's')]));
  refused('NetworkAddressScopeAffinityError', () => checkAffinity(from('b'), [from('a', 's')]));
});

test('differences and meetings of ranges are what they are value by value', () => {
  let seed = 7;
  const next = (): number => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed / 2147483648;
  };
  const some = (): Range[] =>
    Array.from({ length: Math.floor(next() * 5) }, () => {
      const first = BigInt(Math.floor(next() * 40));
      return { first, last: first + BigInt(Math.floor(next() * 8)) };
    });
  const values = (ranges: readonly Range[]): Set<number> =>
    new Set(Array.from({ length: 60 }, (_, v) => v).filter(v => ranges.some(r => BigInt(v) >= r.first && BigInt(v) <= r.last)));
  for (let i = 0; i < 500; i++) {
    const [a, b] = [some(), some()];
    assert.deepEqual(
      [...values(difference(a, b))],
      [...values(a)].filter(v => !values(b).has(v)),
    );
    assert.equal(
      meet(a, b),
      [...values(a)].some(v => values(b).has(v)),
    );
  }
});
