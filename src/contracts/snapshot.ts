// Another program's database as it was at one moment: what may be asked of it, and nothing that could change it.

export type SourceValue = null | boolean | number | string;
export type SourceRow = Readonly<Record<string, SourceValue>>;

export interface SourceTable {
  readonly name: string;
  readonly columns: readonly string[];
  readonly primaryKey: readonly string[];
}

/** A column whose values are to be found in a column of another table. */
export interface Reference {
  readonly table: string;
  readonly column: string;
  readonly to: string;
  readonly toColumn: string;
}

/** All answers but that of `now` are of the moment when it was opened, however long it is read. Times are text, `2026-11-27 10:00:00`. */
export interface Snapshot extends AsyncDisposable {
  /** The URL without its password. */
  readonly shown: string;
  tables(): Promise<ReadonlyMap<string, SourceTable>>;
  /** Rows; or those that have a value in the column. */
  count(table: string, column?: string): Promise<number>;
  /** All rows in the order of the primary key, in batches of at most so many. */
  batches(table: SourceTable, size: number): AsyncIterable<readonly SourceRow[]>;
  /** Rows with one of these values in the column, in the order of the primary key. */
  matching(table: SourceTable, column: string, values: readonly SourceValue[]): Promise<SourceRow[]>;
  /** Rows that have a value in the column; at most so many. */
  holding(table: SourceTable, column: string, limit: number): Promise<SourceRow[]>;
  /** Rows that have none; at most so many. */
  lacking(table: SourceTable, column: string, limit: number): Promise<SourceRow[]>;
  /** Rows that name what is not there; at most so many. */
  dangling(reference: Reference, limit: number): Promise<SourceRow[]>;
  /** A text that is another when rows of the table have come, gone or changed in these columns; `now`: as the table is at present. */
  fingerprint(table: string, columns: readonly string[], when: 'then' | 'now'): Promise<string>;
}
