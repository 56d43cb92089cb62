// Numbers of a running process, as plain data: those of several processes are added up, and printed by an adapter.

export type Labels = Readonly<Record<string, string>>;

export interface Metric {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  /** Of a histogram: upper bounds, ascending. */
  readonly buckets?: readonly number[];
  /** Of several processes; default their sum. */
  readonly together?: 'sum' | 'most';
}

export interface Sample {
  readonly name: string;
  readonly labels: Labels;
  /** Of a histogram: the sum of what was observed. */
  readonly value: number;
  /** Of a histogram: how many were below each bound and not below the one before, and those above all. */
  readonly counts?: readonly number[];
}

/** Names are of a table that the adapter knows; labels take few values. */
export interface Metrics {
  count(name: string, labels?: Labels, by?: number): void;
  set(name: string, labels: Labels, value: number): void;
  observe(name: string, labels: Labels, value: number): void;
}
