// Metrics of one process, the sum of several, and their text as Prometheus reads it (exposition format 0.0.4).
import type { Labels, Metric, Metrics, Sample } from '../../contracts/metrics.ts';

interface Kept {
  readonly name: string;
  readonly labels: Labels;
  value: number;
  readonly counts?: number[];
}

export class Registry implements Metrics {
  private readonly metrics: ReadonlyMap<string, Metric>;
  private readonly kept = new Map<string, Kept>();

  constructor(metrics: readonly Metric[]) {
    this.metrics = new Map(metrics.map(metric => [metric.name, metric]));
  }

  count(name: string, labels: Labels = {}, by = 1): void {
    this.at(name, labels).value += by;
  }

  set(name: string, labels: Labels, value: number): void {
    this.at(name, labels).value = value;
  }

  observe(name: string, labels: Labels, value: number): void {
    const kept = this.at(name, labels);
    const { buckets = [] } = this.metrics.get(name) as Metric;
    const place = buckets.findIndex(bound => value <= bound);
    kept.value += value;
    if (kept.counts) kept.counts[place < 0 ? buckets.length : place]! += 1;
  }

  samples(): Sample[] {
    return [...this.kept.values()].map(({ counts, ...kept }) => ({ ...kept, ...(counts ? { counts: [...counts] } : {}) }));
  }

  private at(name: string, labels: Labels): Kept {
    const key = keyOf(name, labels);
    const found = this.kept.get(key);
    if (found) return found;
    const metric = this.metrics.get(name);
    if (!metric) throw new Error(`there is no metric ${name}`);
    const empty = metric.buckets ? { counts: Array.from({ length: metric.buckets.length + 1 }, () => 0) } : {};
    const kept: Kept = { name, labels, value: 0, ...empty };
    this.kept.set(key, kept);
    return kept;
  }
}

const keyOf = (name: string, labels: Labels): string => `${name}${labelsText(labels)}`;

/** What the processes of a server say, together. */
export function together(metrics: readonly Metric[], all: readonly (readonly Sample[])[]): Sample[] {
  const most = new Set(metrics.filter(metric => metric.together === 'most').map(metric => metric.name));
  const sums = new Map<string, Sample>();
  for (const sample of all.flat()) {
    const key = keyOf(sample.name, sample.labels);
    const had = sums.get(key);
    if (!had) sums.set(key, sample);
    else
      sums.set(key, {
        ...had,
        value: most.has(sample.name) ? Math.max(had.value, sample.value) : had.value + sample.value,
        ...(had.counts ? { counts: had.counts.map((count, i) => count + (sample.counts?.[i] ?? 0)) } : {}),
      });
  }
  return [...sums.values()];
}

export function exposition(metrics: readonly Metric[], samples: readonly Sample[]): string {
  const byName = Map.groupBy(samples, sample => sample.name);
  return metrics
    .flatMap(metric => {
      const some = byName.get(metric.name) ?? [];
      if (some.length === 0) return [];
      const lines = some.flatMap(sample => (metric.buckets ? histogram(metric, sample) : [line(metric.name, sample.labels, sample.value)]));
      return [`# HELP ${metric.name} ${metric.help}`, `# TYPE ${metric.name} ${metric.type}`, ...lines];
    })
    .map(each => `${each}\n`)
    .join('');
}

function histogram({ name, buckets = [] }: Metric, { labels, value, counts = [] }: Sample): string[] {
  let below = 0;
  const bounds = [...buckets.map(String), '+Inf'].map((le, i) => {
    below += counts[i] ?? 0;
    return line(`${name}_bucket`, { ...labels, le }, below);
  });
  return [...bounds, line(`${name}_sum`, labels, value), line(`${name}_count`, labels, below)];
}

const line = (name: string, labels: Labels, value: number): string => `${name}${labelsText(labels)} ${value}`;

function labelsText(labels: Labels): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')}"`,
  );
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}
