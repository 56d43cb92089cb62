// Ranges of segmentation ids: set arithmetic, and what a range may be.
import { apiError, badRequest } from './errors.ts';

export type IdRange = readonly [low: number, high: number];
export type IdRanges = readonly IdRange[];

export const sizeOf = (ranges: IdRanges): number => ranges.reduce((sum, [low, high]) => sum + high - low + 1, 0);

/** The n-th id, from 0. */
export function nth(ranges: IdRanges, n: number): number {
  let left = n;
  for (const [low, high] of ranges) {
    if (left <= high - low) return low + left;
    left -= high - low + 1;
  }
  throw new RangeError('past the last range');
}

/** Ascending, without overlaps. */
export function union(ranges: IdRanges): IdRange[] {
  const out: [number, number][] = [];
  for (const [low, high] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = out.at(-1);
    if (last && low <= last[1] + 1) last[1] = Math.max(last[1], high);
    else out.push([low, high]);
  }
  return out;
}

export function without(ranges: IdRanges, holes: IdRanges): IdRange[] {
  let left = union(ranges);
  for (const [from, to] of union(holes)) {
    left = left.flatMap(([low, high]): IdRange[] => {
      if (to < low || from > high) return [[low, high]];
      return [...(low < from ? [[low, from - 1] as const] : []), ...(high > to ? [[to + 1, high] as const] : [])];
    });
  }
  return left;
}

export const overlaps = ([a, b]: IdRange, [c, d]: IdRange): boolean => a <= d && c <= b;

/** The first id that is not used. */
export function firstFree(ranges: IdRanges, isUsed: (id: number) => boolean): number | undefined {
  for (const [low, high] of ranges) for (let id = low; id <= high; id++) if (!isUsed(id)) return id;
  return undefined;
}

/** `bounds` are those of the network type. */
export function checkRange(type: string, [low, high]: IdRange, bounds: IdRange): void {
  const isVlan = type === 'vlan';
  const wrong = [low, high].find(id => id < bounds[0] || id > bounds[1]);
  if (wrong !== undefined) {
    throw isVlan
      ? apiError('NetworkVlanRangeError', { vlan_range: `${low}:${high}`, error: `${wrong} is not a valid VLAN tag` })
      : apiError('NetworkTunnelRangeError', { tunnel_range: `${low}:${high}`, error: `${wrong} is not a valid ${type} identifier` });
  }
  if (low <= high) return;
  throw isVlan
    ? apiError('NetworkVlanRangeError', { vlan_range: `${low}:${high}`, error: 'End of VLAN range is less than start of VLAN range' })
    : apiError('NetworkTunnelRangeError', {
        tunnel_range: `${low}:${high}`,
        error: 'End of tunnel range is less than start of tunnel range',
      });
}

export function checkPhysicalNetwork(type: string, physical_network: unknown): void {
  if (type !== 'vlan' || physical_network) return;
  const what = "Network type vlan requires 'physical_network' to be specified while creating new range";
  throw badRequest('network_segment_range', what);
}
