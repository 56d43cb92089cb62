// The schema of a SQLite file, looked at and upgraded without being opened as a store.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { TableDef } from '../../../model/kit/table.ts';
import {
  type Inspection,
  inspection,
  lostIndexes,
  type SchemaDesk,
  type Shape,
  shapeOf,
  toWaiting,
  waitingQuery,
} from '../common/inspect.ts';
import { createIndex } from '../common/schema.ts';
import { collide, type SchemaOptions, type State, type Wanted, wantedOf } from '../common/state.ts';
import { sqliteCode, whileBusy } from './busy.ts';
import { Connection } from './connection.ts';
import { sqliteDialect } from './dialect.ts';
import { openSqliteStore } from './open.ts';
import { systemTables } from './outbox.ts';
import { inspectFile, readState } from './schema.ts';

const own = ['schema_meta', ...systemTables.flatMap(text => /^CREATE TABLE (\w+)/.exec(text)?.[1] ?? [])];
const patienceMs = 5000;

export function sqliteDesk(path: string, tables: readonly TableDef[], options: SchemaOptions): SchemaDesk {
  const wanted = wantedOf({ path: resolve(path), choice: 'path' }, tables, options);
  return {
    inspect: async () => inspect(wanted),
    readers: () => withFile(wanted, connection => toWaiting(connection.all({ text: waitingQuery('0'), binds: [] }))),
    async upgrade() {
      await using _store = await openSqliteStore(wanted.path, { tables, ...options, extend: true });
      return withFile(wanted, connection => putBack(connection, wanted));
    },
  };
}

async function withFile<T>(wanted: Wanted, work: (connection: Connection) => T): Promise<T> {
  const connection = new Connection(wanted.path, 100);
  try {
    return await whileBusy(() => work(connection), patienceMs);
  } finally {
    connection.close();
  }
}

/** A file that is not there is not made. */
async function inspect(wanted: Wanted): Promise<Inspection> {
  const evidence = (state: State, shape: Shape) => inspection(sqliteDialect, wanted, { state, shape, begun: new Set(), own });
  if (!existsSync(wanted.path)) return evidence({ kind: 'empty' }, shapeOf([], []));
  return withFile(wanted, connection => {
    inspectFile(connection, wanted);
    return evidence(readState(connection, wanted), shapeIn(connection));
  });
}

const columnsOf = `SELECT m.name, c.name, c.type, NOT c."notnull", c.dflt_value IS NOT NULL
  FROM sqlite_schema AS m, pragma_table_info(m.name) AS c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'`;
const indexesOf = `SELECT m.name, i.name, i."unique", c.name FROM sqlite_schema AS m, pragma_index_list(m.name) AS i, pragma_index_info(i.name) AS c
  WHERE m.type = 'table' AND i.origin = 'c' ORDER BY m.name, i.name, c.seqno`;

function shapeIn(connection: Connection): Shape {
  const [columns, indexes] = [columnsOf, indexesOf].map(text => connection.all({ text, binds: [] }));
  return shapeOf(columns!, indexes!);
}

function putBack(connection: Connection, wanted: Wanted): string[] {
  connection.control('BEGIN IMMEDIATE');
  try {
    const lost = lostIndexes(readState(connection, wanted), shapeIn(connection));
    for (const index of lost) {
      try {
        connection.db.exec(createIndex(sqliteDialect, index));
      } catch (error) {
        if (sqliteCode(error) !== 2067) throw error;
        throw collide(wanted, index.table, index.columns);
      }
    }
    connection.control('COMMIT');
    return lost.map(index => index.name);
  } catch (error) {
    if (connection.db.isTransaction) connection.control('ROLLBACK');
    throw error;
  }
}
