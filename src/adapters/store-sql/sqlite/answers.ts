// Answers that still hold. The database says whether another connection has committed anything since, and this one's own commits say which
// tables they write: what neither has touched need not be read again.
import type { Predicate, Query } from '../../../contracts/store.ts';
import type { Statement } from '../common/reads.ts';
import type { Connection } from './connection.ts';

/** Rows of a longer answer are not kept, nor more rows than this of all. */
const longestAnswer = 20;
const mostRows = 2000;
/** Longer texts are of a kind that does not come again. */
const longestText = 4000;

/** Rows as the database gives them. */
export type Cells = readonly (readonly unknown[])[];

/** What was answered to the statements of one text, by their values. */
interface Shape {
  readonly tables: readonly string[];
  readonly answers: Map<string, Cells>;
}

const valuesOf = ({ binds }: Statement): string => JSON.stringify(binds);

export class Answers {
  private readonly connection: Connection;
  private readonly shapes = new Map<string, Shape>();
  private readonly byTable = new Map<string, Shape[]>();
  private version: unknown;
  private rows = 0;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  /** The answer, if it was kept and holds at this moment. */
  find(read: Statement): Cells | undefined {
    const kept = this.kept(read);
    return kept && this.hold() ? kept : undefined;
  }

  /** What was kept; whoever asks within a transaction has seen that it holds. */
  kept(read: Statement): Cells | undefined {
    const answers = this.shapes.get(read.text)?.answers;
    return answers && answers.size > 0 ? answers.get(valuesOf(read)) : undefined;
  }

  /** Whether what was kept holds; otherwise it is gone. */
  hold(): boolean {
    const version = this.connection.dataVersion();
    if (version === this.version) return true;
    this.version = version;
    this.clear();
    return false;
  }

  /**
   * Keeps an answer that was read after the last look: where another connection has committed since that look, the next one says so, and
   * where none has, the answer is as true as at the look.
   */
  keep(query: Pick<Query, 'table' | 'where'>, read: Statement, rows: Cells): void {
    if (rows.length > longestAnswer || read.text.length > longestText) return;
    if (this.rows + rows.length + 1 > mostRows) this.clear();
    const { answers } = this.shapeOf(query, read.text);
    const values = valuesOf(read);
    this.rows += rows.length - (answers.get(values)?.length ?? -1);
    answers.set(values, rows);
  }

  /** A transaction of this connection writes to the table. */
  written(table: string): void {
    for (const { answers } of this.byTable.get(table) ?? []) {
      for (const rows of answers.values()) this.rows -= rows.length + 1;
      answers.clear();
    }
  }

  private clear(): void {
    this.shapes.clear();
    this.byTable.clear();
    this.rows = 0;
  }

  private shapeOf({ table, where }: Pick<Query, 'table' | 'where'>, text: string): Shape {
    const known = this.shapes.get(text);
    if (known) return known;
    const shape: Shape = { tables: [...new Set([table, ...tablesIn(where)])], answers: new Map() };
    this.shapes.set(text, shape);
    for (const name of shape.tables) this.byTable.set(name, [...(this.byTable.get(name) ?? []), shape]);
    return shape;
  }
}

/** The tables that a condition looks into beside its own. */
function tablesIn(where: Predicate | undefined): string[] {
  if (where === undefined) return [];
  if ('and' in where) return where.and.flatMap(tablesIn);
  if ('or' in where) return where.or.flatMap(tablesIn);
  if ('not' in where) return tablesIn(where.not);
  return 'exists' in where ? [where.exists.table, ...tablesIn(where.exists.where)] : [];
}
