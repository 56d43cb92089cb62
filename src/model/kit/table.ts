// Tables as data: what the store creates and what queries may name.

export type ColumnType = 'text' | 'int' | 'bool' | 'json' | 'time';

export interface ColumnDef {
  readonly type: ColumnType;
  readonly nullable?: boolean;
  /** Value of rows that were there before the column (expand-only migrations). */
  readonly fill?: null | string | number | boolean | readonly unknown[] | { readonly [key: string]: unknown };
}

export interface TableDef {
  readonly name: string;
  readonly columns: Readonly<Record<string, ColumnDef>>;
  readonly primaryKey: readonly string[];
  /** Unique keys; rows with a null in one of the columns do not collide. */
  readonly unique?: readonly (readonly string[])[];
  readonly indexes?: readonly (readonly string[])[];
  /**
   * Texts that people look for, and sort by: each has an index, which is of no use to guards. The text stays as long as it may be: where a database indexes
   * short ones only, its beginning is what is indexed, and rows are found by it and not sorted.
   */
  readonly sought?: readonly string[];
}
