// What an import tells at its end.
export interface TableReport {
  /** Of Neutron. */
  readonly table: string;
  readonly read: number;
  /** Rows by table of Weft; in a dry run those that would be written. */
  readonly written: Readonly<Record<string, number>>;
  readonly excepted: number;
  /** Why some were not taken. */
  readonly why?: string;
}

export interface ImportReport {
  /** URLs without passwords. */
  readonly source: string;
  readonly target: string;
  /** ISO 8601: the moment whose state was read. */
  readonly at: string;
  readonly outcome: 'written' | 'dry run' | 'refused';
  readonly tables: readonly TableReport[];
  /** Known, and not read. */
  readonly derived: readonly { readonly table: string; readonly rows: number; readonly why: string }[];
  readonly left_out: readonly { readonly name: string; readonly rows: number }[];
  readonly refusals: readonly string[];
  /** Tables of the source that have changed since that moment. */
  readonly changed: readonly string[];
}

const outcomes = {
  written: 'complete: the target can be used',
  'dry run': 'dry run: nothing was written',
  refused: 'refused: nothing was written',
};

/** All is there, as it was at that moment; and the source is another by now. */
export const isOutrun = ({ outcome, changed }: ImportReport): boolean => outcome === 'written' && changed.length > 0;

const outrun = 'not complete: what a server has changed in the source meanwhile is missing; stop it, empty the target, and import again';

export function reportLines(report: ImportReport): string[] {
  const width = Math.max(10, ...report.tables.map(t => t.table.length), ...report.derived.map(t => t.table.length));
  const count = (n: number): string => String(n).padStart(8);
  return [
    `from ${report.source} as it was at ${report.at}`,
    `to   ${report.target}`,
    ...section(
      'read, and written:',
      report.tables.filter(t => t.read > 0).map(t => `${t.table.padEnd(width)}${count(t.read)}  ${madeOf(t)}`),
    ),
    ...section(
      'not read:',
      report.derived.filter(d => d.rows > 0).map(d => `${d.table.padEnd(width)}${count(d.rows)}  ${d.why}`),
    ),
    ...section(
      'left out:',
      report.left_out.map(l => `${l.name.padEnd(width)}${count(l.rows)}`),
    ),
    ...section('not understood:', report.refusals),
    ...section('changed in the source since then, and not taken (a server is still running there):', report.changed),
    isOutrun(report) ? outrun : outcomes[report.outcome],
  ];
}

const section = (title: string, lines: readonly string[]): string[] => (lines.length === 0 ? [] : [title, ...lines.map(l => `  ${l}`)]);

function madeOf({ table, written, excepted, why }: TableReport): string {
  const parts = Object.entries(written).map(([name, n]) => `${n} ${name === table ? '' : name}`.trim());
  const less = excepted > 0 ? [`${excepted} not taken: ${why}`] : [];
  return [parts.join(', '), ...less].filter(Boolean).join('; ');
}
