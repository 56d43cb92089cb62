// The store that `[database] connection` names.
import { join } from 'node:path';
import { openMariadbStore } from '../adapters/store-sql/mariadb/open.ts';
import { openPostgresStore } from '../adapters/store-sql/postgres/open.ts';
import { parseUrl } from '../adapters/store-sql/remote/url.ts';
import { openSqliteStore } from '../adapters/store-sql/sqlite/open.ts';
import type { Store } from '../contracts/store.ts';
import { allTables as tables } from '../model/registry.ts';
import type { DatabaseConfig } from '../server/context.ts';
import { ConfigError } from './config/ini.ts';

/** What there is none of is a file in the state directory. */
export async function openStore({ connection, ...pool }: DatabaseConfig, stateDir: string): Promise<Store> {
  if (connection === '') return openSqliteStore(join(stateDir, 'weft.db'), { tables });
  const { kind, database } = parseUrl(connection);
  if (kind === 'sqlite') return openSqliteStore(database, { tables });
  return (kind === 'mariadb' ? openMariadbStore : openPostgresStore)(connection, { tables, ...pool });
}

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
