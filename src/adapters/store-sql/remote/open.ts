// Opens a database on a server as a store: its schema made to fit or refused, and only then anybody let in.
import type { Store, StoreOptions } from '../../../contracts/store.ts';
import type { Clock } from '../../../engine/clock.ts';
import { type SchemaOptions, wantedOf } from '../common/state.ts';
import { compileTables } from '../common/tables.ts';
import type { Engine } from './engine.ts';
import { joinCluster } from './fence.ts';
import { Pool, type PoolOptions, poolDefaults } from './pool.ts';
import { settleSchema } from './schema.ts';
import { RemoteStore } from './store.ts';
import { type Location, parseUrl } from './url.ts';

export interface RemoteStoreOptions extends StoreOptions, SchemaOptions, Partial<PoolOptions> {
  /** For the times of the outbox; leases go by the server's clock. */
  readonly clock?: Pick<Clock, 'now'>;
  /** How long to try while others are in the way or the server is away. 10000 unless told. */
  readonly patienceMs?: number;
  /** How long a number of the outbox may be missing before it is closed. 5000 unless told. */
  readonly gapMs?: number;
}

export interface Limits {
  readonly connectMs: number;
  readonly lockWaitMs: number;
}

/** Messages name the database without its password. */
export async function openRemoteStore(
  url: string,
  options: RemoteStoreOptions,
  make: (limits: Limits, count: () => void) => Engine,
): Promise<Store> {
  const { clock = Date, patienceMs = 10_000, gapMs = 5000 } = options;
  const location = parseUrl(url);
  const counter = { statements: 0 };
  const engine = make({ connectMs: 10_000, lockWaitMs: Math.min(5000, patienceMs) }, () => void counter.statements++);
  const compiler = { dialect: engine.dialect, tables: compileTables(engine.dialect, options.tables) };
  const pool = new Pool(location, poolOptions(options), node => engine.connect(location, node));
  try {
    const wanted = wantedOf({ path: location.shown, choice: 'database' }, options.tables, options);
    await pool.with(async session => {
      await settleSchema(engine, session, wanted);
      await joinCluster(engine, session);
    });
  } catch (error) {
    await pool.close();
    throw unreachable(engine, location, error);
  }
  return new RemoteStore(engine, pool, compiler, counter, { clock, patienceMs, gapMs });
}

function poolOptions(given: Partial<PoolOptions>): PoolOptions {
  const entries = Object.keys(poolDefaults).map(name => [
    name,
    given[name as keyof PoolOptions] ?? poolDefaults[name as keyof PoolOptions],
  ]);
  return Object.fromEntries(entries) as unknown as PoolOptions;
}

export function unreachable(engine: Engine, { shown }: Location, cause: unknown): unknown {
  if (engine.trouble(cause) !== 'lost') return cause;
  return new Error(`store: cannot reach ${shown}: ${(cause as Error).message}`, { cause });
}
