// What a database holds beside what it is said to hold: for those who look after one.
import { SchemaRefused } from '../../../contracts/store.ts';
import type { TableDef } from '../../../model/kit/table.ts';
import type { Dialect } from './dialect.ts';
import { type Index, indexesOf, keyedColumns } from './schema.ts';
import { expansion, inWords, present, type Recorded, type State, settled, type Wanted } from './state.ts';

export interface FoundColumn {
  /** As the dialect writes it. */
  readonly type: string;
  readonly nullable: boolean;
  readonly hasDefault: boolean;
}

export interface FoundIndex {
  readonly table: string;
  readonly unique: boolean;
  readonly columns: readonly string[];
}

/** What is really there. */
export interface Shape {
  readonly tables: ReadonlyMap<string, ReadonlyMap<string, FoundColumn>>;
  readonly indexes: ReadonlyMap<string, FoundIndex>;
}

export interface Drift {
  readonly kind: 'missing' | 'unexpected' | 'changed';
  /** `column networks.mtu`, and what of it changed. */
  readonly what: string;
}

export interface Inspection {
  /** Where it is, without a password. */
  readonly place: string;
  readonly isEmpty: boolean;
  /** Revisions that the database has, oldest first; those that this program does not know are at the end. */
  readonly revisions: readonly (Omit<Recorded, 'at' | 'by'> & Partial<Recorded> & { readonly isKnown: boolean })[];
  /** Who extended it last. */
  readonly program: string | undefined;
  /** What an upgrade would add. */
  readonly pending: readonly string[];
  /** An upgrade was broken off. */
  readonly isUnfinished: boolean;
  readonly drift: readonly Drift[];
  /** Why this program may not use it, whatever is added. */
  readonly refusal: string | undefined;
}

export interface SchemaDesk {
  inspect(): Promise<Inspection>;
  /** Whoever reads the outbox, and what waits for them. */
  readers(): Promise<readonly Waiting[]>;
  /** Extends what is there, puts back indexes that were lost, and says which those were. */
  upgrade(): Promise<readonly string[]>;
}

export interface Waiting {
  readonly reader: string;
  readonly facts: number;
  /** Since when the oldest waits, ISO 8601; undefined where none does. */
  readonly since: string | undefined;
}

/** `isDone`: further rows that a reader has done with, as a condition. */
export const waitingQuery = (isDone: string): string =>
  `SELECT r.reader, count(o.seq), min(o.at) FROM weft_reader r LEFT JOIN weft_outbox o ON o.seq > r.seq AND o.kind <> '' AND NOT (${isDone})
   WHERE r.reader <> '' GROUP BY r.reader ORDER BY r.reader`;

export const toWaiting = (rows: readonly (readonly unknown[])[]): Waiting[] =>
  rows.map(([reader, facts, since]) => ({
    reader: String(reader),
    facts: Number(facts),
    since: since === null ? undefined : String(since),
  }));

export interface Evidence {
  readonly state: State;
  readonly shape: Shape;
  readonly begun: ReadonlySet<string>;
  /** The store's own tables. */
  readonly own: readonly string[];
}

export function inspection(dialect: Dialect, wanted: Wanted, evidence: Evidence): Inspection {
  const { state, shape, begun } = evidence;
  const isEmpty = state.kind === 'empty';
  const drift = isEmpty ? [] : driftOf(dialect, state.tables, evidence);
  return {
    place: wanted.path,
    isEmpty,
    revisions: revisionsOf(state, wanted),
    program: isEmpty ? undefined : state.program,
    pending: inWords(expansion(state, wanted)),
    isUnfinished: begun.size > 0,
    drift,
    refusal: drift.some(each => each.kind === 'missing') ? undefined : refusalOf(state, columnNames(shape), wanted, begun),
  };
}

/** Recorded or not: a state of before there was a history has its first revisions all the same. */
function revisionsOf(state: State, wanted: Wanted): Inspection['revisions'] {
  if (state.kind === 'empty') return [];
  const recorded = new Map(state.revisions.map(each => [each.id, each]));
  const known = present(state, wanted).map(({ id, name }) => ({ id, name, ...recorded.get(id), isKnown: true }));
  const ids = new Set(wanted.revisions.map(each => each.id));
  return [...known, ...state.revisions.filter(each => !ids.has(each.id)).map(each => ({ ...each, isKnown: false }))];
}

function refusalOf(state: State, found: ReadonlySet<string>, wanted: Wanted, begun: ReadonlySet<string>): string | undefined {
  try {
    settled(state, found, { ...wanted, extend: true }, begun);
    return undefined;
  } catch (error) {
    if (error instanceof SchemaRefused) return error.message;
    throw error;
  }
}

export function columnNames({ tables }: Shape): Set<string> {
  return new Set([...tables].flatMap(([table, columns]) => [...columns.keys()].map(name => `${table}.${name}`)));
}

function driftOf(dialect: Dialect, defs: readonly TableDef[], { shape, begun, own }: Evidence): Drift[] {
  const known = new Set([...defs.map(def => def.name), ...own]);
  const isBegun = (table: string): boolean => [...begun].some(name => name.startsWith(`${table}.`));
  const strange = [...shape.tables.keys()].filter(name => !known.has(name) && !isBegun(name));
  return [
    ...own.filter(name => !shape.tables.has(name)).map(name => missing(`table ${name}`)),
    ...defs.flatMap(def => tableDrift(dialect, def, shape.tables.get(def.name), begun)),
    ...strange.map(name => unexpected(`table ${name}`)),
    ...indexDrift(defs, shape),
  ];
}

const missing = (what: string): Drift => ({ kind: 'missing', what });
const unexpected = (what: string): Drift => ({ kind: 'unexpected', what });

function tableDrift(
  dialect: Dialect,
  def: TableDef,
  found: ReadonlyMap<string, FoundColumn> | undefined,
  begun: ReadonlySet<string>,
): Drift[] {
  if (!found) return [missing(`table ${def.name}`)];
  const strange = [...found.keys()].filter(name => !(name in def.columns) && !begun.has(`${def.name}.${name}`));
  return [
    ...Object.keys(def.columns).flatMap(name => columnDrift(dialect, def, name, found.get(name))),
    ...strange.map(name => unexpected(`column ${def.name}.${name}`)),
  ];
}

function columnDrift(dialect: Dialect, def: TableDef, name: string, found: FoundColumn | undefined): Drift[] {
  const what = `column ${def.name}.${name}`;
  if (!found) return [missing(what)];
  const { type, nullable = false, fill = null } = def.columns[name]!;
  const wanted = dialect.columnType(type, keyedColumns(def).get(name) ?? 0);
  const changed = (how: string): Drift => ({ kind: 'changed', what: `${what} ${how}` });
  return [
    ...(found.type === wanted ? [] : [changed(`is ${found.type}, not ${wanted}`)]),
    ...(found.nullable === nullable ? [] : [changed(nullable ? 'takes no null' : 'takes null')]),
    ...(fill === null || found.hasDefault ? [] : [changed('has no default')]),
  ];
}

function indexDrift(defs: readonly TableDef[], { tables, indexes }: Shape): Drift[] {
  const wanted = new Map(defs.flatMap(indexesOf).map(index => [index.name, index]));
  const known = new Set(defs.map(def => def.name));
  const lost = [...wanted.values()].filter(index => tables.has(index.table) && !indexes.has(index.name));
  const strange = [...indexes].filter(([name, index]) => known.has(index.table) && !wanted.has(name));
  const other = [...wanted.values()].filter(index => {
    const found = indexes.get(index.name);
    return found && (found.unique !== index.unique || found.columns.join() !== index.columns.join());
  });
  return [
    ...lost.map(index => missing(indexWords(index, index.name))),
    ...strange.map(([name, index]) => unexpected(indexWords(index, name))),
    ...other.map(index => ({ kind: 'changed' as const, what: `${indexWords(index, index.name)} is not as it should be` })),
  ];
}

function indexWords({ table, unique, columns }: FoundIndex, name: string): string {
  return `${unique ? 'unique key' : 'index'} ${name} on ${table} (${columns.join(', ')})`;
}

/** Indexes of the state that somebody took away: they can be put back. */
export function lostIndexes(state: State, { indexes, tables }: Shape): readonly Index[] {
  if (state.kind === 'empty') return [];
  return state.tables.flatMap(indexesOf).filter(index => tables.has(index.table) && !indexes.has(index.name));
}

/** Rows of (table, column, type, nullable, has a default) and (table, index, unique, column), flags as 1 or 0. */
export function shapeOf(
  columns: readonly (readonly unknown[])[],
  indexes: readonly (readonly unknown[])[],
  typeName: (found: string) => string = found => found,
): Shape {
  const tables = new Map<string, Map<string, FoundColumn>>();
  for (const [table, column, type, nullable, hasDefault] of columns) {
    const found = tables.get(String(table)) ?? new Map<string, FoundColumn>();
    tables.set(String(table), found);
    found.set(String(column), { type: typeName(String(type)), nullable: Number(nullable) === 1, hasDefault: Number(hasDefault) === 1 });
  }
  const named = new Map<string, FoundIndex>();
  for (const [table, name, unique, column] of indexes) {
    const before = named.get(String(name))?.columns ?? [];
    named.set(String(name), { table: String(table), unique: Number(unique) === 1, columns: [...before, String(column)] });
  }
  return { tables, indexes: named };
}
