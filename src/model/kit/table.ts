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
}
