// Queries to statements: text by shape, values apart, and how to read what comes back.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Order, Predicate, Query, Row, Scalar, Value } from '../../../contracts/store.ts';
import { type Blank, blankOf } from '../../../engine/blank.ts';
import type { SqlValue } from './dialect.ts';
import { StoreMisuse } from './misuse.ts';
import { type Compiler, compilePredicate } from './predicate.ts';
import { printedColumn } from './printed.ts';
import { type Column, columnOf, type Table, tableOf } from './tables.ts';

export interface Statement {
  readonly text: string;
  readonly binds: readonly SqlValue[];
}

export interface Read extends Statement {
  /** Of the result, in order. */
  readonly columns: readonly Column[];
}

/** The clauses of a query. */
export interface Clauses {
  readonly table: Table;
  readonly columns: readonly Column[];
  /** WHERE, or nothing. */
  readonly where: string;
  /** ORDER BY, or nothing. */
  readonly order: string;
  readonly limit: string;
  readonly binds: readonly SqlValue[];
}

export function compileSelect(compiler: Compiler, query: Query): Read {
  const { table, columns, where, order, limit, binds } = compileClauses(compiler, query);
  const tail = where + order + limit;
  const text = columns === table.list ? selectText(table, tail) : `${selectList(table, columns)} FROM ${table.sql}${tail}`;
  return { text, binds, columns };
}

/** Longer ones are of a kind that does not come again. */
const longestTail = 500;

function selectText({ selectAll, selectTexts }: Table, tail: string): string {
  const known = selectTexts.get(tail);
  if (known !== undefined) return known;
  const text = selectAll + tail;
  if (tail.length <= longestTail) selectTexts.set(tail, text);
  return text;
}

export function compileClauses(compiler: Compiler, query: Query): Clauses {
  const table = tableOf(compiler.tables, query.table);
  const binds: SqlValue[] = [];
  const columns = columnsFor(compiler, table, query);
  const where = query.where === undefined ? '' : ` WHERE ${compilePredicate(compiler, table, query.where, binds)}`;
  const ordered = query.order !== undefined && query.order.length > 0;
  const order = ordered ? ` ORDER BY ${orderList(compiler, table, query.order!)}` : '';
  if (query.limit !== undefined) binds.push(checkedLimit(query.limit));
  return { table, columns, where, order, limit: query.limit === undefined ? '' : ' LIMIT ?', binds };
}

function columnsFor({ dialect }: Compiler, table: Table, { columns, printed }: Query): readonly Column[] {
  const asked = columns ? columns.map(name => columnOf(table, name)) : table.list;
  return printed ? [...asked, printedColumn(dialect, table, printed)] : asked;
}

function selectList(table: Table, columns: readonly Column[]): string {
  if (columns.length === 0) throw new StoreMisuse(`a query of ${table.name} asks for no column`);
  return `SELECT ${columns.map(column => column.sql).join(', ')}`;
}

function orderList(compiler: Compiler, table: Table, order: Order): string {
  return order
    .map(([name, direction]) => {
      const column = columnOf(table, name);
      if (column.def.type === 'json') throw new StoreMisuse(`${column.label} is JSON and has no order`);
      if (direction !== 'asc' && direction !== 'desc') throw new StoreMisuse(`${column.label} is ordered neither asc nor desc`);
      return compiler.dialect.orderBy(column.sql, direction, column.def.nullable === true);
    })
    .join(', ');
}

function checkedLimit(limit: number): number {
  if (Number.isSafeInteger(limit) && limit >= 0) return limit;
  throw new StoreMisuse(`a limit is a whole number from 0 on, not ${limit}`);
}

export function compileGet(compiler: Compiler, name: string, key: Readonly<Record<string, Scalar>>): Read {
  const table = tableOf(compiler.tables, name);
  const binds: SqlValue[] = [];
  const where = compilePredicate(compiler, table, keyPredicate(name, key), binds);
  return { text: selectText(table, ` WHERE ${where} LIMIT 1`), binds, columns: table.list };
}

export function keyPredicate(table: string, key: Readonly<Record<string, Scalar>>): Predicate {
  const parts = Object.entries(key).map(([name, value]): Predicate => ({ eq: [name, value] }));
  if (parts.length === 0) throw new StoreMisuse(`a key of ${table} names no column`);
  return parts.length === 1 ? parts[0]! : { and: parts };
}

export function compileCount(compiler: Compiler, name: string, where: Predicate | undefined): Statement {
  const table = tableOf(compiler.tables, name);
  const binds: SqlValue[] = [];
  let text = `SELECT count(*) FROM ${table.sql}`;
  if (where !== undefined) text += ` WHERE ${compilePredicate(compiler, table, where, binds)}`;
  return { text, binds };
}

export function compileCountBy(compiler: Compiler, name: string, by: string, where: Predicate | undefined): Read {
  const table = tableOf(compiler.tables, name);
  const column = columnOf(table, by);
  if (column.def.type === 'json') throw new StoreMisuse(`${column.label} is JSON and cannot be counted by`);
  const binds: SqlValue[] = [];
  let text = `SELECT ${column.sql}, count(*) FROM ${table.sql}`;
  if (where !== undefined) text += ` WHERE ${compilePredicate(compiler, table, where, binds)}`;
  return { text: `${text} GROUP BY ${column.sql}`, binds, columns: [column] };
}

export function decodeCell(column: Column, value: unknown): Value {
  if (value === null || column.decode === undefined) return value as Value;
  try {
    return column.decode(value);
  } catch (cause) {
    throw new Error(`store: ${column.label} holds what is not ${column.def.type}`, { cause });
  }
}

const blanks = new WeakMap<readonly Column[], Blank>();

function blankFor(columns: readonly Column[]): Blank {
  const known = blanks.get(columns);
  if (known) return known;
  const blank = blankOf(columns.map(column => column.name));
  blanks.set(columns, blank);
  return blank;
}

/** From the cells of one row, in the order of `columns`. */
export function decodeRow(columns: readonly Column[], cells: readonly unknown[]): Row {
  const row: Record<string, Value> = { ...blankFor(columns) };
  for (let i = 0; i < columns.length; i++) {
    const column = columns[i]!;
    row[column.name] = column.decode === undefined ? (cells[i] as Value) : decodeCell(column, cells[i]);
  }
  return row;
}

/** Rows that are decoded before others get their turn. */
const longTurn = 2000;

/** A long answer is worth a turn of everybody else's, where a short one goes on at once. */
export function decodeRows(columns: readonly Column[], answer: readonly (readonly unknown[])[]): Row[] | Promise<Row[]> {
  return answer.length < longTurn ? answer.map(cells => decodeRow(columns, cells)) : decodeLong(columns, answer);
}

async function decodeLong(columns: readonly Column[], answer: readonly (readonly unknown[])[]): Promise<Row[]> {
  const rows: Row[] = [];
  for (const cells of answer) {
    if (rows.length % longTurn === longTurn - 1) await nextTurn();
    rows.push(decodeRow(columns, cells));
  }
  return rows;
}
