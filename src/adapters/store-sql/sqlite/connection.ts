// One connection: prepared statements kept by their text, statements counted.
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { Lru } from '../common/lru.ts';
import type { Statement } from '../common/reads.ts';

type Bind = null | number | string;

/** Longer texts are one of a kind (a long OR), and would only push out what is asked for often. */
const longestKept = 20_000;

export class Connection {
  readonly db: DatabaseSync;
  /** Data statements so far; transaction control is not counted, since commits share it. */
  statements = 0;
  private readonly prepared: Lru<string, StatementSync>;

  constructor(path: string, keep: number) {
    this.db = new DatabaseSync(path, { timeout: 0, enableForeignKeyConstraints: false, returnArrays: true });
    this.prepared = new Lru(keep);
  }

  all({ text, binds }: Statement): unknown[][] {
    this.statements++;
    return this.prepare(text).all(...(binds as Bind[])) as unknown as unknown[][];
  }

  first({ text, binds }: Statement): unknown[] | undefined {
    this.statements++;
    return this.prepare(text).get(...(binds as Bind[])) as unknown as unknown[] | undefined;
  }

  /** Rows that matched. */
  run({ text, binds }: Statement): number {
    this.statements++;
    return Number(this.prepare(text).run(...(binds as Bind[])).changes);
  }

  /** Transaction control: prepared like the rest, not counted. */
  control(text: string): void {
    this.prepare(text).run();
  }

  /** Reads of one moment. */
  atOnce<T>(reads: () => T): T {
    this.control('BEGIN');
    try {
      return reads();
    } finally {
      this.control('ROLLBACK');
    }
  }

  get kept(): number {
    return this.prepared.size;
  }

  private prepare(text: string): StatementSync {
    const known = this.prepared.get(text);
    if (known !== undefined) return known;
    const statement = this.db.prepare(text);
    if (text.length <= longestKept) this.prepared.set(text, statement);
    return statement;
  }

  close(): void {
    this.prepared.clear();
    if (this.db.isOpen) this.db.close();
  }
}
