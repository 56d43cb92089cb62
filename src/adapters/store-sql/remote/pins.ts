// What a predicate says about the rows that can satisfy it: a column with few values (its pin), and the tables that it looks into.
import type { Predicate, Scalar } from '../../../contracts/store.ts';
import type { Table } from '../common/tables.ts';

export interface Pin {
  readonly column: string;
  readonly values: readonly Scalar[];
}

/** More values than these are dearer to lock one by one than the column or the table as a whole. */
export const mostValues = 50;

const known = new WeakMap<Table, ReadonlySet<string>>();

/**
 * Columns by which guards may lock less than the table: those that begin a key or an index, so that the rows that they pin
 * are also found without a look at the others. Whoever writes a row says its values of these columns.
 */
export function pinColumns(table: Table): ReadonlySet<string> {
  const there = known.get(table);
  if (there) return there;
  const { primaryKey, unique = [], indexes = [] } = table.def;
  const columns = new Set([primaryKey, ...unique, ...indexes].map(key => key[0]!));
  known.set(table, columns);
  return columns;
}

/** What each row that satisfies `where` must have; conditions under `and` only, which is where a pin is sure to hold. */
export function pinsOf(where: Predicate): Pin[] {
  if ('eq' in where) return [{ column: where.eq[0], values: [where.eq[1]] }];
  if ('in' in where) return [{ column: where.in[0], values: where.in[1] }];
  if ('and' in where) return where.and.flatMap(pinsOf);
  return 'or' in where ? alternatives(where.or) : [];
}

/** An OR of equalities on one column is a list. */
function alternatives(parts: readonly Predicate[]): Pin[] {
  const pins = parts.map(part => ('eq' in part || 'in' in part ? pinsOf(part)[0] : undefined));
  const column = pins[0]?.column;
  if (column === undefined || pins.some(pin => pin?.column !== column)) return [];
  return [{ column, values: pins.flatMap(pin => pin!.values) }];
}

/** Pins that locks can be named after, of which every row that satisfies `where` has one; as few values as there are to choose from. */
export function bestPins(table: Table, where: Predicate): readonly Pin[] | undefined {
  const pins = narrowest(pinColumns(table), where);
  return pins && sizeOf(pins) <= mostValues ? pins : undefined;
}

/** Rows that have nothing in a column are many. */
const weightOfNull = 40;

const sizeOf = (pins: readonly Pin[]): number =>
  pins.flatMap(pin => pin.values).reduce<number>((sum, value) => sum + (value === null ? weightOfNull : 1), 0);

function narrowest(columns: ReadonlySet<string>, where: Predicate): readonly Pin[] | undefined {
  if ('eq' in where || 'in' in where) return pinsOf(where).every(pin => columns.has(pin.column)) ? pinsOf(where) : undefined;
  if (!('and' in where || 'or' in where)) return undefined;
  const parts = ('and' in where ? where.and : where.or).map(part => narrowest(columns, part));
  const some = parts.filter(part => part !== undefined);
  if ('or' in where) return some.length === parts.length && some.length > 0 ? some.flat() : undefined;
  return some.reduce<readonly Pin[] | undefined>((best, part) => (best && sizeOf(best) <= sizeOf(part) ? best : part), undefined);
}

/** Whether the predicate names rows by their whole primary key or a whole unique key. */
export function namesRows(table: Table, where: Predicate): boolean {
  const pinned = new Set(pinsOf(where).map(pin => pin.column));
  return [table.def.primaryKey, ...(table.def.unique ?? [])].some(key => key.every(column => pinned.has(column)));
}

/** The tables that `exists` looks into, at any depth, but for those where nothing can change. */
export function tablesWithin(where: Predicate): string[] {
  if ('and' in where) return where.and.flatMap(tablesWithin);
  if ('or' in where) return where.or.flatMap(tablesWithin);
  if ('not' in where) return tablesWithin(where.not);
  if (!('exists' in where)) return [];
  const { table, where: inner, settled } = where.exists;
  return [...(settled ? [] : [table]), ...(inner ? tablesWithin(inner) : [])];
}
