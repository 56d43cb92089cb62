// Opens a SQLite file as a store: looks at what it is, makes its schema fit, and only then lets anybody in.
import { closeSync, openSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Store, StoreOptions } from '../../../contracts/store.ts';
import type { Clock } from '../../../engine/clock.ts';
import { type SchemaOptions, wantedOf } from '../common/state.ts';
import { compileTables } from '../common/tables.ts';
import { whileBusy } from './busy.ts';
import { Connection } from './connection.ts';
import { sqliteDialect } from './dialect.ts';
import { inspectFile, settleSchema } from './schema.ts';
import { SqliteStore } from './store.ts';

export interface SqliteStoreOptions extends StoreOptions, SchemaOptions {
  /** For leases and the times of the outbox. */
  readonly clock?: Pick<Clock, 'now'>;
  /** How long to try while another process holds the lock. 5000 unless told. */
  readonly patienceMs?: number;
  /** Prepared statements to keep. 500 unless told. */
  readonly statementCache?: number;
}

// FULL: a commit that was answered survives the loss of power. The WAL is cut back after a burst.
const settings = ['synchronous = FULL', 'busy_timeout = 0', 'journal_size_limit = 67108864', 'cache_size = -32768', 'temp_store = MEMORY'];

/**
 * `path` may be `:memory:`. Throws SchemaRefused, having changed nothing, when the file is damaged, not Weft's, or newer than
 * this program; StoreBusy when another process holds it for too long.
 */
export async function openSqliteStore(path: string, options: SqliteStoreOptions): Promise<Store> {
  const { clock = Date, patienceMs = 5000, statementCache = 500, tables: defs } = options;
  const tables = compileTables(sqliteDialect, defs);
  const wanted = wantedOf({ path: path === ':memory:' ? path : resolve(path), choice: 'path' }, defs, options);
  if (wanted.path !== ':memory:') createPrivately(wanted.path);
  const connection = new Connection(wanted.path, statementCache);
  try {
    await whileBusy(() => inspectFile(connection, wanted), patienceMs);
    await whileBusy(() => configure(connection, wanted.path), patienceMs);
    await whileBusy(() => settleSchema(connection, wanted), patienceMs);
  } catch (error) {
    connection.close();
    throw error;
  }
  return new SqliteStore(connection, { dialect: sqliteDialect, tables }, clock, patienceMs);
}

/** For its owner alone; the WAL inherits the mode. */
function createPrivately(path: string): void {
  try {
    closeSync(openSync(path, 'a', 0o600));
  } catch (cause) {
    throw new Error(`store: cannot open ${path}: ${(cause as Error).message}`, { cause });
  }
}

function configure(connection: Connection, path: string): void {
  const mode = connection.first({ text: 'PRAGMA journal_mode = WAL', binds: [] })?.[0];
  if (mode !== 'wal' && path !== ':memory:') throw new Error(`store: ${path} cannot use a write-ahead log (journal mode ${mode})`);
  for (const setting of settings) connection.db.exec(`PRAGMA ${setting}`);
}
