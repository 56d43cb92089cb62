// The schema as statements, and what lies between two schemas. Expand only: tables, columns and indexes are added, never changed
// in meaning; anything else is refused with a sentence that says what was found.
import type { ColumnDef, TableDef } from '../../../model/kit/table.ts';
import type { Dialect, SqlValue } from './dialect.ts';
import { StoreMisuse } from './misuse.ts';
import { encode } from './values.ts';

export interface Index {
  readonly name: string;
  readonly table: string;
  readonly columns: readonly string[];
  readonly unique: boolean;
  /** Of each column. */
  readonly nullable: readonly boolean[];
  /** The first column is a text that may be longer than an index takes. */
  readonly sought?: true;
}

/** Names of tables and columns may be long; PostgreSQL cuts identifiers at 63, so long names end in a hash. */
export function indexesOf(def: TableDef): Index[] {
  const named = (unique: boolean) => (columns: readonly string[]) => ({
    name: indexName(unique ? 'uq' : 'ix', def.name, columns),
    table: def.name,
    columns,
    unique,
    nullable: columns.map(name => def.columns[name]?.nullable === true),
  });
  // Of rows that say the same, as most have no name, those behind a marker are found as well.
  const withKey = (name: string): string[] => [name, ...def.primaryKey.filter(other => other !== name)];
  const sought = (def.sought ?? []).map(name => ({ ...named(false)(withKey(name)), sought: true as const }));
  return [...(def.unique ?? []).map(named(true)), ...(def.indexes ?? []).map(named(false)), ...sought];
}

function indexName(prefix: string, table: string, columns: readonly string[]): string {
  const name = [prefix, table, ...columns].join('__').replaceAll(':', '_');
  return name.length <= 60 ? name : `${name.slice(0, 51)}_${fnv(`${table} ${columns.join()}`)}`;
}

function fnv(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}

export function createTable(dialect: Dialect, def: TableDef): string {
  const keyed = keyedColumns(def);
  const columns = Object.entries(def.columns).map(([name, column]) => columnSql(dialect, def.name, name, column, keyed.get(name) ?? 0));
  const key = `PRIMARY KEY (${def.primaryKey.map(name => dialect.quote(name)).join(', ')})`;
  return `CREATE TABLE ${dialect.quote(def.name)} (${[...columns, key].join(', ')})${dialect.tableOptions}`;
}

/** The column with its type, nullability and default, as CREATE and ALTER take it. */
export function definition(dialect: Dialect, def: TableDef, name: string): string {
  const column = def.columns[name];
  if (!column) throw new StoreMisuse(`table ${def.name} has no column ${name}`);
  return columnSql(dialect, def.name, name, column, keyedColumns(def).get(name) ?? 0);
}

export function addColumn(dialect: Dialect, def: TableDef, name: string): string {
  return `ALTER TABLE ${dialect.quote(def.name)} ADD COLUMN ${definition(dialect, def, name)}`;
}

export function createIndex(dialect: Dialect, index: Index): string {
  const partOf = (at: number) => (index.sought && at === 0 ? dialect.soughtPart : dialect.indexPart);
  const columns = index.columns.map((name, at) => partOf(at)(dialect.quote(name), index.nullable[at]!)).join(', ');
  return `CREATE ${index.unique ? 'UNIQUE ' : ''}INDEX ${dialect.quote(index.name)} ON ${dialect.quote(index.table)} (${columns})`;
}

/** Each column of a key or index, and how many texts the widest of them has. */
export function keyedColumns(def: TableDef): Map<string, number> {
  const widest = new Map<string, number>();
  for (const key of [def.primaryKey, ...(def.unique ?? []), ...(def.indexes ?? [])]) {
    const texts = key.filter(name => def.columns[name]?.type === 'text').length;
    for (const name of key) widest.set(name, Math.max(widest.get(name) ?? 1, texts));
  }
  return widest;
}

function columnSql(dialect: Dialect, table: string, name: string, def: ColumnDef, keyed: number): string {
  const parts = [dialect.quote(name), dialect.columnType(def.type, keyed)];
  if (!def.nullable) parts.push('NOT NULL');
  const fill = def.fill ?? null;
  if (fill !== null) parts.push(`DEFAULT ${dialect.literal(encode(dialect, `${table}.${name}`, def, fill) as SqlValue)}`);
  return parts.join(' ');
}

/** One text per schema: what is stored beside the data, and what its fingerprint is taken of. */
export function describeSchema(defs: readonly TableDef[]): string {
  const sorted = [...defs].sort((a, b) => (a.name < b.name ? -1 : 1));
  return JSON.stringify(sorted.map(describeTable));
}

function describeTable(def: TableDef): TableDef {
  const columns = Object.entries(def.columns).map(([name, c]) => [
    name,
    { type: c.type, ...(c.nullable ? { nullable: true } : {}), ...(c.fill === undefined ? {} : { fill: c.fill }) },
  ]);
  return {
    name: def.name,
    columns: Object.fromEntries(columns),
    primaryKey: def.primaryKey,
    unique: def.unique ?? [],
    indexes: def.indexes ?? [],
    ...(def.sought ? { sought: def.sought } : {}),
  };
}

export interface Expansion {
  readonly tables: readonly TableDef[];
  readonly columns: readonly { readonly table: TableDef; readonly name: string }[];
  readonly indexes: readonly Index[];
  /** Indexes of the state that this program does not want: dropping one loses no data. */
  readonly drops: readonly Index[];
}

export interface SchemaDiff extends Expansion {
  /** Tables, columns and unique keys that only the state has, as `table` or `table.column`. */
  readonly unknown: readonly string[];
  /** Why adding is not enough; a sentence each. */
  readonly obstacles: readonly string[];
}

/** From the schema that the state was made with to the one that the program wants. */
export function diffSchemas(state: readonly TableDef[], wanted: readonly TableDef[]): SchemaDiff {
  const known = new Map(state.map(def => [def.name, def]));
  const wantedNames = new Set(wanted.map(def => def.name));
  const shared = wanted.flatMap(def => {
    const was = known.get(def.name);
    return was ? [{ was, def }] : [];
  });
  const fresh = wanted.filter(def => !known.has(def.name));
  const added = shared.flatMap(({ was, def }) =>
    Object.keys(def.columns)
      .filter(name => !(name in was.columns))
      .map(name => ({ table: def, name })),
  );
  const have = new Set(state.flatMap(indexesOf).map(index => index.name));
  const want = wanted.flatMap(indexesOf);
  const wantNames = new Set(want.map(index => index.name));
  const drops = shared.flatMap(({ was }) => indexesOf(was)).filter(index => !wantNames.has(index.name));
  return {
    tables: fresh,
    columns: added,
    indexes: want.filter(index => !have.has(index.name)),
    drops,
    unknown: [
      ...state.filter(def => !wantedNames.has(def.name)).map(def => def.name),
      ...shared.flatMap(({ was, def }) => lost(was, def).map(name => `${def.name}.${name}`)),
      ...drops.filter(index => index.unique).map(index => `${index.table} (unique ${index.columns.join(', ')})`),
    ],
    obstacles: [...added.flatMap(unfillable), ...shared.flatMap(({ was, def }) => changes(was, def))],
  };
}

function lost(was: TableDef, def: TableDef): string[] {
  return Object.keys(was.columns).filter(name => !(name in def.columns));
}

function unfillable({ table, name }: { table: TableDef; name: string }): string[] {
  const column = table.columns[name]!;
  if (column.nullable || (column.fill ?? null) !== null) return [];
  return [`${table.name}.${name} is new, not nullable, and says no value for the rows that are there`];
}

function changes(was: TableDef, def: TableDef): string[] {
  const out: string[] = [];
  if (was.primaryKey.join() !== def.primaryKey.join())
    out.push(`the primary key of ${def.name} was (${was.primaryKey.join(', ')}) and is now (${def.primaryKey.join(', ')})`);
  for (const [name, before] of Object.entries(was.columns)) {
    const now = def.columns[name];
    if (!now && !before.nullable && (before.fill ?? null) === null)
      out.push(`${def.name}.${name} is required by the state and not known here`);
    if (now && now.type !== before.type) out.push(`${def.name}.${name} was ${before.type} and is now ${now.type}`);
    if (now && !now.nullable !== !before.nullable) out.push(`${def.name}.${name} ${now.nullable ? 'became' : 'is no longer'} nullable`);
  }
  return out;
}
