// The store that `[database] connection` names.
import { join } from 'node:path';
import { parseUrl } from '../adapters/store-sql/remote/url.ts';
import { openSqliteStore } from '../adapters/store-sql/sqlite/open.ts';
import type { Store } from '../contracts/store.ts';
import type { Revision } from '../model/kit/revision.ts';
import type { TableDef } from '../model/kit/table.ts';
import { allTables as tables } from '../model/registry.ts';
import type { DatabaseConfig } from '../server/context.ts';
import { ConfigError } from './config/ini.ts';
import { history } from './db/history.ts';
import { program } from './db/program.ts';

/** In the state directory, where no other database is named. */
export const sqliteFile = 'weft.db';

export const openStore = (database: DatabaseConfig, stateDir: string): Promise<Store> =>
  openStoreAs(database, stateDir, { tables, revisions: history(), program: program() });

/** For a program of another version than this. */
export async function openStoreAs({ connection, upgrade: extend, ...pool }: DatabaseConfig, stateDir: string, as: Version): Promise<Store> {
  const options = { ...as, extend };
  if (connection === '') return openSqliteStore(join(stateDir, sqliteFile), options);
  const { kind, database } = parseUrl(connection);
  if (kind === 'sqlite') return openSqliteStore(database, options);
  const open =
    kind === 'mariadb'
      ? (await import('../adapters/store-sql/mariadb/open.ts')).openMariadbStore
      : (await import('../adapters/store-sql/postgres/open.ts')).openPostgresStore;
  return open(connection, { ...options, ...pool });
}

export interface Version {
  readonly tables: readonly TableDef[];
  readonly revisions: readonly Revision[];
  readonly program: string;
}

export const isFile = ({ connection }: DatabaseConfig): boolean => connection === '' || parseUrl(connection).kind === 'sqlite';

/** Whether other servers may be on the same state: then nobody is known by being the only one. */
export const isShared = ({ connection }: DatabaseConfig): boolean => connection !== '';

/** The value of the option, or what is wrong with it without a word of what it is. */
export function databaseUrl(text: string): string {
  try {
    parseUrl(text);
    return text;
  } catch (error) {
    throw new ConfigError((error as Error).message.replace(/^store: /, ''));
  }
}
