// weft db import: opens both databases and says how it went.
import { join, resolve } from 'node:path';
import { openSnapshot } from '../adapters/neutron-database/open.ts';
import { parseUrl } from '../adapters/store-sql/remote/url.ts';
import { openSqliteStore } from '../adapters/store-sql/sqlite/open.ts';
import { Failure } from '../cli/verb.ts';
import type { ImportOptions } from '../cli/verbs/import.ts';
import type { Store } from '../contracts/store.ts';
import { type ImportReport, isOutrun, reportLines } from '../import/report.ts';
import { runImport } from '../import/run.ts';
import { allTables, resources } from '../model/registry.ts';
import { defaultConfig } from '../server/context.ts';
import { databaseDesk, whereIs } from './db/desk.ts';
import { openStateFolder } from './state/folder.ts';
import { takeLock } from './state/lock.ts';
import { openStore, sqliteFile } from './store.ts';

export async function importNeutron(options: ImportOptions, out: (line: string) => void): Promise<number> {
  try {
    const report = await work(options, line => {
      if (!options.json) out(`weft: ${line}`);
    });
    if (options.json) out(JSON.stringify(report, undefined, 2));
    else for (const line of reportLines(report)) out(line);
    if (report.outcome === 'refused') return 1;
    return isOutrun(report) ? 3 : 0;
  } catch (error) {
    if (error instanceof Failure || !(error instanceof Error)) throw error;
    throw new Failure(error.message);
  }
}

async function work({ from, place, leaveOut, dryRun }: ImportOptions, progress: (line: string) => void): Promise<ImportReport> {
  const at = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
  const { connection, stateDir } = whereIs(place);
  await using snapshot = await openSnapshot(withPassword(from, process.env['WEFT_IMPORT_PASSWORD']));
  // Opening one that is not there yet would make its tables.
  const untouched = dryRun && (await databaseDesk.inspect(place)).isEmpty;
  const file = untouched || connection !== '' ? undefined : openStateFolder(stateDir, false);
  // A server on the same file would not notice.
  using _lock = file && takeLock(file.lock, 'an import', new Date());
  const database = { ...defaultConfig.database, connection, upgrade: !dryRun };
  await using store: Store = await (untouched ? openSqliteStore(':memory:', { tables: allTables }) : openStore(database, file?.path ?? ''));
  const target = connection === '' ? join(resolve(stateDir), sqliteFile) : parseUrl(connection).shown;
  // What it reads and writes is closed when this function ends.
  return await runImport({ snapshot, store, target, tables: allTables, resources, leaveOut, dryRun, at, progress });
}

/** The password of the environment where the URL has a user and none. */
function withPassword(url: string, password: string | undefined): string {
  if (password === undefined || parseUrl(url).password !== '') return url;
  return url.replace(/^([^:]+:\/\/[^:@/]+)@/, `$1:${encodeURIComponent(password)}@`);
}
