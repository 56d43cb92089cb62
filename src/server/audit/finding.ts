// What an audit finds: something that is wrong between rows, and what would make it right, where there is only one way.
import type { Row, Store, WriteSet } from '../../contracts/store.ts';

export interface Finding {
  /** What was looked at: `references`, `quotas`. */
  readonly check: string;
  readonly what: string;
  readonly repair?: Repair;
}

export interface Repair {
  /** In words. */
  readonly how: string;
  /** Its guards say what the finding relied on. */
  readonly writes: WriteSet;
}

/** All rows of a table, read once for all who look. */
export type Tables = (table: string) => Promise<Row[]>;

export function tablesOf(store: Store): Tables {
  const known = new Map<string, Promise<Row[]>>();
  return table => {
    const rows = known.get(table) ?? store.select({ table });
    known.set(table, rows);
    return rows;
  };
}
