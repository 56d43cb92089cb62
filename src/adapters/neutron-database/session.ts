// What differs between the databases that can be read: how one connects, quotes, and asks for one moment.
import type { SourceRow, SourceTable, SourceValue } from '../../contracts/snapshot.ts';

export interface SourceSession {
  quote(name: string): string;
  /** `?` stands for a value. */
  rows(text: string, binds?: readonly SourceValue[]): Promise<SourceRow[]>;
  tables(): Promise<SourceTable[]>;
  /** From here on all reads are of this moment, and writes are refused. */
  freeze(): Promise<void>;
  /** An expression for a number that is likely another when the row is another. */
  digest(columns: readonly string[]): string;
  close(): Promise<void>;
}

/** One row per column, with its place in the primary key or null. */
export function tablesOf(rows: readonly SourceRow[]): SourceTable[] {
  return [...Map.groupBy(rows, row => String(row['table_name']))].map(([name, own]) => ({
    name,
    columns: own.map(row => String(row['column_name'])),
    primaryKey: own
      .filter(row => row['key_place'] !== null)
      .sort((a, b) => Number(a['key_place']) - Number(b['key_place']))
      .map(row => String(row['column_name'])),
  }));
}
