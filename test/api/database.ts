// Where the servers of a test keep their state: a SQLite file of their own, or a database of their own on the server that WEFT_TEST_STORE names
// (mariadb, postgres), which each file of tests starts for itself.
import { join } from 'node:path';
import { after } from 'node:test';
import { startMariadb } from '../../src/contracts/store-suite/servers/mariadb.ts';
import { startPostgres } from '../../src/contracts/store-suite/servers/postgres.ts';
import type { DatabaseServer } from '../../src/contracts/store-suite/servers/server.ts';

const kind = process.env['WEFT_TEST_STORE'] ?? 'sqlite';
const starts: Readonly<Record<string, () => Promise<DatabaseServer>>> = { mariadb: startMariadb, postgres: startPostgres };
let server: Promise<DatabaseServer> | undefined;

// Here, not when it is started: a hook of a test ends with the test.
if (kind !== 'sqlite') after(async () => (await server)?.[Symbol.asyncDispose]());

/** A new empty database, as `[database] connection` names it; of SQLite a file in that folder. */
export async function newDatabase(folder: string): Promise<string> {
  return (await databaseServer())?.database() ?? `sqlite:///${join(folder, 'weft.db')}`;
}

/** The server of this file of tests; none for SQLite. */
export async function databaseServer(): Promise<DatabaseServer | undefined> {
  if (kind === 'sqlite') return undefined;
  const start = starts[kind];
  if (!start) throw new Error(`WEFT_TEST_STORE is sqlite, mariadb or postgres, not ${kind}`);
  server ??= start();
  return server;
}
