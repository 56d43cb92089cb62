// Percentiles and tables for the benchmarks.

/** The value below which `share` of the values lie; nearest rank. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

/** A Markdown table; the first row is its head, all columns but the first are numbers. */
export function markdown(rows: readonly (readonly string[])[]): string {
  const [head = [], ...rest] = rows;
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...rest.map(line)].join('\n');
}

export const ms = (value: number): string => value.toFixed(value < 10 ? 1 : 0);

/** Nothing where there is no number. */
export const digits = (value: number): string => (Number.isFinite(value) ? value.toFixed(value < 10 ? 2 : 0) : '');
