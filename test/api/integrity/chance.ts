// Chance that can be had again: the choices of a client follow from a number.

export interface Chance {
  /** A number in [0, 1). */
  next(): number;
  pick<T>(from: readonly T[]): T;
  /** True so often. */
  often(share: number): boolean;
  /** The attributes so often, else none. */
  maybe<T extends object>(share: number, attributes: T): T | Record<string, never>;
  below(limit: number): number;
}

/** mulberry32. */
export function chance(seed: number): Chance {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  return {
    next,
    pick: <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)] as T,
    often: share => next() < share,
    maybe: (share, attributes) => (next() < share ? attributes : {}),
    below: limit => Math.floor(next() * limit),
  };
}
