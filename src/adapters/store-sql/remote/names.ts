// The named locks of a commit. A row can be locked where it is; that there is none, only by a name that everybody who could make one
// takes too. Who writes takes names shared, who relies on an absence takes them for himself, all in one order before anything else:
//
//   T        every writer of T            ⟷  who relies on an absence in T that no column pins, or on T inside an `exists`
//   T.c=v    who writes a row with c = v  ⟷  who relies on the absence of rows with c = v
//   T.c      (shared) who relies on an absence pinned by c  ⟷  (alone) who writes too many values of c, or ones that he cannot name
//
// A row that is there and comes to match without c being written is found by `guards.ts`, which locks the rows with c = v.
import type { Guard, Op, Predicate, Row, WriteSet } from '../../../contracts/store.ts';
import type { SqlValue } from '../common/dialect.ts';
import type { Compiler } from '../common/predicate.ts';
import { type Table, tableOf } from '../common/tables.ts';
import { encode } from '../common/values.ts';
import { bestPins, mostValues, namesRows, pinColumns, tablesWithin } from './pins.ts';

/** Name → whether it is taken alone. */
export type Names = ReadonlyMap<string, boolean>;

export function lockNames(compiler: Compiler, { guards = [], ops }: WriteSet): Names {
  const names = new Collected(compiler);
  for (const guard of guards) names.guard(guard);
  for (const op of ops) names.op(op);
  return names.settle();
}

class Collected {
  private readonly compiler: Compiler;
  private readonly names = new Map<string, boolean>();
  /** `T.c` → the values of c that are written. */
  private readonly written = new Map<string, Set<string>>();

  constructor(compiler: Compiler) {
    this.compiler = compiler;
  }

  guard(guard: Guard): void {
    if (guard.guard === 'revision') return;
    this.looksInto(guard.where);
    if (guard.guard === 'present') return;
    const table = tableOf(this.compiler.tables, guard.table);
    if (!this.absence(table, guard.where)) this.take(table.name, true);
  }

  op(op: Op): void {
    const table = tableOf(this.compiler.tables, op.table);
    this.take(table.name, false);
    if (op.op === 'insert' || op.op === 'upsert') this.row(table, op.row);
    else this.change(table, op);
  }

  private change(table: Table, op: Extract<Op, { op: 'update' | 'delete' }>): void {
    if (op.op === 'update') this.setting(table, op.set ?? {}, op.bump ?? {});
    // What a condition finds must still be all there is when the commit is: as with an absence, except that nothing is as good as a pin.
    this.looksInto(op.where);
    if (!namesRows(table, op.where)) this.absence(table, op.where);
  }

  private take(name: string, alone: boolean): void {
    this.names.set(name, alone || this.names.get(name) === true);
  }

  private looksInto(where: Predicate): void {
    for (const name of tablesWithin(where)) this.take(name, true);
  }

  private absence(table: Table, where: Predicate): boolean {
    const pins = bestPins(table, where);
    for (const { column, values } of pins ?? []) {
      this.take(`${table.name}.${column}`, false);
      for (const value of values) this.take(this.valueName(table, column, value), true);
    }
    return pins !== undefined;
  }

  private row(table: Table, row: Row): void {
    for (const column of pinColumns(table)) {
      const value = Object.hasOwn(row, column) ? row[column] : undefined;
      this.write(
        table,
        column,
        value === undefined ? JSON.stringify(table.columns.get(column)?.fallback) : this.valueText(table, column, value),
      );
    }
  }

  private setting(table: Table, set: Row, bump: Readonly<Record<string, number>>): void {
    for (const column of pinColumns(table)) {
      if (Object.hasOwn(bump, column)) this.take(`${table.name}.${column}`, true);
      const value = set[column];
      if (value !== undefined) this.write(table, column, this.valueText(table, column, value));
    }
  }

  private write(table: Table, column: string, value: string): void {
    const key = `${table.name}.${column}`;
    const values = this.written.get(key) ?? new Set();
    this.written.set(key, values.add(value));
  }

  private valueText(table: Table, column: string, value: Row[string]): string {
    const { label, def } = table.columns.get(column)!;
    return JSON.stringify(encode(this.compiler.dialect, label, def, value) satisfies SqlValue);
  }

  private valueName(table: Table, column: string, value: Row[string]): string {
    return `${table.name}.${column}=${this.valueText(table, column, value)}`;
  }

  settle(): Names {
    for (const [column, values] of this.written) {
      if (values.size > mostValues) this.take(column, true);
      else for (const value of values) this.take(`${column}=${value}`, false);
    }
    return this.names;
  }
}
