// The guards of a commit in a statement, or few: a line per guard: its number, whether there must be none, and how many
// rows it found. What is found is locked until the commit is
// over, for writing where this commit changes the table anyway: two that read first and write then would wait for one another.
import type { Guard, Op, WriteSet } from '../../../contracts/store.ts';
import type { SqlValue } from '../common/dialect.ts';
import { type Compiler, compilePredicate } from '../common/predicate.ts';
import { keyPredicate, type Statement } from '../common/reads.ts';
import { type Table, tableOf } from '../common/tables.ts';
import { bestPins } from './pins.ts';

export interface GuardLocks {
  readonly read: string;
  readonly write: string;
}

export interface Guards extends Statement {
  readonly list: readonly Guard[];
  /** As queries of one value each, with the same binds: something where the guard found a row, and nothing or 0 where it did not. */
  readonly looks: readonly string[];
}

/** `most`: parameters of a statement; a guard has fewer. */
export function compileGuards(compiler: Compiler, writeSet: WriteSet, { locks, most }: { locks: GuardLocks; most: number }): Guards[] {
  const changed = new Set(writeSet.ops.filter(changes).map(op => op.table));
  const statements: { lines: string[]; looks: string[]; binds: SqlValue[]; list: Guard[] }[] = [];
  for (const guard of writeSet.guards ?? []) {
    const table = tableOf(compiler.tables, guard.table);
    const binds: SqlValue[] = [];
    const look = lookOf(compiler, table, guard, changed.has(guard.table) ? locks.write : locks.read, binds);
    const last = statements.at(-1);
    const fits = last && last.binds.length + binds.length <= most;
    const statement = fits ? last : { lines: [], looks: [], binds: [], list: [] };
    if (!fits) statements.push(statement);
    const i = statement.list.length;
    statement.lines.push(`SELECT ${i} AS g, ${guard.guard === 'absent' ? 1 : 0} AS gone, ${look.counts} AS n FROM (${look.rows}) AS g${i}`);
    statement.looks.push(look.value);
    statement.list.push(guard);
    for (const bind of binds) statement.binds.push(bind);
  }
  return statements.map(({ lines, ...rest }) => ({ text: lines.join(' UNION ALL '), ...rest }));
}

/** Rows that are new are locked by nobody else's guard. */
const changes = (op: Op): boolean => op.op !== 'insert' || op.onConflict !== undefined;

interface Look {
  readonly rows: string;
  /** What counts those of the rows that the guard is about. */
  readonly counts: string;
  readonly value: string;
}

function lookOf(compiler: Compiler, table: Table, guard: Guard, lock: string, binds: SqlValue[]): Look {
  const compile = (where: Parameters<typeof compilePredicate>[2]) => compilePredicate(compiler, table, where, binds);
  const some = (where: string, how: string): Look => {
    const rows = `SELECT 1 FROM ${table.sql} WHERE ${where} LIMIT 1${how}`;
    return { rows, counts: 'count(*)', value: rows };
  };
  if (guard.guard === 'revision')
    return some(compile({ and: [keyPredicate(guard.table, guard.key), { eq: ['revision_number', guard.revision] }] }), lock);
  if (guard.guard === 'present') return some(compile(guard.where), lock);
  const pins = bestPins(table, guard.where);
  // Nobody else writes to the table meanwhile (`names.ts`).
  if (!pins) return some(compile(guard.where), '');
  // Rows with the pinned value that do not match now might, before this commit is done: all of them are locked, and then looked at.
  const hit = compile(guard.where);
  const pinned = compile({ or: pins.map(({ column, values }) => ({ in: [column, values] as const })) });
  const rows = `SELECT (${hit}) AS hit FROM ${table.sql} WHERE ${pinned}${lock}`;
  const counts = 'count(CASE WHEN hit THEN 1 END)';
  return { rows, counts, value: `SELECT ${counts} FROM (${rows}) AS hits` };
}

/** The first that does not hold, from the lines of the answer. */
export function moved(guards: Guards, rows: readonly (readonly unknown[])[]): Guard | undefined {
  const counts = new Map(rows.map(([i, , count]) => [Number(i), Number(count)]));
  return guards.list.find((guard, i) => counts.get(i)! > 0 === (guard.guard === 'absent'));
}
