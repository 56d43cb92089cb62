// What a file is, and whether this program may use it: nothing is changed before that is known.
import { statSync } from 'node:fs';
import { addColumn, createIndex, createTable } from '../common/schema.ts';
import { collide, damaged, expansion, foreign, metaOf, notOne, parseMeta, type State, settled, type Wanted } from '../common/state.ts';
import { sqliteCode } from './busy.ts';
import type { Connection } from './connection.ts';
import { sqliteDialect } from './dialect.ts';
import { systemTables } from './outbox.ts';

/** "Weft" in ASCII, in the header of the file. */
const applicationId = 0x57656674;
/** A check of every page takes 1.4 ms per MB; larger files are checked by their header and their schema only. */
const largestCheckedBytes = 256 * 2 ** 20;
/** Makes the schema what this program wants, or refuses. Two processes may do this at once: the second finds it done. */
export function settleSchema(connection: Connection, wanted: Wanted): void {
  const done = () => settled(readState(connection, wanted), presentColumns(connection), wanted);
  guarded(wanted, () => {
    if (done()) return;
    connection.control('BEGIN IMMEDIATE');
    try {
      if (!done()) expand(connection, wanted);
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
    if (code === 26) throw notOne(wanted);
    if (code === 11) throw damaged(wanted, (error as Error).message);
    throw error;
  }
}

function checkPages(connection: Connection, wanted: Wanted): void {
  if (wanted.path === ':memory:' || statSync(wanted.path).size > largestCheckedBytes) return;
  const found = connection.first({ text: 'PRAGMA quick_check(1)', binds: [] })?.[0];
  if (found !== 'ok') throw damaged(wanted, String(found).replaceAll(/\s+/g, ' '));
}

export function readState(connection: Connection, wanted: Wanted): State {
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

function presentColumns(connection: Connection): Set<string> {
  const text = `SELECT m.name, c.name FROM sqlite_schema AS m, pragma_table_info(m.name) AS c WHERE m.type = 'table'`;
  return new Set(connection.all({ text, binds: [] }).map(row => `${row[0]}.${row[1]}`));
}

function expand(connection: Connection, wanted: Wanted): void {
  const state = readState(connection, wanted);
  if (state.kind === 'empty') createSystem(connection);
  const diff = expansion(state, wanted);
  const exec = (text: string) => connection.db.exec(text);
  for (const def of diff.tables) exec(createTable(sqliteDialect, def));
  for (const { table, name } of diff.columns) exec(addColumn(sqliteDialect, table, name));
  for (const index of diff.drops) exec(`DROP INDEX IF EXISTS ${sqliteDialect.quote(index.name)}`);
  for (const index of diff.indexes) {
    try {
      exec(createIndex(sqliteDialect, index));
    } catch (error) {
      if (sqliteCode(error) !== 2067) throw error;
      throw collide(wanted, index.table, index.columns);
    }
  }
  remember(connection, metaOf(wanted, state, new Date()));
}

function createSystem(connection: Connection): void {
  connection.db.exec(`PRAGMA application_id = ${applicationId}`);
  connection.db.exec('CREATE TABLE schema_meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT');
  for (const text of systemTables) connection.db.exec(text);
}

function remember(connection: Connection, meta: Readonly<Record<string, string>>): void {
  const set = 'INSERT INTO schema_meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value';
  for (const binds of Object.entries(meta)) connection.run({ text: set, binds });
}
