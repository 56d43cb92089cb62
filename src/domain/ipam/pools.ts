// Allocation pools: the default ones of a subnet, and the rules for those that are asked for.
import type { AllocationPool } from '../../model/subnet.ts';
import { apiError } from '../errors.ts';
import { pyRepr } from '../input/python.ts';
import { type Cidr, formatCidr, lastOf } from '../net/cidr.ts';
import { bits, ipText, parseIp } from '../net/ip.ts';
import { byFirst, formatRange, parseRange, type Range, rangesOverlap, subtract } from '../net/ranges.ts';

export type Pool = AllocationPool;

/** Prefixes without network and broadcast address: single addresses and IPv4 point-to-point links (RFC 3021). */
function isTiny(cidr: Cidr): boolean {
  return cidr.prefix === bits(cidr.version) || (cidr.version === 4 && cidr.prefix === 31);
}

/** Addresses that pools may hold: all but an IPv4 network's first and last, all but an IPv6 network's first. */
function usable(cidr: Cidr): Range {
  if (isTiny(cidr)) return { first: cidr.network, last: lastOf(cidr) };
  return { first: cidr.network + 1n, last: lastOf(cidr) - (cidr.version === 4 ? 1n : 0n) };
}

/** First address after the network for IPv4; the subnet-router anycast address (RFC 4291 2.6.1) for IPv6. */
export function defaultGateway(cidr: Cidr): string {
  return ipText(cidr.version, cidr.version === 4 ? (cidr.network + 1n) & 0xffffffffn : cidr.network);
}

/** Everything usable but the gateway: one pool, or two around it. */
export function defaultPools(cidr: Cidr, gateway: string | null): Pool[] {
  const all = usable(cidr);
  const ip = gateway === null ? undefined : parseIp(gateway);
  const holes = ip?.version === cidr.version && !isTiny(cidr) ? [{ first: ip.value, last: ip.value }] : [];
  return subtract(all, holes).map(r => formatRange(cidr.version, r));
}

const text = (cidr: Cidr, r: Range): string => `${ipText(cidr.version, r.first)}-${ipText(cidr.version, r.last)}`;

/** Above this many pools the pair that is named is just one of those that overlap, to keep the check linear. */
const NAME_FIRST_PAIR = 64;

function overlappingPair(ranges: readonly Range[]): readonly [Range, Range] | undefined {
  const sorted = [...ranges].sort(byFirst);
  let widest: Range | undefined;
  let found: readonly [Range, Range] | undefined;
  for (const range of sorted) {
    if (widest && rangesOverlap(widest, range)) {
      found = [widest, range];
      break;
    }
    if (!widest || range.last > widest.last) widest = range;
  }
  if (!found || ranges.length > NAME_FIRST_PAIR) return found;
  for (const [i, a] of ranges.entries()) for (const b of ranges.slice(i + 1)) if (rangesOverlap(a, b)) return [a, b];
  return found;
}

/** The pools as ranges; refuses what is malformed, out of the subnet, or overlapping. */
export function checkPools(cidr: Cidr, pools: readonly Pool[]): Range[] {
  const inside = usable(cidr);
  const ranges = pools.map(pool => {
    const range = parseRange(pool.start, pool.end);
    if (!range) throw apiError('InvalidAllocationPool', { pool: pyRepr(pool) });
    if (range.version !== cidr.version) throw apiError('InvalidAllocationPool', { pool: `${pool.start}-${pool.end}` });
    if (range.first < inside.first || range.last > inside.last) {
      throw apiError('OutOfBoundsAllocationPool', { pool: text(cidr, range), subnet_cidr: formatCidr(cidr) });
    }
    return { first: range.first, last: range.last };
  });
  const pair = overlappingPair(ranges);
  if (pair) {
    throw apiError('OverlappingAllocationPools', {
      pool_1: text(cidr, pair[0]),
      pool_2: text(cidr, pair[1]),
      subnet_cidr: formatCidr(cidr),
    });
  }
  return ranges;
}

/** Refuses a gateway that a pool would hand out. */
export function checkGatewayOutOfPools(cidr: Cidr, gateway: string | null, ranges: readonly Range[]): void {
  const ip = gateway === null ? undefined : parseIp(gateway);
  if (!ip || ip.version !== cidr.version) return;
  const range = ranges.find(r => ip.value >= r.first && ip.value <= r.last);
  if (range) throw apiError('GatewayConflictWithAllocationPools', { ip_address: gateway, pool: text(cidr, range) });
}

/** Canonical texts of ranges that were checked. */
export function poolsOf(cidr: Cidr, ranges: readonly Range[]): Pool[] {
  return ranges.map(r => formatRange(cidr.version, r));
}

/** Pools that were stored, as ranges; what does not parse is left out. */
export function rangesOf(pools: readonly Pool[]): Range[] {
  return pools.flatMap(p => parseRange(p.start, p.end) ?? []).map(({ first, last }) => ({ first, last }));
}

/** Whether the address is one that the pools hand out. */
export function inPools(pools: readonly Pool[] | undefined, ip_address: string): boolean {
  const ip = parseIp(ip_address);
  return (pools ?? []).some(pool => {
    const range = parseRange(pool.start, pool.end);
    return ip !== undefined && range?.version === ip.version && ip.value >= range.first && ip.value <= range.last;
  });
}
