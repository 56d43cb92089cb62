// Values of the simulated database: a set or a map of atoms, checked against the schema as ovsdb-server checks them.
import type { SimColumn } from './sim-schema.ts';

type Atom = string | number | boolean;
/** Keys to values; of a set, to true. Uuids are bare. */
export type Datum = ReadonlyMap<Atom, Atom>;
export type SimRow = ReadonlyMap<string, Datum>;
type Base = SimColumn['type']['key'];

/** An error as RFC 7047, section 3.1, has it. */
export class SimError extends Error {
  readonly error: string;
  constructor(error: string, details: string) {
    super(details);
    this.error = error;
  }
}

const syntax = (details: string): SimError => new SimError('syntax error', details);
const violated = (details: string): SimError => new SimError('constraint violation', details);

/** What the words `named-uuid` of this transaction stand for. */
export type Named = (name: string) => string;

/** `whole`: with as many members as the column is to have; what is put in or taken out may be fewer. */
export function datumOf(wire: unknown, { type }: SimColumn, named: Named, whole = true): Datum {
  const out = new Map<Atom, Atom>();
  if (type.value && Array.isArray(wire) && wire[0] === 'map') {
    for (const pair of list(wire[1])) {
      const [key, value] = list(pair);
      const k = atomOf(key, type.key, named);
      if (out.has(k)) throw syntax('map contains duplicate key');
      out.set(k, atomOf(value, type.value, named));
    }
  } else {
    const members = Array.isArray(wire) && wire[0] === 'set' ? list(wire[1]) : [wire];
    if (type.value && members.length > 0) throw syntax('map expected');
    for (const one of members) {
      const k = atomOf(one, type.key, named);
      if (out.has(k)) throw syntax('set contains duplicate');
      out.set(k, true);
    }
  }
  if (whole && !holds(out, type)) throw syntax(`set must have ${type.min} to ${type.max} members but ${out.size} are present`);
  return ordered(out);
}

export function sized(datum: Datum, type: SimColumn['type']): Datum {
  if (!holds(datum, type)) throw violated(`${datum.size} values when type requires between ${type.min} and ${type.max}`);
  return datum;
}

const holds = ({ size }: Datum, { min, max }: SimColumn['type']): boolean => size >= min && (max === 'unlimited' || size <= max);

/** Keys alone, for taking entries out of a map. */
export function keysOf(wire: unknown, column: SimColumn, named: Named): Datum {
  const { value: _, ...type } = column.type;
  return datumOf(wire, { type }, named, false);
}

const blanks: Readonly<Record<string, Atom>> = {
  integer: 0,
  real: 0,
  boolean: false,
  string: '',
  uuid: '00000000-0000-0000-0000-000000000000',
};

export const blankOf = ({ type }: SimColumn): Datum => new Map(type.min === 0 ? [] : [[blanks[type.key.type] ?? '', true]]);

export function toWire(datum: Datum, { type }: SimColumn): unknown {
  const atom = (value: Atom, base: Base): unknown => (base.type === 'uuid' ? ['uuid', value] : value);
  const { key, value } = type;
  if (value) return ['map', [...datum].map(([k, v]) => [atom(k, key), atom(v, value)])];
  const members = [...datum.keys()].map(k => atom(k, key));
  return members.length === 1 ? members[0] : ['set', members];
}

export function equal(a: Datum, b: Datum): boolean {
  return a.size === b.size && [...a].every(([k, v]) => b.has(k) && b.get(k) === v);
}

export const includes = (a: Datum, b: Datum): boolean => [...b].every(([k, v]) => a.has(k) && a.get(k) === v);

/** What must be put in, taken out or changed to come from one to the other (ovsdb-server(7), `row-update2`). */
export function difference(before: Datum, after: Datum): Datum {
  const goes = [...before].filter(([k]) => !after.has(k));
  const comes = [...after].filter(([k, v]) => !before.has(k) || before.get(k) !== v);
  return ordered(new Map([...goes, ...comes]));
}

export const ordered = (datum: ReadonlyMap<Atom, Atom>): Datum => new Map([...datum].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));

export const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw syntax('array expected');
  return value;
}

function atomOf(wire: unknown, base: Base, named: Named): Atom {
  if (base.type === 'uuid') {
    if (Array.isArray(wire) && wire.length === 2 && typeof wire[1] === 'string') {
      if (wire[0] === 'uuid' && isUuid(wire[1])) return wire[1];
      if (wire[0] === 'named-uuid') return named(wire[1]);
    }
    throw syntax('expected uuid');
  }
  if (base.type === 'integer' ? !Number.isInteger(wire) : typeof wire !== (base.type === 'real' ? 'number' : base.type))
    throw syntax(`expected ${base.type}`);
  const atom = wire as Atom;
  if (base.enum && !base.enum[1].includes(String(atom))) throw violated(`${String(atom)} is not one of the allowed values`);
  if (typeof atom === 'number' && (atom < (base.minInteger ?? atom) || atom > (base.maxInteger ?? atom)))
    throw violated(`${atom} is not in the valid range`);
  return atom;
}
