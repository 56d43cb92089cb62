// Predicates to SQL. Two-valued throughout: a comparison with a null column is false, and its negation is true. The text
// depends only on the shape (names and forms, not values), so that it serves as the key of the statement cache.
import type { Predicate, Scalar } from '../../../contracts/store.ts';
import type { Dialect, SqlValue } from './dialect.ts';
import { StoreMisuse } from './misuse.ts';
import { type Column, columnOf, type Table, type Tables, tableOf } from './tables.ts';
import { encode, toSecond } from './values.ts';

export interface Compiler {
  readonly dialect: Dialect;
  readonly tables: Tables;
}

interface Scope {
  readonly compiler: Compiler;
  readonly table: Table;
  /** 0 for the statement's own table, which needs no alias; then one more per `exists`. */
  readonly depth: number;
  readonly binds: SqlValue[];
  /** Inside an `or`. */
  readonly beside: boolean;
}

const truth = '1=1';
const falsehood = '1=0';
/** Databases limit the depth of an expression (SQLite: 1000), and a chain of ORs is as deep as it is long. */
const widest = 100;

export function compilePredicate(compiler: Compiler, table: Table, where: Predicate, binds: SqlValue[]): string {
  return compile({ compiler, table, depth: 0, binds, beside: false }, where);
}

function compile(scope: Scope, p: Predicate): string {
  const form = onlyKey(p);
  if ('eq' in p) return equal(scope, p.eq[0], p.eq[1]);
  if ('in' in p) return within(scope, p.in[0], p.in[1]);
  if ('and' in p) return all(scope, p.and);
  if ('or' in p) return any(scope, p.or);
  if ('not' in p) return `(${compile(scope, p.not)}) IS NOT TRUE`;
  if ('exists' in p) return exists(scope, p.exists);
  if ('contains' in p) return text(scope, 'contains', p.contains);
  if ('startsWith' in p) return text(scope, 'startsWith', p.startsWith);
  if ('gt' in p) return compare(scope, '>', p.gt);
  if ('gte' in p) return compare(scope, '>=', p.gte);
  if ('lt' in p) return compare(scope, '<', p.lt);
  if ('lte' in p) return compare(scope, '<=', p.lte);
  throw new StoreMisuse(`a predicate of an unknown form: ${form}`);
}

/** Two forms in one object would silently lose one of them, and with it perhaps a condition of ownership. */
function onlyKey(p: Predicate): string {
  const keys = Object.keys(p);
  if (keys.length !== 1) throw new StoreMisuse(`a predicate has exactly one form, not ${keys.join(' and ') || 'none'}`);
  return keys[0]!;
}

function ref(scope: Scope, column: Column): string {
  return scope.depth === 0 ? column.sql : `x${scope.depth}.${column.bare}`;
}

function bindable(scope: Scope, column: Column, value: Scalar): SqlValue {
  if (value === undefined) throw new StoreMisuse(`${column.label} is compared with undefined`);
  if (column.def.type === 'json' && value !== null) throw new StoreMisuse(`${column.label} is JSON and cannot be compared`);
  return encode(scope.compiler.dialect, column.label, column.def, value);
}

function equal(scope: Scope, name: string, value: Scalar): string {
  const column = columnOf(scope.table, name);
  const bound = bindable(scope, column, value);
  if (bound === null) return `${ref(scope, column)} IS NULL`;
  scope.binds.push(bound);
  return `${ref(scope, column)} = ?`;
}

function within(scope: Scope, name: string, values: readonly Scalar[]): string {
  if (values.length === 1) return equal(scope, name, values[0]!);
  const column = columnOf(scope.table, name);
  // Lists of thousands are mostly of ids.
  const isText = column.def.type === 'text' && values.every(value => typeof value === 'string');
  const bound = isText ? values : values.map(value => bindable(scope, column, value));
  const some = isText ? values : bound.filter(value => value !== null);
  const parts: string[] = [];
  if (some.length > 0) parts.push(scope.compiler.dialect.inList(ref(scope, column), column.def.type, some, scope.binds));
  if (some.length < bound.length) parts.push(`${ref(scope, column)} IS NULL`);
  return joined(parts, ' OR ', falsehood);
}

function compare(scope: Scope, operator: '>' | '>=' | '<' | '<=', [name, value]: readonly [string, number | string]): string {
  const column = columnOf(scope.table, name);
  const { type } = column.def;
  if (type === 'bool' || type === 'json') throw new StoreMisuse(`${column.label} is ${type} and has no order`);
  // x >= 10:00:00.5 means x >= 10:00:01 where x has whole seconds; > and <= round down.
  const bound = type === 'time' ? toSecond(column.label, value, operator === '>=' || operator === '<') : bindable(scope, column, value);
  if (bound === null) throw new StoreMisuse(`${column.label} is compared with null by ${operator}`);
  scope.binds.push(bound);
  return `${ref(scope, column)} ${operator} ?`;
}

function text(scope: Scope, form: 'contains' | 'startsWith', [name, value]: readonly [string, string]): string {
  const column = columnOf(scope.table, name);
  if (column.def.type !== 'text') throw new StoreMisuse(`${column.label} is ${column.def.type}; ${form} is for text`);
  if (typeof value !== 'string') throw new StoreMisuse(`${form} on ${column.label} was given ${typeof value}`);
  return scope.compiler.dialect[form](ref(scope, column), value, scope.binds);
}

function all(scope: Scope, parts: readonly Predicate[]): string {
  return joined(
    parts.map(part => compile(scope, part)),
    ' AND ',
    truth,
  );
}

function any(scope: Scope, parts: readonly Predicate[]): string {
  const list = sameColumn(parts);
  if (list) return within(scope, list.name, list.values);
  const inner = { ...scope, beside: scope.beside || parts.length > 1 };
  return joined(
    parts.map(part => compile(inner, part)),
    ' OR ',
    falsehood,
  );
}

/** An OR of equalities on one column is an IN, whose text does not grow with it. */
function sameColumn(parts: readonly Predicate[]): { name: string; values: Scalar[] } | undefined {
  const values: Scalar[] = [];
  let name: string | undefined;
  for (const part of parts) {
    if (!('eq' in part) || (name !== undefined && part.eq[0] !== name)) return undefined;
    onlyKey(part);
    name = part.eq[0];
    values.push(part.eq[1]);
  }
  return name === undefined ? undefined : { name, values };
}

function joined(parts: readonly string[], operator: ' AND ' | ' OR ', none: string): string {
  if (parts.length === 0) return none;
  if (parts.length === 1) return parts[0]!;
  if (parts.length <= widest) return `(${parts.join(operator)})`;
  const groups: string[] = [];
  for (let i = 0; i < parts.length; i += widest) groups.push(`(${parts.slice(i, i + widest).join(operator)})`);
  return joined(groups, operator, none);
}

type Exists = Extract<Predicate, { exists: unknown }>['exists'];

function exists(scope: Scope, { table: name, on, where, first }: Exists): string {
  const table = tableOf(scope.compiler.tables, name);
  const inner: Scope = { ...scope, table, depth: scope.depth + 1, beside: false };
  const [link] = on;
  if (first && link && on.length === 1) return among(scope, inner, link, where);
  const parts = on.map(([theirs, ours]) => pair(inner, columnOf(table, theirs), scope, columnOf(scope.table, ours)));
  if (where !== undefined) parts.push(compile(inner, where));
  return `EXISTS (SELECT 1 FROM ${table.sql} AS x${inner.depth} WHERE ${joined(parts, ' AND ', truth)})`;
}

/** A list that does not depend on the row in question is made once; how many it finds decides what this costs. */
function among(scope: Scope, inner: Scope, [theirs, ours]: Exists['on'][number], where: Predicate | undefined): string {
  const [their, our] = [columnOf(inner.table, theirs), columnOf(scope.table, ours)];
  requireComparable(their, our);
  const condition = where === undefined ? '' : ` WHERE ${compile(inner, where)}`;
  const select = `SELECT ${ref(inner, their)} FROM ${inner.table.sql} AS x${inner.depth}${condition}`;
  return scope.compiler.dialect.among(ref(scope, our), select, scope.beside);
}

function pair(inner: Scope, theirs: Column, outer: Scope, ours: Column): string {
  requireComparable(theirs, ours);
  return `${ref(inner, theirs)} = ${ref(outer, ours)}`;
}

function requireComparable(theirs: Column, ours: Column): void {
  if (theirs.def.type !== ours.def.type)
    throw new StoreMisuse(`${theirs.label} is ${theirs.def.type} and ${ours.label} is ${ours.def.type}: they cannot be equal`);
}
