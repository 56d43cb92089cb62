// Ranges of addresses of one family, both ends included, on plain numbers: set operations in linear or n log n time.
import { bits, type IpVersion, ipText, parseIp } from './ip.ts';

export interface Range {
  readonly first: bigint;
  readonly last: bigint;
}

export const sizeOfRange = (r: Range): bigint => r.last - r.first + 1n;
export const inRange = (r: Range, value: bigint): boolean => value >= r.first && value <= r.last;
export const rangesOverlap = (a: Range, b: Range): boolean => a.first <= b.last && b.first <= a.last;
export const totalSize = (ranges: readonly Range[]): bigint => ranges.reduce((sum, r) => sum + sizeOfRange(r), 0n);

export function byFirst(a: Range, b: Range): number {
  return a.first < b.first ? -1 : a.first > b.first ? 1 : 0;
}

/** Sorted, disjoint and not touching. */
export function mergeRanges(ranges: readonly Range[]): Range[] {
  const out: Range[] = [];
  for (const range of [...ranges].sort(byFirst)) {
    const before = out.at(-1);
    if (before && range.first <= before.last + 1n) {
      if (range.last > before.last) out[out.length - 1] = { first: before.first, last: range.last };
    } else out.push(range);
  }
  return out;
}

/** `range` without the values of `holes`. */
export function subtract(range: Range, holes: readonly Range[]): Range[] {
  const out: Range[] = [];
  let first = range.first;
  for (const hole of mergeRanges(holes)) {
    if (hole.last < first) continue;
    if (hole.first > range.last) break;
    if (hole.first > first) out.push({ first, last: hole.first - 1n });
    first = hole.last + 1n;
  }
  if (first <= range.last) out.push({ first, last: range.last });
  return out;
}

/** What is in `ranges` and in none of `holes`: sorted and disjoint, in one pass over both. */
export function difference(ranges: readonly Range[], holes: readonly Range[]): Range[] {
  const gone = mergeRanges(holes);
  const out: Range[] = [];
  let next = 0;
  for (const range of mergeRanges(ranges)) {
    while (next < gone.length && gone[next]!.last < range.first) next++;
    let first = range.first;
    for (let i = next; i < gone.length && gone[i]!.first <= range.last; i++) {
      if (gone[i]!.first > first) out.push({ first, last: gone[i]!.first - 1n });
      first = gone[i]!.last + 1n;
    }
    if (first <= range.last) out.push({ first, last: range.last });
  }
  return out;
}

/** Whether some value is in both, in one pass. */
export function meet(a: readonly Range[], b: readonly Range[]): boolean {
  const one = mergeRanges(a);
  const other = mergeRanges(b);
  for (let i = 0, j = 0; i < one.length && j < other.length; ) {
    if (rangesOverlap(one[i]!, other[j]!)) return true;
    if (one[i]!.last < other[j]!.last) i++;
    else j++;
  }
  return false;
}

/** The fewest prefixes that cover exactly this range: at most two per bit of the address. */
export function rangeToCidrs(version: IpVersion, range: Range): { network: bigint; prefix: number }[] {
  const width = bits(version);
  const out: { network: bigint; prefix: number }[] = [];
  let first = range.first;
  while (first <= range.last) {
    let host = 0;
    while (host < width && (first & (1n << BigInt(host))) === 0n && first + (1n << BigInt(host + 1)) - 1n <= range.last) host++;
    out.push({ network: first, prefix: width - host });
    first += 1n << BigInt(host);
  }
  return out;
}

/** Two addresses of one family in order; undefined otherwise. */
export function parseRange(start: string, end: string): (Range & { version: IpVersion }) | undefined {
  const first = parseIp(start);
  const last = parseIp(end);
  if (!first || !last || first.version !== last.version || last.value < first.value) return undefined;
  return { version: first.version, first: first.value, last: last.value };
}

export function formatRange(version: IpVersion, range: Range): { start: string; end: string } {
  return { start: ipText(version, range.first), end: ipText(version, range.last) };
}
