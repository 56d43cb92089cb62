// Table definitions, checked once and made ready for the compiler: quoted names, encoders, decoders, defaults.
import type { Value } from '../../../contracts/store.ts';
import type { ColumnDef, TableDef } from '../../../model/kit/table.ts';
import type { Dialect, SqlValue } from './dialect.ts';
import { Lru } from './lru.ts';
import { StoreMisuse } from './misuse.ts';
import { encode } from './values.ts';

export interface Column {
  readonly name: string;
  readonly def: ColumnDef;
  /** Quoted, alone. */
  readonly bare: string;
  /** Quoted, with its table. */
  readonly sql: string;
  /** `table.column`, for messages. */
  readonly label: string;
  readonly decode: ((value: unknown) => Value) | undefined;
  /** What a row that leaves the column out gets; undefined where it may not be left out. */
  readonly fallback: SqlValue | undefined;
}

export interface Table {
  readonly def: TableDef;
  readonly name: string;
  readonly sql: string;
  readonly list: readonly Column[];
  /** Their quoted names. */
  readonly bare: readonly string[];
  readonly columns: ReadonlyMap<string, Column>;
  /** `SELECT every column FROM table`, used by most reads. */
  readonly selectAll: string;
  /** Filled as they are needed. */
  readonly insertTexts: Map<string, string>;
  /** Whole texts by what follows `selectAll`: of a text that was made anew its long head would be hashed for each look into the statement cache. */
  readonly selectTexts: Lru<string, string>;
  /** Several columns as one, by their names. */
  readonly printed: Lru<string, Column>;
}

export type Tables = ReadonlyMap<string, Table>;

// Attribute names with a colon (provider:network_type) are column names too. 40 leaves room for index names in every database's limit.
const lawful = /^[a-z][a-z0-9_:]{0,39}$/;
/** Names that the store keeps for itself. */
const reserved = /^(schema_meta|weft_.*|sqlite_.*)$/;

export function compileTables(dialect: Dialect, defs: readonly TableDef[]): Tables {
  const tables = new Map<string, Table>();
  for (const def of defs) {
    if (tables.has(def.name)) throw new StoreMisuse(`table ${def.name} is defined twice`);
    tables.set(def.name, compileTable(dialect, def));
  }
  return tables;
}

function compileTable(dialect: Dialect, def: TableDef): Table {
  if (!lawful.test(def.name) || reserved.test(def.name)) throw new StoreMisuse(`"${def.name}" cannot be the name of a table`);
  const sql = dialect.quote(def.name);
  const list = Object.entries(def.columns).map(([name, column]) => compileColumn(dialect, def.name, name, column));
  const columns = new Map(list.map(column => [column.name, column]));
  checkKeys(def, columns);
  const selectAll = `SELECT ${list.map(c => c.sql).join(', ')} FROM ${sql}`;
  return {
    def,
    name: def.name,
    sql,
    list,
    bare: list.map(c => c.bare),
    columns,
    selectAll,
    insertTexts: new Map(),
    selectTexts: new Lru(100),
    printed: new Lru(100),
  };
}

function compileColumn(dialect: Dialect, table: string, name: string, def: ColumnDef): Column {
  if (!lawful.test(name)) throw new StoreMisuse(`"${name}" cannot be the name of a column (table ${table})`);
  const label = `${table}.${name}`;
  const bare = dialect.quote(name);
  const sql = `${dialect.quote(table)}.${bare}`;
  return { name, def, bare, sql, label, decode: dialect.decoder(def.type), fallback: fallback(dialect, label, def) };
}

function fallback(dialect: Dialect, label: string, def: ColumnDef): SqlValue | undefined {
  const fill = def.fill ?? null;
  if (fill === null) return def.nullable ? null : undefined;
  return encode(dialect, label, def, fill);
}

function checkKeys(def: TableDef, columns: ReadonlyMap<string, Column>): void {
  if (def.primaryKey.length === 0) throw new StoreMisuse(`table ${def.name} has no primary key`);
  for (const key of [def.primaryKey, ...(def.unique ?? []), ...(def.indexes ?? []), ...(def.sought ?? []).map(name => [name])])
    for (const name of key) {
      const column = columns.get(name);
      if (!column) throw new StoreMisuse(`table ${def.name}: a key names the column ${name}, which is not there`);
      if (column.def.type === 'json') throw new StoreMisuse(`${column.label} is JSON and cannot be part of a key`);
    }
  for (const name of def.primaryKey)
    if (columns.get(name)?.def.nullable) throw new StoreMisuse(`${def.name}.${name} is part of the primary key and cannot be nullable`);
}

export function tableOf(tables: Tables, name: string): Table {
  const table = tables.get(name);
  if (!table) throw new StoreMisuse(`there is no table ${name}`);
  return table;
}

export function columnOf(table: Table, name: string): Column {
  const column = table.columns.get(name);
  if (!column) throw new StoreMisuse(`table ${table.name} has no column ${name} (it has ${[...table.columns.keys()].join(', ')})`);
  return column;
}
