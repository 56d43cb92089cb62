// A write set to an ordered list of steps. Compiling happens before the transaction begins: a programming error never gets near
// the database, and what the caller does to his objects afterwards changes nothing.
import type { CommitResult, Guard, Op, OutboxEntry, Row, WriteSet } from '../../../contracts/store.ts';
import type { InsertParts, SqlValue } from './dialect.ts';
import { StoreMisuse } from './misuse.ts';
import { type Compiler, compilePredicate } from './predicate.ts';
import { compileCount, keyPredicate, type Statement } from './reads.ts';
import { type Column, columnOf, type Table, tableOf } from './tables.ts';
import { encode } from './values.ts';

export interface GuardStep extends Statement {
  readonly guard: Guard;
  /** Whether the statement must find a row. */
  readonly finds: boolean;
}

export interface WriteStep extends Statement {
  readonly table: Table;
  readonly tag: string | undefined;
  /** Rows that must match. */
  readonly expect: number | undefined;
  /** The statement counts rows instead of changing them: an update that sets nothing still has its `expect`. */
  readonly counts: boolean;
  /** Of a plain insert: rows of the same parts and tag may go in one statement. */
  readonly insert?: InsertParts;
  readonly upsert?: UpsertParts;
}

/** For databases whose own upsert means something else. Numbers are those of the columns, and so of the binds. */
export interface UpsertParts {
  readonly key: readonly number[];
  readonly set: readonly number[];
}

export interface Plan {
  readonly guards: readonly GuardStep[];
  readonly writes: readonly WriteStep[];
  /** Facts as JSON text. */
  readonly outbox: readonly { readonly entry: OutboxEntry; readonly facts: string }[];
}

export type Failure = Extract<CommitResult, { done: false }>;

export function compileWriteSet(compiler: Compiler, writeSet: WriteSet): Plan {
  return {
    guards: (writeSet.guards ?? []).map(guard => compileGuard(compiler, guard)),
    writes: writeSet.ops.map(op => compileOp(compiler, op)),
    outbox: (writeSet.outbox ?? []).map(compileEntry),
  };
}

function compileEntry(entry: OutboxEntry): Plan['outbox'][number] {
  if (!Number.isSafeInteger(entry.revision)) throw new StoreMisuse(`the outbox entry of ${entry.kind} ${entry.id} has no revision`);
  return { entry: { ...entry }, facts: JSON.stringify(entry.facts) };
}

function compileGuard(compiler: Compiler, guard: Guard): GuardStep {
  const table = tableOf(compiler.tables, guard.table);
  const binds: SqlValue[] = [];
  const where =
    guard.guard === 'revision'
      ? { and: [keyPredicate(guard.table, guard.key), { eq: ['revision_number', guard.revision] as const }] }
      : guard.where;
  const text = `SELECT 1 FROM ${table.sql} WHERE ${compilePredicate(compiler, table, where, binds)} LIMIT 1`;
  return { text, binds, guard, finds: guard.guard !== 'absent' };
}

function compileOp(compiler: Compiler, op: Op): WriteStep {
  switch (op.op) {
    case 'insert':
      return compileInsert(compiler, op);
    case 'upsert':
      return compileUpsert(compiler, op);
    case 'update':
      return compileUpdate(compiler, op);
    case 'delete':
      return compileDelete(compiler, op);
    default:
      throw new StoreMisuse(`an operation of an unknown kind: ${(op as { op: unknown }).op}`);
  }
}

function encoded(compiler: Compiler, column: Column, value: Row[string] | undefined): SqlValue {
  if (value === undefined) throw new StoreMisuse(`${column.label} was given undefined`);
  const bound = encode(compiler.dialect, column.label, column.def, value);
  if (bound === null && !column.def.nullable) throw new StoreMisuse(`${column.label} may not be null`);
  return bound;
}

/** Every column in table order; one text per table serves every insert. */
function insertBinds(compiler: Compiler, table: Table, row: Row): SqlValue[] {
  for (const name in row) columnOf(table, name);
  return table.list.map(column => {
    if (Object.hasOwn(row, column.name)) return encoded(compiler, column, row[column.name]);
    if (column.fallback === undefined) throw new StoreMisuse(`a row of ${table.name} lacks ${column.name}`);
    return column.fallback;
  });
}

/** Insert texts depend on the table and the columns that an upsert sets: few, and long to build. */
function insertText(table: Table, kind: string, build: () => string): string {
  const known = table.insertTexts.get(kind);
  if (known !== undefined) return known;
  const text = build();
  table.insertTexts.set(kind, text);
  return text;
}

function compileInsert(compiler: Compiler, op: Extract<Op, { op: 'insert' }>): WriteStep {
  const table = tableOf(compiler.tables, op.table);
  const onConflict = op.onConflict ?? 'fail';
  const insert: InsertParts = { table: table.sql, columns: table.bare, onConflict };
  const text = insertText(table, onConflict, () => compiler.dialect.insert(insert));
  return { text, binds: insertBinds(compiler, table, op.row), table, tag: op.tag, expect: undefined, counts: false, insert };
}

function compileUpsert(compiler: Compiler, op: Extract<Op, { op: 'upsert' }>): WriteStep {
  const table = tableOf(compiler.tables, op.table);
  const binds = insertBinds(compiler, table, op.row);
  const key = table.def.primaryKey;
  const set = table.list.filter(column => Object.hasOwn(op.row, column.name) && !key.includes(column.name));
  for (const name of key) if (!Object.hasOwn(op.row, name)) throw new StoreMisuse(`an upsert into ${table.name} lacks its key ${name}`);
  const text = insertText(table, `upsert ${set.map(column => column.name).join()}`, () =>
    compiler.dialect.insert({
      table: table.sql,
      columns: table.bare,
      onConflict: { key: key.map(name => columnOf(table, name).bare), set: set.map(c => c.bare) },
    }),
  );
  const at = (name: string) => table.list.findIndex(column => column.name === name);
  const upsert = { key: key.map(at), set: set.map(column => at(column.name)) };
  return { text, binds, table, tag: undefined, expect: undefined, counts: false, upsert };
}

function compileUpdate(compiler: Compiler, op: Extract<Op, { op: 'update' }>): WriteStep {
  const table = tableOf(compiler.tables, op.table);
  const binds: SqlValue[] = [];
  const parts: string[] = [];
  const set = op.set ?? {};
  for (const name in set) {
    const column = columnOf(table, name);
    binds.push(encoded(compiler, column, set[name]));
    parts.push(`${column.bare} = ?`);
  }
  for (const [name, by] of Object.entries(op.bump ?? {})) {
    if (Object.hasOwn(set, name)) throw new StoreMisuse(`${table.name}.${name} is both set and bumped`);
    parts.push(bump(table, name, by, binds));
  }
  const base = { table, tag: op.tag, expect: op.expect };
  if (parts.length === 0) return { ...compileCount(compiler, op.table, op.where), ...base, counts: true };
  const where = compilePredicate(compiler, table, op.where, binds);
  return { text: `UPDATE ${table.sql} SET ${parts.join(', ')} WHERE ${where}`, binds, ...base, counts: false };
}

function bump(table: Table, name: string, by: number, binds: SqlValue[]): string {
  const column = columnOf(table, name);
  if (column.def.type !== 'int') throw new StoreMisuse(`${column.label} is ${column.def.type} and cannot be bumped`);
  if (!Number.isSafeInteger(by)) throw new StoreMisuse(`${column.label} is bumped by ${by}`);
  binds.push(by);
  return `${column.bare} = ${column.bare} + ?`;
}

function compileDelete(compiler: Compiler, op: Extract<Op, { op: 'delete' }>): WriteStep {
  const table = tableOf(compiler.tables, op.table);
  const binds: SqlValue[] = [];
  const where = compilePredicate(compiler, table, op.where, binds);
  return { text: `DELETE FROM ${table.sql} WHERE ${where}`, binds, table, tag: op.tag, expect: op.expect, counts: false };
}
