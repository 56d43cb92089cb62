// The rules of subnet pools: their prefixes and bounds, which prefix a new subnet gets, and what its network's other subnets allow.
import { apiError } from '../errors.ts';
import { type Cidr, type CidrText, formatCidr, lastOf, parseCidr, parseIpPrefix } from '../net/cidr.ts';
import { bits, type IpVersion } from '../net/ip.ts';
import { difference, meet, mergeRanges, type Range, rangeToCidrs } from '../net/ranges.ts';

export interface PoolBounds {
  readonly min_prefixlen: number;
  readonly max_prefixlen: number;
  readonly default_prefixlen: number;
}

export interface PlannedPool extends PoolBounds {
  readonly ip_version: IpVersion;
  readonly prefixes: readonly string[];
}

/** What a pool is asked to be; bounds that are not given have defaults. */
export type AskedPool = { readonly prefixes: readonly string[] } & { readonly [bound in keyof PoolBounds]?: number | undefined };

/** A length and a unit of the quota, by IP version: quotas count addresses, or IPv6 networks of 64 bits. */
const versions = { 4: { shortest: 8, unit: 32 }, 6: { shortest: 64, unit: 64 } } as const;

/** No pool needs more, and every allocation looks at all of them. */
const mostPrefixes = 1000;

export function planPool(asked: AskedPool): PlannedPool {
  const cidrs = asked.prefixes.map(parsed);
  const first = cidrs[0];
  if (!first) throw apiError('EmptySubnetPoolPrefixList');
  const { version } = first;
  if (cidrs.some(c => c.version !== version)) throw apiError('PrefixVersionMismatch');
  const prefixes = textsOf(version, cidrs.map(rangeOf));
  if (prefixes.length > mostPrefixes) {
    throw apiError('IllegalSubnetPoolPrefixUpdate', { msg: `A pool cannot have more than ${mostPrefixes} prefixes` });
  }
  const min_prefixlen = asked.min_prefixlen ?? versions[version].shortest;
  const max_prefixlen = asked.max_prefixlen ?? bits(version);
  const bounds = { min_prefixlen, max_prefixlen, default_prefixlen: asked.default_prefixlen ?? min_prefixlen };
  checkBounds(version, bounds);
  return { ip_version: version, prefixes, ...bounds };
}

export function checkBounds(version: IpVersion, { min_prefixlen, max_prefixlen, default_prefixlen }: PoolBounds): void {
  const inOrder = (low: number, high: number, names: readonly [string, number, string, number]): void => {
    const [prefix_type, prefixlen, base_prefix_type, base_prefixlen] = names;
    if (low > high) throw apiError('IllegalSubnetPoolPrefixBounds', { prefix_type, prefixlen, base_prefix_type, base_prefixlen });
  };
  inOrder(min_prefixlen, max_prefixlen, ['min_prefixlen', min_prefixlen, 'max_prefixlen', max_prefixlen]);
  inOrder(max_prefixlen, bits(version), ['max_prefixlen', max_prefixlen, 'ip_version_max', bits(version)]);
  inOrder(min_prefixlen, default_prefixlen, ['default_prefixlen', default_prefixlen, 'min_prefixlen', min_prefixlen]);
  inOrder(default_prefixlen, max_prefixlen, ['default_prefixlen', default_prefixlen, 'max_prefixlen', max_prefixlen]);
}

function parsed(text: string): CidrText {
  const cidr = parseIpPrefix(text);
  if (!cidr) throw apiError('AddrFormatError', { what: `invalid IPNetwork ${text}` });
  return cidr;
}

const rangeOf = (cidr: Cidr): Range => ({ first: cidr.network, last: lastOf(cidr) });

/** The fewest prefixes that hold the same addresses, in ascending order. */
function textsOf(version: IpVersion, ranges: readonly Range[]): string[] {
  return mergeRanges(ranges)
    .flatMap(r => rangeToCidrs(version, r))
    .map(c => formatCidr({ version, ...c }));
}

const rangesOf = (prefixes: readonly string[]): Range[] => prefixes.map(p => rangeOf(parsed(p)));

/** An update names all prefixes: those that are there must be among them. */
export function checkGrows(now: readonly string[], asked: readonly string[]): void {
  const [version] = now.map(p => parsed(p).version);
  const wanted = asked.map(parsed).filter(c => c.version === version);
  if (difference(rangesOf(now), wanted.map(rangeOf)).length > 0) {
    throw apiError('IllegalSubnetPoolPrefixUpdate', { msg: 'Existing prefixes must be a subset of the new prefixes' });
  }
}

/** The prefixes without some; undefined: nothing changes. `taken` are cidrs of subnets, which must stay. */
export function withoutPrefixes(
  { ip_version, prefixes }: Pick<PlannedPool, 'ip_version' | 'prefixes'>,
  gone: readonly string[],
  taken: readonly string[],
): readonly string[] | undefined {
  const holes = gone
    .map(parsed)
    .filter(c => c.version === ip_version)
    .map(rangeOf);
  const now = rangesOf(prefixes);
  if (!meet(now, holes)) return undefined;
  if (meet(rangesOf(taken), holes)) {
    throw apiError('IllegalSubnetPoolPrefixUpdate', { msg: 'One or more the prefixes to be removed is in use by a subnet.' });
  }
  const left = textsOf(ip_version, difference(now, holes));
  if (left.length > mostPrefixes) {
    throw apiError('IllegalSubnetPoolPrefixUpdate', { msg: `A pool cannot have more than ${mostPrefixes} prefixes` });
  }
  return left;
}

export function prefixesOverlap(a: readonly string[], b: readonly string[]): boolean {
  return meet(rangesOf(a), rangesOf(b));
}

/** An allocation: which project has which cidr. */
export interface Allocation {
  readonly project_id: string;
  readonly cidr: string;
}

export interface AllocatingPool extends PlannedPool {
  /** Quota units that each project may have; 0 and null: any number. */
  readonly default_quota: number | null;
}

export interface PrefixWish {
  readonly project_id: string;
  /** This one; otherwise any of the length. */
  readonly cidr?: Cidr | undefined;
  readonly prefixlen: number;
  /** Not the first free one but one of the `first` so many; `random` answers 0…n-1. */
  readonly among?: { readonly first: number; readonly random: (n: number) => number } | undefined;
}

/** The prefix that a new subnet gets: as in Neutron, the start of the smallest free block that it fits into. */
export function allocatePrefix(pool: AllocatingPool, taken: readonly Allocation[], wish: PrefixWish): Cidr {
  const { prefixlen } = wish;
  const { min_prefixlen, max_prefixlen } = pool;
  if (prefixlen > max_prefixlen) throw apiError('MaxPrefixSubnetAllocationError', { prefixlen, max_prefixlen });
  if (prefixlen < min_prefixlen) throw apiError('MinPrefixSubnetAllocationError', { prefixlen, min_prefixlen });
  checkPoolQuota(pool, taken, wish);
  const free = difference(rangesOf(pool.prefixes), rangesOf(taken.map(t => t.cidr)));
  return wish.cidr ? named(free, pool, wish.cidr) : smallest(free, pool, wish);
}

function named(free: readonly Range[], pool: AllocatingPool, cidr: Cidr): Cidr {
  const wanted = rangeOf(cidr);
  if (cidr.version === pool.ip_version && free.some(f => f.first <= wanted.first && wanted.last <= f.last)) return cidr;
  throw apiError('SubnetAllocationError', { reason: 'Cannot allocate requested subnet from the available set of prefixes' });
}

/** Blocks in the order in which they are used up: the smallest first. */
function smallest(free: readonly Range[], { ip_version }: AllocatingPool, { prefixlen, among }: PrefixWish): Cidr {
  const blocks = free
    .flatMap(range => rangeToCidrs(ip_version, range))
    .filter(block => block.prefix <= prefixlen)
    .sort((a, b) => b.prefix - a.prefix);
  const fits = (block: { readonly prefix: number }): number => 2 ** Math.min(prefixlen - block.prefix, 30);
  const most = among?.first ?? 1;
  const total = blocks.reduce((sum, block) => Math.min(most, sum + fits(block)), 0);
  if (total === 0) throw apiError('SubnetAllocationError', { reason: `Insufficient prefix space to allocate subnet size /${prefixlen}` });
  let skip = among?.random(total) ?? 0;
  for (const block of blocks) {
    const size = 1n << BigInt(bits(ip_version) - prefixlen);
    if (skip < fits(block)) return { version: ip_version, network: block.network + BigInt(skip) * size, prefix: prefixlen };
    skip -= fits(block);
  }
  throw new RangeError('past the last prefix');
}

/** Counted in addresses, so that parts of a unit are exact. */
function checkPoolQuota(pool: AllocatingPool, taken: readonly Allocation[], { project_id, prefixlen }: PrefixWish): void {
  if (!pool.default_quota) return;
  const width = bits(pool.ip_version);
  const size = (prefix: number): bigint => 1n << BigInt(width - prefix);
  const used = taken.filter(t => t.project_id === project_id).reduce((sum, t) => sum + size(parsed(t.cidr).prefix), 0n);
  if (used + size(prefixlen) > BigInt(pool.default_quota) * size(versions[pool.ip_version].unit)) throw apiError('SubnetPoolQuotaExceeded');
}

/** The prefix around a gateway that was named without a cidr. */
export function cidrAround(gateway: string, prefixlen: number): Cidr | undefined {
  return parseCidr(`${gateway}/${prefixlen}`);
}

/** Where a subnet comes from: its pool, and the pool's address scope. */
export interface Origin {
  readonly subnetpool_id: string | null;
  readonly address_scope_id: string | null;
}

/** All subnets of one version on a network come from one pool, or from pools of one address scope, or from none. */
export function checkAffinity(wanted: Origin, others: readonly Origin[]): void {
  const scope = others.find(o => o.address_scope_id !== null)?.address_scope_id ?? null;
  if (wanted.subnetpool_id !== null && scope !== null) {
    if (wanted.address_scope_id !== scope) throw apiError('NetworkAddressScopeAffinityError');
    return;
  }
  if (others.some(o => o.subnetpool_id !== wanted.subnetpool_id)) throw apiError('NetworkSubnetPoolAffinityError');
}
