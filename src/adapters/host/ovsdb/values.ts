// Values between the wire (RFC 7047, section 5.1) and the types of the tables, by what the server's schema says of a column.
import type { AtomName, Atoms, Column } from '../../../contracts/host/ovsdb-tables.ts';

export type Atom = Atoms[AtomName];
/** As a row of the door has it: an atom, undefined, a sorted list, or a record. */
export type Value = Atom | undefined | readonly Atom[] | Readonly<Record<string, Atom>>;

/** A column as a schema says it. */
export interface ColumnType {
  readonly key: AtomName;
  readonly value: AtomName | undefined;
  readonly min: number;
  readonly max: number;
}

/** What the server says cannot be understood. */
export class OvsdbProtocolError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'OvsdbProtocolError';
  }
}

const atomNames: readonly string[] = ['integer', 'real', 'boolean', 'string', 'uuid'] satisfies AtomName[];

/** `type` of a column in a schema (RFC 7047, section 3.2). */
export function columnType(type: unknown): ColumnType {
  if (typeof type === 'string') return { key: atomName(type), value: undefined, min: 1, max: 1 };
  const { key, value, min = 1, max = 1 } = record(type);
  const base = (of: unknown): AtomName => atomName(typeof of === 'string' ? of : record(of)['type']);
  return {
    key: base(key),
    value: value === undefined ? undefined : base(value),
    min: Number(min),
    max: max === 'unlimited' ? Number.POSITIVE_INFINITY : Number(max),
  };
}

/** Whether values of the server's column are what is read here. How many there may be can differ between versions. */
export const fits = (type: ColumnType, column: Column): boolean => type.key === column.key && type.value === column.value;

/** A value as the table's type has it. Throws OvsdbProtocolError. */
export function fromWire(wire: unknown, column: Column): Value {
  if (column.is === 'map')
    return Object.fromEntries(pairs(wire).map(([k, v]) => [String(atom(k, column.key)), atom(v, column.value ?? 'string')]));
  const found = members(wire).map(one => atom(one, column.key));
  if (column.is === 'set') return sorted(found);
  if (column.is === 'optional') return found[0];
  return found[0] ?? blank(column);
}

/** What a column has that nobody has set: updates do not name it. */
export function blank(column: Column): Value {
  if (column.is === 'map') return {};
  if (column.is === 'set') return [];
  if (column.is === 'optional') return undefined;
  return { integer: 0, real: 0, boolean: false, string: '', uuid: '00000000-0000-0000-0000-000000000000' }[column.key];
}

/** The value after a modification of `update2`: where there may be more than one, what is told is the difference. */
export function changed(before: Value, wire: unknown, column: Column, max: number): Value {
  const told = fromWire(wire, column);
  if (max === 1) return told;
  if (column.is === 'set') {
    const [was, differs] = [before as readonly Atom[], told as readonly Atom[]];
    return sorted([...was.filter(one => !differs.includes(one)), ...differs.filter(one => !was.includes(one))]);
  }
  if (column.is !== 'map') return told;
  const was = before as Readonly<Record<string, Atom>>;
  const differs = told as Readonly<Record<string, Atom>>;
  const stays = Object.entries(was).filter(([k]) => !Object.hasOwn(differs, k));
  const comes = Object.entries(differs).filter(([k, v]) => !Object.hasOwn(was, k) || was[k] !== v);
  return Object.fromEntries([...stays, ...comes]);
}

/** A value for an operation. */
export function toWire(value: Value, column: Column): unknown {
  if (column.is === 'map') {
    const key = (text: string): Atom => (column.key === 'integer' ? Number(text) : text);
    const entries = Object.entries((value ?? {}) as Readonly<Record<string, Atom>>);
    return ['map', entries.map(([k, v]) => [atomToWire(key(k), column.key), atomToWire(v, column.value ?? 'string')])];
  }
  if (column.is === 'set') return ['set', (value as readonly Atom[]).map(one => atomToWire(one, column.key))];
  return value === undefined ? ['set', []] : atomToWire(value as Atom, column.key);
}

export function same(a: Value, b: Value): boolean {
  if (typeof a !== 'object' || typeof b !== 'object') return a === b;
  const [x, y] = [Object.entries(a), Object.entries(b)];
  return x.length === y.length && x.every(([k, v]) => Object.hasOwn(b, k) && (b as Readonly<Record<string, Atom>>)[k] === v);
}

export function record(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new OvsdbProtocolError(`no object: ${brief(value)}`);
  return value as Record<string, unknown>;
}

const atomToWire = (value: Atom, type: AtomName): unknown => (type === 'uuid' ? ['uuid', value] : value);

function atomName(name: unknown): AtomName {
  if (typeof name !== 'string' || !atomNames.includes(name)) throw new OvsdbProtocolError(`no type: ${brief(name)}`);
  return name as AtomName;
}

/** A set of one may be written without being one. */
const members = (wire: unknown): readonly unknown[] =>
  Array.isArray(wire) && wire[0] === 'set' && Array.isArray(wire[1]) && wire.length === 2 ? wire[1] : [wire];

function pairs(wire: unknown): readonly (readonly [unknown, unknown])[] {
  const list: unknown = Array.isArray(wire) && wire.length === 2 && (wire[0] === 'map' || isEmptySet(wire)) ? wire[1] : undefined;
  if (!Array.isArray(list) || !list.every(pair => Array.isArray(pair) && pair.length === 2))
    throw new OvsdbProtocolError(`no map: ${brief(wire)}`);
  return list as [unknown, unknown][];
}

const isEmptySet = (wire: readonly unknown[]): boolean => wire[0] === 'set' && Array.isArray(wire[1]) && wire[1].length === 0;

function atom(wire: unknown, type: AtomName): Atom {
  if (type === 'uuid') {
    if (Array.isArray(wire) && wire.length === 2 && wire[0] === 'uuid' && typeof wire[1] === 'string') return wire[1];
  } else if (type === 'integer' ? Number.isInteger(wire) : typeof wire === (type === 'real' ? 'number' : type)) return wire as Atom;
  throw new OvsdbProtocolError(`no ${type}: ${brief(wire)}`);
}

const brief = (value: unknown): string => String(JSON.stringify(value)).slice(0, 100);

/** Numbers by size, the rest by their text. */
export const order = (a: Atom, b: Atom): number => (a < b ? -1 : a > b ? 1 : 0);

export const sorted = (list: readonly Atom[]): readonly Atom[] => [...list].sort(order);
