// Free addresses: a random one among the next few, found by walking what is taken, never the range; and exact exhaustion.
import { mergeRanges, type Range, sizeOfRange } from '../net/ranges.ts';

/** Addresses in use, in ascending order, or in any order as a set. */
export type Taken = readonly bigint[] | ReadonlySet<bigint>;

export interface FreeQuery {
  readonly pools: readonly Range[];
  readonly taken: Taken;
  /** How many of the next free addresses the choice is made among. */
  readonly window: number;
  /** 0…n-1. */
  readonly random: (n: number) => number;
}

function ascending(taken: Taken): readonly bigint[] {
  if (Array.isArray(taken)) return taken;
  return [...(taken as ReadonlySet<bigint>)].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

/** Index of the first element that is not below `value`. */
function lowerBound(sorted: readonly bigint[], value: bigint): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The stretches of free addresses, in ascending order. */
export function* freeRanges(pools: readonly Range[], taken: Taken): Generator<Range> {
  const sorted = ascending(taken);
  for (const pool of mergeRanges(pools)) {
    let first = pool.first;
    for (let i = lowerBound(sorted, pool.first); i < sorted.length && sorted[i]! <= pool.last; i++) {
      const used = sorted[i]!;
      if (used > first) yield { first, last: used - 1n };
      if (used >= first) first = used + 1n;
    }
    if (first <= pool.last) yield { first, last: pool.last };
  }
}

/** The next `window` free addresses as ranges. */
function windowOf(query: FreeQuery): { readonly ranges: readonly Range[]; readonly size: number } {
  const ranges: Range[] = [];
  let left = BigInt(Math.max(1, query.window));
  for (const range of freeRanges(query.pools, query.taken)) {
    const size = sizeOfRange(range) < left ? sizeOfRange(range) : left;
    ranges.push({ first: range.first, last: range.first + size - 1n });
    left -= size;
    if (left === 0n) break;
  }
  return { ranges, size: Math.max(1, query.window) - Number(left) };
}

function at(ranges: readonly Range[], index: number): bigint {
  let skip = BigInt(index);
  for (const range of ranges) {
    if (skip < sizeOfRange(range)) return range.first + skip;
    skip -= sizeOfRange(range);
  }
  throw new RangeError('index outside the window');
}

/** Up to `count` different free addresses of the window in random order; none exactly when there is none. */
export function freeCandidates(query: FreeQuery, count: number): bigint[] {
  const { ranges, size } = windowOf(query);
  // Fisher and Yates, with only the cells that were touched.
  const moved = new Map<number, number>();
  const out: bigint[] = [];
  for (let i = 0; i < Math.min(count, size); i++) {
    const j = i + query.random(size - i);
    out.push(at(ranges, moved.get(j) ?? j));
    moved.set(j, moved.get(i) ?? i);
  }
  return out;
}
