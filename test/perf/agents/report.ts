// How the figures of many hosts are shown.
import { markdown, ms, percentile } from '../statistics.ts';

/** The longest of several times. */
export const last = (times: readonly number[]): string => `${ms(Math.max(...times))} ms`;

/** `p50 / p95 / last`, in ms. */
export function spread(times: readonly number[]): string {
  if (times.length === 0) return 'none';
  return `${ms(percentile(times, 0.5))} / ${ms(percentile(times, 0.95))} / ${ms(Math.max(...times))}`;
}

export function table(rows: readonly (readonly string[])[]): string {
  return markdown([['', 'ms: p50 / p95 / last', 'CPU ms server', 'broker', 'hosts', 'messages', 'bytes'], ...rows]);
}
