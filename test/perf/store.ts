// What the store costs beside the bare database: the same rows, the same settings, the same machine, in one run.
// Run: node_modules/.bin/node --disable-warning=ExperimentalWarning test/perf/store.ts [seconds of a round] [rounds]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { openSqliteStore } from '../../src/adapters/store-sql/sqlite/open.ts';
import type { Op, Row, Store } from '../../src/contracts/store.ts';
import type { ColumnDef, TableDef } from '../../src/model/kit/table.ts';

const seconds = Number(process.argv[2] ?? 1);
const rounds = Number(process.argv[3] ?? 7);
const rowsPerSet = 15;
const text: ColumnDef = { type: 'text' };
const table: TableDef = {
  name: 'ports',
  columns: {
    id: text,
    project_id: text,
    network_id: text,
    name: text,
    mac_address: text,
    admin_state_up: { type: 'bool' },
    status: text,
    device_id: text,
    tags: { type: 'json' },
    created_at: { type: 'time' },
    revision_number: { type: 'int' },
  },
  primaryKey: ['id'],
  unique: [['network_id', 'mac_address']],
  indexes: [['device_id'], ['project_id']],
};
const names = Object.keys(table.columns);

function port(n: number): Row {
  return {
    id: crypto.randomUUID(),
    project_id: 'a5f1e9c0b7d84f0f8a3e2c1d0b9a8f7e',
    network_id: 'b8c3d1f0-52a4-4e0e-9d5b-6f1a2b3c4d5e',
    name: `port-${n}`,
    mac_address: `fa:16:3e:${n}`,
    admin_state_up: true,
    status: 'ACTIVE',
    device_id: `device-${n % 1000}`,
    tags: ['a', 'b'],
    created_at: '2025-01-01T00:00:00Z',
    revision_number: 1,
  };
}

/** Made before the clock starts, and thrown away after: making rows is not what is measured. */
class Supply {
  private n = 0;
  readonly sets: Row[][] = [];

  fill(count: number): void {
    while (this.sets.length < count) this.sets.push(Array.from({ length: rowsPerSet }, () => port(this.n++)));
  }

  take(): Row[] {
    if (this.sets.length === 0) this.fill(100);
    return this.sets.pop()!;
  }
}

const cells = (row: Row) =>
  names.map(name => (name === 'tags' ? JSON.stringify(row[name]) : name === 'admin_state_up' ? Number(row[name]) : (row[name] as string)));

interface Bare {
  readonly db: DatabaseSync;
  readonly insert: StatementSync;
  readonly byKey: StatementSync;
}

/** The same file format, settings, tables and indexes as the store makes: it made them. */
async function bare(path: string): Promise<Bare> {
  await using _made = await openSqliteStore(path, { tables: [table] });
  const db = new DatabaseSync(path);
  for (const setting of ['synchronous = FULL', 'cache_size = -32768', 'temp_store = MEMORY', 'journal_size_limit = 67108864'])
    db.exec(`PRAGMA ${setting}`);
  const insert = db.prepare(`INSERT INTO ports (${names.map(n => `"${n}"`).join()}) VALUES (${names.map(() => '?').join()})`);
  return { db, insert, byKey: db.prepare('SELECT * FROM ports WHERE id = ?') };
}

function bareCommits({ db, insert }: Bare, setsPerTransaction: number): number {
  const supply = new Supply();
  supply.fill(3000 * seconds);
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commit = db.prepare('COMMIT');
  const start = performance.now();
  let done = 0;
  while (performance.now() - start < seconds * 1000) {
    begin.run();
    for (let i = 0; i < setsPerTransaction; i++, done++) for (const row of supply.take()) insert.run(...cells(row));
    commit.run();
  }
  return done / ((performance.now() - start) / 1000);
}

async function storeCommits(store: Store, callers: number): Promise<number> {
  const supply = new Supply();
  supply.fill(3000 * seconds);
  const start = performance.now();
  let done = 0;
  const caller = async () => {
    while (performance.now() - start < seconds * 1000) {
      const ops = supply.take().map((row): Op => ({ op: 'insert', table: 'ports', row }));
      const result = await store.commit({ ops });
      if (!result.done) throw new Error(JSON.stringify(result));
      done++;
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return done / ((performance.now() - start) / 1000);
}

function bareSelects({ byKey }: Bare, ids: readonly string[]): number {
  const start = performance.now();
  let done = 0;
  for (; performance.now() - start < seconds * 1000; done++) if (!byKey.get(ids[done % ids.length]!)) throw new Error('no row');
  return done / ((performance.now() - start) / 1000);
}

async function storeSelects(read: (id: string) => Promise<unknown>, ids: readonly string[]): Promise<number> {
  const start = performance.now();
  let done = 0;
  for (; performance.now() - start < seconds * 1000; done++) if (!(await read(ids[done % ids.length]!))) throw new Error('no row');
  return done / ((performance.now() - start) / 1000);
}

async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-perf-store-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

type Measure = (store: Store, database: Bare) => Promise<number> | number;

/** Each measurement begins with new files, so that none pays for the growth of another's. */
function fresh(measure: Measure): Promise<number> {
  return inFolder(async folder => {
    const database = await bare(join(folder, 'bare.db'));
    await using store = await openSqliteStore(join(folder, 'store.db'), { tables: [table] });
    try {
      return await measure(store, database);
    } finally {
      database.db.close();
    }
  });
}

async function filled(measure: (store: Store, database: Bare, ids: readonly string[]) => Promise<number> | number): Promise<number> {
  return fresh(async (store, database) => {
    const rows = Array.from({ length: 10_000 }, (_, n) => port(n));
    database.db.exec('BEGIN');
    for (const row of rows) database.insert.run(...cells(row));
    database.db.exec('COMMIT');
    await store.commit({ ops: rows.map((row): Op => ({ op: 'insert', table: 'ports', row })) });
    const ids = rows.map(row => row.id as string);
    return measure(store, database, ids);
  });
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

/** In turns, so that what else the machine does meets all alike; the first is what the others are measured by. */
async function compare(measurements: Readonly<Record<string, () => Promise<number>>>): Promise<void> {
  const rates = new Map<string, number[]>(Object.keys(measurements).map(what => [what, []]));
  for (let round = 0; round < rounds; round++)
    for (const [what, measure] of Object.entries(measurements)) rates.get(what)!.push(await measure());
  const limits = [...rates.values()][0]!;
  for (const [what, values] of rates) {
    const ratio = median(values.map((value, round) => value / limits[round]!));
    console.log(`| ${what} | ${Math.round(median(values)).toLocaleString('en')} | ${ratio.toFixed(2)} |`);
  }
}

console.log(`Median of ${rounds} rounds of ${seconds} s; rate per second, and ratio to the bare limit of the same round.\n`);
console.log('| what | rate | ratio |\n| --- | ---: | ---: |');
await compare({
  [`bare: ${rowsPerSet} rows in a transaction each`]: () => fresh((_, database) => bareCommits(database, 1)),
  [`store: commit of ${rowsPerSet} rows, 1 caller`]: () => fresh(store => storeCommits(store, 1)),
  [`store: commit of ${rowsPerSet} rows, 32 callers`]: () => fresh(store => storeCommits(store, 32)),
  [`bare: 32 × ${rowsPerSet} rows in a transaction`]: () => fresh((_, database) => bareCommits(database, 32)),
});
await compare({
  'bare: row by key, prepared statement': () => filled((_, database, ids) => bareSelects(database, ids)),
  'store: get by key': () => filled((store, _, ids) => storeSelects(id => store.get('ports', { id }), ids)),
  'store: select by key': () =>
    filled((store, _, ids) => storeSelects(id => store.select({ table: 'ports', where: { eq: ['id', id] } }).then(rows => rows[0]), ids)),
});
