// What a file is, and whether this program may use it: nothing is changed before that is known.
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { SchemaRefused } from '../../../contracts/store.ts';
import type { TableDef } from '../../../model/kit/table.ts';
import { addColumn, createIndex, createTable, describeSchema, diffSchemas, type SchemaDiff } from '../common/schema.ts';
import { sqliteCode } from './busy.ts';
import type { Connection } from './connection.ts';
import { sqliteDialect } from './dialect.ts';
import { systemTables } from './outbox.ts';

export interface Wanted {
  /** For messages. */
  readonly path: string;
  readonly tables: readonly TableDef[];
  readonly version: number;
}

/** "Weft" in ASCII, in the header of the file. */
const applicationId = 0x57656674;
/** Of the tables that the store keeps for itself. */
const layout = '1';
/** A check of every page takes 1.4 ms per MB; larger files are checked by their header and their schema only. */
const largestCheckedBytes = 256 * 2 ** 20;
const startAnew = 'move it away to begin with an empty state, or restore a backup';

type State = { readonly kind: 'empty' } | { readonly kind: 'weft'; readonly version: number; readonly tables: readonly TableDef[] };

/** Makes the schema what this program wants, or refuses. Two processes may do this at once: the second finds it done. */
export function settleSchema(connection: Connection, wanted: Wanted): void {
  guarded(wanted, () => {
    if (settled(connection, wanted)) return;
    connection.control('BEGIN IMMEDIATE');
    try {
      if (!settled(connection, wanted)) expand(connection, wanted);
      connection.control('COMMIT');
    } catch (error) {
      if (connection.db.isTransaction) connection.control('ROLLBACK');
      throw error;
    }
  });
}

/** Refuses what is no Weft database, or a damaged one, by reading alone. */
export function inspectFile(connection: Connection, wanted: Wanted): void {
  guarded(wanted, () => {
    readState(connection, wanted);
    checkPages(connection, wanted);
  });
}

function guarded(wanted: Wanted, work: () => void): void {
  try {
    work();
  } catch (error) {
    const code = sqliteCode(error) & 0xff;
    if (code === 26) throw new SchemaRefused(`${wanted.path} is not a database: ${startAnew}.`);
    if (code === 11) throw damaged(wanted, (error as Error).message);
    throw error;
  }
}

function damaged({ path }: Wanted, what: string): SchemaRefused {
  return new SchemaRefused(`${path} is a damaged database (${what}): ${startAnew}.`);
}

function checkPages(connection: Connection, wanted: Wanted): void {
  if (wanted.path === ':memory:' || statSync(wanted.path).size > largestCheckedBytes) return;
  const found = connection.first({ text: 'PRAGMA quick_check(1)', binds: [] })?.[0];
  if (found !== 'ok') throw damaged(wanted, String(found).replaceAll(/\s+/g, ' '));
}

function readState(connection: Connection, wanted: Wanted): State {
  const tables = connection.all({
    text: "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    binds: [],
  });
  const id = connection.first({ text: 'PRAGMA application_id', binds: [] })?.[0];
  if (tables.length === 0 && id === 0) return { kind: 'empty' };
  const names = tables.map(row => row[0] as string);
  if (id !== applicationId || !names.includes('schema_meta')) throw foreign(wanted, names);
  const meta = new Map(connection.all({ text: 'SELECT key, value FROM schema_meta', binds: [] }) as [string, string][]);
  return parseMeta(meta, wanted);
}

function foreign({ path }: Wanted, names: readonly string[]): SchemaRefused {
  const some = names.slice(0, 5).join(', ') + (names.length > 5 ? ', …' : '');
  const found = names.length > 0 ? `its tables: ${some}` : 'its header names another program';
  return new SchemaRefused(`${path} is a database of another program (${found}), not of Weft: choose another path.`);
}

function parseMeta(meta: ReadonlyMap<string, string>, wanted: Wanted): State {
  const version = Number(meta.get('version'));
  const text = meta.get('tables') ?? '';
  if (!Number.isSafeInteger(version) || version < 1) throw damaged(wanted, 'its schema_meta names no version');
  if (version > wanted.version || meta.get('layout') !== layout) throw newer(wanted, `schema version ${version}`);
  if (fingerprint(text) !== meta.get('fingerprint')) throw damaged(wanted, 'its schema_meta does not fit its fingerprint');
  return { kind: 'weft', version, tables: JSON.parse(text) };
}

function newer({ path, version }: Wanted, found: string): SchemaRefused {
  return new SchemaRefused(
    `${path} was made by a newer Weft (${found}; this one knows schema version ${version}): start the newer one, or choose another path.`,
  );
}

function fingerprint(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Whether nothing is left to do. Throws where nothing may be done. */
function settled(connection: Connection, wanted: Wanted): boolean {
  const state = readState(connection, wanted);
  if (state.kind === 'empty') return false;
  const present = presentColumns(connection);
  for (const def of state.tables)
    for (const name in def.columns) if (!present.has(`${def.name}.${name}`)) throw damaged(wanted, `${def.name}.${name} is missing`);
  const diff = diffSchemas(state.tables, wanted.tables);
  if (state.version === wanted.version && diff.unknown.length > 0) throw newer(wanted, `it has ${diff.unknown.slice(0, 5).join(', ')}`);
  const obstacles = [...diff.obstacles, ...retired(diff, present)];
  if (obstacles.length > 0) throw unbridgeable(wanted, obstacles);
  return state.version === wanted.version && describeSchema(state.tables) === describeSchema(wanted.tables);
}

function unbridgeable({ path }: Wanted, obstacles: readonly string[]): SchemaRefused {
  const list = obstacles.join('; ');
  return new SchemaRefused(
    `${path} has a schema that this Weft cannot extend: ${list}. Start the Weft that made it, or choose another path.`,
  );
}

function presentColumns(connection: Connection): Set<string> {
  const text = `SELECT m.name, c.name FROM sqlite_schema AS m, pragma_table_info(m.name) AS c WHERE m.type = 'table'`;
  return new Set(connection.all({ text, binds: [] }).map(row => `${row[0]}.${row[1]}`));
}

/** A name that an earlier schema gave up still has its old rows; who comes later takes another name. */
function retired(diff: SchemaDiff, present: ReadonlySet<string>): string[] {
  const fresh = diff.tables.flatMap(def => Object.keys(def.columns).map(name => `${def.name}.${name}`));
  const added = diff.columns.map(({ table, name }) => `${table.name}.${name}`);
  return [...fresh, ...added].filter(name => present.has(name)).map(name => `${name} is there already, left by an older schema`);
}

function expand(connection: Connection, wanted: Wanted): void {
  const state = readState(connection, wanted);
  const known = state.kind === 'weft' ? state.tables : [];
  if (state.kind === 'empty') createSystem(connection);
  const diff = diffSchemas(known, wanted.tables);
  const exec = (text: string) => connection.db.exec(text);
  for (const def of diff.tables) exec(createTable(sqliteDialect, def));
  for (const { table, name } of diff.columns) exec(addColumn(sqliteDialect, table, name));
  for (const index of diff.drops) exec(`DROP INDEX IF EXISTS ${sqliteDialect.quote(index.name)}`);
  for (const index of diff.indexes) {
    try {
      exec(createIndex(sqliteDialect, index));
    } catch (error) {
      if (sqliteCode(error) !== 2067) throw error;
      throw new SchemaRefused(`${wanted.path}: rows of ${index.table} collide in ${index.columns.join(', ')}, which must be unique now.`);
    }
  }
  remember(connection, wanted);
}

function createSystem(connection: Connection): void {
  connection.db.exec(`PRAGMA application_id = ${applicationId}`);
  connection.db.exec('CREATE TABLE schema_meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT');
  for (const text of systemTables) connection.db.exec(text);
}

function remember(connection: Connection, wanted: Wanted): void {
  const tables = describeSchema(wanted.tables);
  const set = 'INSERT INTO schema_meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value';
  const entries = { product: 'weft', layout, version: String(wanted.version), tables, fingerprint: fingerprint(tables) };
  for (const binds of Object.entries(entries)) connection.run({ text: set, binds });
}
