// What differs between the SQL databases. Everything else is compiled once, in this folder, with `?` for a parameter and
// without a single literal: names come from checked table definitions, values are always bound.
import type { Value } from '../../../contracts/store.ts';
import type { ColumnType } from '../../../model/kit/table.ts';

export type SqlValue = null | boolean | number | string;

export interface InsertParts {
  /** Quoted. */
  readonly table: string;
  readonly columns: readonly string[];
  /** Rows in one statement; one unless told. */
  readonly rows?: number;
  readonly onConflict: 'fail' | 'ignore' | { readonly key: readonly string[]; readonly set: readonly string[] };
}

export interface Dialect {
  readonly name: string;
  quote(identifier: string): string;
  /** From `?` to the database's own style; once per statement text, never per call. */
  parameters(text: string): string;
  bool(value: boolean): SqlValue;
  /** From what the driver gives for a value that is not null; undefined where nothing needs doing. */
  decoder(type: ColumnType): ((value: unknown) => Value) | undefined;
  /** `keyed`: how many texts are in the widest key or index that the column is part of; 0 in none (MariaDB cannot index unbounded text). */
  columnType(type: ColumnType, keyed: number): string;
  literal(value: SqlValue): string;
  /** What follows the closing parenthesis of CREATE TABLE. */
  readonly tableOptions: string;
  /** A text of any content, which is not null, as JSON. */
  jsonText(column: string): string;
  /** Whether columns that the database has put together as JSON read as JSON.stringify would have them. */
  isExactJson(printed: string): boolean;
  /** Membership in a list of any length whose text does not depend on the length, so that the statement cache stays small. */
  inList(column: string, type: ColumnType, values: readonly SqlValue[], binds: SqlValue[]): string;
  /** Membership in what a SELECT of one column finds; `beside`: as one of several alternatives. */
  among(column: string, select: string, beside: boolean): string;
  /** Substring as stored, case included. */
  contains(column: string, text: string, binds: SqlValue[]): string;
  startsWith(column: string, prefix: string, binds: SqlValue[]): string;
  /** Nulls first ascending, last descending. */
  orderBy(column: string, direction: 'asc' | 'desc', nullable: boolean): string;
  /** A column of an index, in an order that serves `orderBy`. */
  indexPart(column: string, nullable: boolean): string;
  /** The same of a text of any length. */
  soughtPart(column: string, nullable: boolean): string;
  insert(parts: InsertParts): string;
}
