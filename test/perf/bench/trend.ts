// Whether a figure that is read again and again grows, beside how much it goes up and down anyway.

export interface Trend {
  /** Of the straight line through the readings that is nearest to them. */
  readonly perMinute: number;
  /** By how much that may be off, either way: twice its standard error. */
  readonly noise: number;
  readonly mean: number;
}

export interface Reading {
  readonly minute: number;
  readonly value: number;
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Least squares. Fewer than three readings say nothing: their noise is infinite. */
export function trendOf(readings: readonly Reading[]): Trend {
  const n = readings.length;
  const [at, mean] = [meanOf(readings.map(r => r.minute)), meanOf(readings.map(r => r.value))];
  const spread = readings.reduce((sum, { minute }) => sum + (minute - at) ** 2, 0);
  const perMinute = readings.reduce((sum, { minute, value }) => sum + (minute - at) * (value - mean), 0) / spread;
  const left = readings.reduce((sum, { minute, value }) => sum + (value - mean - perMinute * (minute - at)) ** 2, 0);
  const noise = n < 3 ? Number.POSITIVE_INFINITY : 2 * Math.sqrt(left / (n - 2) / spread);
  return { perMinute, noise, mean };
}

/** A rise that is more than the noise, and that would come to something: `share` of the mean in an hour. */
export function grows({ perMinute, noise, mean }: Trend, share: number): boolean {
  return perMinute > noise && perMinute * 60 > share * mean;
}

/** The first and the last third of a run; the middle one is nobody's. */
export function thirds<T>(list: readonly T[]): { readonly first: readonly T[]; readonly last: readonly T[] } {
  const third = Math.max(1, Math.floor(list.length / 3));
  return { first: list.slice(0, third), last: list.slice(-third) };
}
