// Questions about the database's schema, and its upgrade, as "weft db" asks for them.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Inspection, SchemaDesk } from '../../adapters/store-sql/common/inspect.ts';
import { diffSchemas } from '../../adapters/store-sql/common/schema.ts';
import { inWords } from '../../adapters/store-sql/common/state.ts';
import { mariadbDesk } from '../../adapters/store-sql/mariadb/open.ts';
import { postgresDesk } from '../../adapters/store-sql/postgres/open.ts';
import { parseUrl } from '../../adapters/store-sql/remote/url.ts';
import { sqliteDesk } from '../../adapters/store-sql/sqlite/inspect.ts';
import { Failure } from '../../cli/verb.ts';
import type { DatabaseDesk, DatabasePlace, HistoryEntry } from '../../cli/verbs/db.ts';
import { type Revision, tablesOf } from '../../model/kit/revision.ts';
import { allTables } from '../../model/registry.ts';
import { readServerOptions } from '../config/server-options.ts';
import { sqliteFile, type Version } from '../store.ts';
import { history } from './history.ts';
import { program } from './program.ts';

export const databaseDesk: DatabaseDesk = {
  history: async () => history().map((revision, i) => entryOf(history().slice(0, i), revision)),
  inspect: place => inUsersWords(() => deskOf(whereIs(place)).inspect()),
  upgrade: (place, revision) =>
    inUsersWords(async () => {
      const where = whereIs(place);
      const desk = deskOf(where, revision);
      const before: Inspection = await desk.inspect();
      if (before.refusal !== undefined) throw new Failure(before.refusal);
      if (where.connection === '') mkdirSync(where.stateDir, { recursive: true, mode: 0o700 });
      const putBack = await desk.upgrade();
      return { before, after: await desk.inspect(), putBack };
    }),
};

function entryOf(before: readonly Revision[], { id, name, adds }: Revision): HistoryEntry {
  const tables = tablesOf(before);
  return { id, name, adds: inWords(diffSchemas(tables, tablesOf([{ adds: tables }, { adds }]))) };
}

interface Where {
  /** Empty: the file in the state directory. */
  readonly connection: string;
  readonly stateDir: string;
}

export function whereIs({ configSources, connection, stateDir, folder }: DatabasePlace): Where {
  if (configSources.length === 0) return { connection: connection ?? '', stateDir: folder.path };
  const { config, process } = readServerOptions(configSources, { stateDir, defaultStateDir: folder.path });
  return { connection: connection ?? config.database.connection, stateDir: process.statePath ?? folder.path };
}

export function deskOf({ connection, stateDir }: Where, until?: string): SchemaDesk {
  const revisions = until === undefined ? history() : upTo(until);
  const version = { tables: until === undefined ? allTables : tablesOf(revisions), revisions, program: program() };
  if (connection === '') return sqliteDesk(join(stateDir, sqliteFile), version.tables, version);
  return deskFor(connection, version);
}

/** `connection` as `[database] connection` names it. */
export function deskFor(connection: string, { tables, ...options }: Version): SchemaDesk {
  const { kind, database } = parseUrl(connection);
  if (kind === 'sqlite') return sqliteDesk(database, tables, options);
  return (kind === 'mariadb' ? mariadbDesk : postgresDesk)(connection, tables, options);
}

function upTo(wanted: string): readonly Revision[] {
  const all = history();
  const at = all.findIndex(({ id, name }) => id === wanted || name === wanted || name.split('-')[0] === wanted);
  if (at < 0) throw new Failure(`there is no revision ${JSON.stringify(wanted)}; "weft db history" lists them`);
  return all.slice(0, at + 1);
}

async function inUsersWords<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new Failure(error instanceof Error ? error.message : String(error));
  }
}
