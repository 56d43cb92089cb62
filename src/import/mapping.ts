// How tables of Neutron become tables of Weft, as data: which rows belong together, and what each column is made of.
import type { SourceRow, SourceValue } from '../contracts/snapshot.ts';
import type { Value } from '../contracts/store.ts';

/** Rows of another table that belong to one of the mapped table: those whose `by` is its `of` (`id` unless told). */
export interface Beside {
  readonly table: string;
  readonly by: string;
  readonly of: string;
}

/** `name`: the column of that name; `beside.name`: of the one row there, null without it; a function: the value itself. */
export type Column = string | ((source: Source) => Value);

export interface Target {
  /** Of Weft. */
  readonly table: string;
  readonly columns: Readonly<Record<string, Column>>;
  /** A row for each of these; without it one row for each of the mapped table. */
  readonly each?: (source: Source) => readonly object[];
}

export interface Mapping {
  readonly from: string;
  /** Has a row of standardattributes, and tags. */
  readonly standard?: true;
  readonly beside?: Readonly<Record<string, Beside>>;
  readonly into: readonly Target[];
  /** Rows that are not taken, with a reason for the report. */
  readonly except?: { readonly when: (row: SourceRow) => boolean; readonly why: string };
}

/** A row, and those beside it. */
export class Source {
  readonly row: SourceRow;
  private readonly others: Readonly<Record<string, readonly SourceRow[]>>;

  constructor(row: SourceRow, others: Readonly<Record<string, readonly SourceRow[]>>) {
    this.row = row;
    this.others = others;
  }

  many(name: string): readonly SourceRow[] {
    return this.others[name] ?? [];
  }

  one(name: string): SourceRow | undefined {
    return this.many(name)[0];
  }

  /** Another row in the place of this one, with the same beside it. */
  over(row: object): Source {
    return new Source(row as SourceRow, this.others);
  }

  /** By the path of a column. */
  value(path: string): SourceValue {
    const [first = '', second] = path.split('.');
    const row = second === undefined ? this.row : this.one(first);
    return row?.[second ?? first] ?? null;
  }
}

export const beside = (table: string, by: string, of = 'id'): Beside => ({ table, by, of });

/** Columns that have the same names. */
export const same = (...names: readonly string[]): Record<string, string> => Object.fromEntries(names.map(name => [name, name]));

export const standardColumns: Readonly<Record<string, string>> = {
  description: 'standard.description',
  created_at: 'standard.created_at',
  updated_at: 'standard.updated_at',
  revision_number: 'standard.revision_number',
};

export const fixed =
  (value: Value): Column =>
  () =>
    value;

export const isTrue = (value: SourceValue | undefined): boolean => value === true || value === 1;

/** What the column says, and what it means without a row that says so. */
export const flag =
  (path: string, otherwise: boolean): Column =>
  source => {
    const value = source.value(path);
    return value === null ? otherwise : isTrue(value);
  };

export const text = (value: SourceValue | undefined): string => String(value ?? '');

/** Rows as a list of objects with some of their columns. */
export const listed =
  (name: string, columns: Readonly<Record<string, string>>): Column =>
  source =>
    source.many(name).map(row => Object.fromEntries(Object.entries(columns).map(([to, from]) => [to, row[from] ?? null])));

/** A row that cannot become one of Weft; the reason. */
export class BrokenRow extends Error {}
