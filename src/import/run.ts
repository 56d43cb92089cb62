// An import from beginning to end: look at everything, refuse or write it, tell what was done. The source is read twice, as it was at one
// moment: once to know that all of it is understood, and once to write it.
import type { Snapshot } from '../contracts/snapshot.ts';
import type { Store } from '../contracts/store.ts';
import type { Resource } from '../model/kit/resource.ts';
import type { TableDef } from '../model/kit/table.ts';
import { checkColumns, checkReferences, checkRevision, checkTables, mostNamed, readTables } from './check.ts';
import { type Batch, type Broken, type Reading, readAll } from './read.ts';
import type { ImportReport, TableReport } from './report.ts';
import { derived, mappings } from './tables/all.ts';
import { Tally } from './tally.ts';
import { Target, TargetRefused } from './target.ts';

export interface ImportJob {
  readonly snapshot: Snapshot;
  readonly store: Store;
  /** Its name, for the report. */
  readonly target: string;
  readonly tables: readonly TableDef[];
  readonly resources: readonly Resource[];
  readonly leaveOut: readonly string[];
  readonly dryRun: boolean;
  /** ISO 8601: when the snapshot was taken. */
  readonly at: string;
  readonly progress: (line: string) => void;
}

export async function runImport(job: ImportJob): Promise<ImportReport> {
  const { snapshot, store, dryRun, progress } = job;
  const defs = new Map(job.tables.map(def => [def.name, def]));
  const reading: Reading = { snapshot, tables: await snapshot.tables(), defs };
  const target = new Target(store, job.tables);
  const found = await understand(job, reading, target);
  const report = { source: snapshot.shown, target: job.target, at: job.at, ...found };
  if (found.refusals.length > 0 || dryRun)
    return { ...report, outcome: found.refusals.length > 0 ? 'refused' : 'dry run', changed: await changes(snapshot) };
  progress('everything is understood; writing');
  const wrong = await write(job, reading, target).catch(unfinished);
  const changed = await changes(snapshot);
  return wrong === undefined ? { ...report, outcome: 'written', changed } : { ...report, outcome: 'refused', refusals: [wrong], changed };
}

function unfinished(error: unknown): never {
  if (error instanceof TargetRefused) throw error;
  const why = error instanceof Error ? error.message : String(error);
  throw new Error(`${why}. The target is not complete, and no server starts on it: import again, which begins anew`, { cause: error });
}

type Found = Pick<ImportReport, 'tables' | 'derived' | 'left_out' | 'refusals'>;

const nothing: Found = { tables: [], derived: [], left_out: [], refusals: [] };

async function understand(job: ImportJob, reading: Reading, target: Target): Promise<Found> {
  const revision = await checkRevision(reading);
  if (revision.length > 0) return { ...nothing, refusals: revision };
  const occupied = await target.occupied();
  const full = occupied.map(name => `the target is not empty: there are rows in ${name}; an import goes into a new database`);
  const known = new Set([...readTables(mappings), ...Object.keys(derived)]);
  const tables = await checkTables(reading, known, job.leaveOut);
  const columns = await checkColumns(reading, job.leaveOut);
  const refusals = [...full, ...tables.refusals, ...columns.refusals];
  // Without its columns nothing can be read.
  if (columns.refusals.some(r => r.endsWith('is missing'))) return { ...nothing, refusals };
  job.progress(`reading ${reading.snapshot.shown}`);
  const dangling = await checkReferences(reading);
  const read = await readOnce(job, reading);
  const broken = named([...dangling, ...read.broken]);
  return {
    tables: read.tables,
    derived: await derivedRows(reading),
    left_out: [...tables.leftOut, ...columns.leftOut],
    refusals: [...refusals, ...broken],
  };
}

/** Row by row, as many of each table as a person would read. */
function named(broken: readonly Broken[]): string[] {
  return [...Map.groupBy(broken, b => b.table)].flatMap(([table, list]) => [
    ...list.slice(0, mostNamed).map(({ key, reason }) => `${table}, ${key}: ${reason}`),
    ...(list.length > mostNamed ? [`${table}: ${list.length - mostNamed} more rows or more`] : []),
  ]);
}

async function readOnce({ resources }: ImportJob, reading: Reading): Promise<{ tables: TableReport[]; broken: Broken[] }> {
  const tally = new Tally(reading.defs, resources);
  const tables = new Map<string, Counting>();
  const broken: Broken[] = [];
  for await (const batch of readAll(reading, mappings)) {
    count(tables, batch);
    for (const one of batch.broken) if (broken.length < 1000) broken.push(one);
    for (const { table, row } of batch.rows) {
      const twin = tally.twin(table, row);
      if (twin && broken.length < 1000) broken.push(twin);
    }
  }
  return { tables: [...tables.values()], broken };
}

interface Counting extends TableReport {
  read: number;
  excepted: number;
  readonly written: Record<string, number>;
}

function count(tables: Map<string, Counting>, { mapping, read, excepted, rows }: Batch): void {
  const why = mapping.except?.why;
  const one: Counting = tables.get(mapping.from) ?? { table: mapping.from, read: 0, excepted: 0, written: {}, ...(why ? { why } : {}) };
  one.read += read;
  one.excepted += excepted;
  for (const { table } of rows) one.written[table] = (one.written[table] ?? 0) + 1;
  tables.set(mapping.from, one);
}

async function derivedRows({ snapshot, tables }: Reading): Promise<ImportReport['derived']> {
  const out = [];
  for (const [table, why] of Object.entries(derived)) if (tables.has(table)) out.push({ table, why, rows: await snapshot.count(table) });
  return out;
}

/** Undefined, or what kept it from being written: then all of it is taken out again. */
async function write({ resources, progress }: ImportJob, reading: Reading, target: Target): Promise<string | undefined> {
  await target.claim();
  const tally = new Tally(reading.defs, resources);
  let wrong: string | undefined;
  let last = '';
  for await (const batch of readAll(reading, mappings)) {
    if (batch.mapping.from !== last) progress(`writing ${batch.mapping.from}`);
    last = batch.mapping.from;
    for (const { table, row } of batch.rows) tally.add(table, row);
    wrong = await target.write(batch.rows);
    if (wrong !== undefined) break;
  }
  wrong ??= await target.write(tally.usageRows());
  if (wrong !== undefined) await target.clear();
  await target.release();
  return wrong;
}

/** What a server that still runs would change, by table. */
const watched: readonly (readonly [table: string, columns: readonly string[]])[] = [
  ['standardattributes', ['id', 'updated_at', 'revision_number']],
  ['agents', ['id', 'heartbeat_timestamp']],
  ['ipallocations', ['port_id', 'ip_address']],
  ['ml2_port_bindings', ['port_id', 'host', 'status']],
  ['provisioningblocks', ['standard_attr_id', 'entity']],
];

async function changes(snapshot: Snapshot): Promise<string[]> {
  const tables = await snapshot.tables();
  const out: string[] = [];
  for (const [table, columns] of watched) {
    if (!tables.has(table)) continue;
    const [then, now] = [await snapshot.fingerprint(table, columns, 'then'), await snapshot.fingerprint(table, columns, 'now')];
    if (then !== now) out.push(table);
  }
  return out;
}
