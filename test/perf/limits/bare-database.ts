// The databases alone: the rows of a port create, written by prepared statements, with each database's way to share a flush among commits.
import { DatabaseSync } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';
import { type Connection, createConnection } from 'mariadb';
import pg from 'pg';
import type { Operation } from '../bench/world.ts';
import type { PortCreate } from './record.ts';

/** Commits as a benchmark's clients ask for them. */
export interface BareDatabase extends AsyncDisposable {
  /** Clients that it serves at the same time. */
  readonly clients: number;
  readonly commit: Operation;
}

/** As the store has them, in another process than its. */
const settings = ['synchronous = FULL', 'busy_timeout = 0', 'journal_size_limit = 67108864', 'cache_size = -32768', 'temp_store = MEMORY'];

/** SQLite has one writer: what clients ask for at the same time is one transaction. */
export function bareSqlite(create: PortCreate, setsPerTransaction: number): BareDatabase {
  const db = new DatabaseSync(create.database);
  db.exec('PRAGMA journal_mode = WAL');
  for (const setting of settings) db.exec(`PRAGMA ${setting}`);
  const statements = create.texts.map(text => db.prepare(text));
  const [begin, commit] = [db.prepare('BEGIN IMMEDIATE'), db.prepare('COMMIT')];
  const one = (n: number): void => {
    for (const [i, binds] of create.rows(n).entries()) statements[i]!.run(...binds);
  };
  return {
    clients: 1,
    async commit(n) {
      await setImmediate();
      const began = performance.now();
      begin.run();
      for (let set = 0; set < setsPerTransaction; set++) one(n * setsPerTransaction + set);
      commit.run();
      return { ms: performance.now() - began, ok: true, items: setsPerTransaction };
    },
    async [Symbol.asyncDispose]() {
      db.close();
    },
  };
}

interface Writer extends AsyncDisposable {
  /** A transaction, sent as one without waiting between its statements. */
  write(rows: readonly (readonly unknown[])[]): Promise<unknown>;
}

async function bareServer(create: PortCreate, writers: readonly Writer[]): Promise<BareDatabase> {
  return {
    clients: writers.length,
    async commit(n, client) {
      const began = performance.now();
      await writers[client]!.write(create.rows(n));
      return { ms: performance.now() - began, ok: true };
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(writers.map(writer => writer[Symbol.asyncDispose]()));
    },
  };
}

interface Address {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

function addressOf(url: string): Address {
  const { hostname, port, username, password, pathname } = new URL(url.replace(/^[^:]+/, 'http'));
  return { host: hostname, port: Number(port), user: username, password: decodeURIComponent(password), database: pathname.slice(1) };
}

const insertOf = (table: string, row: Readonly<Record<string, unknown>>): string =>
  `INSERT INTO "${table}" (${Object.keys(row)
    .map(column => `"${column}"`)
    .join()}) VALUES (${Object.keys(row)
    .map(() => '?')
    .join()})`;

/** Tables as Weft has made them there. */
export async function bareMariadb(create: PortCreate, url: string, clients: number): Promise<BareDatabase> {
  const quoted = (text: string): string => text.replaceAll('"', '`');
  const texts = create.texts.map(quoted);
  const open = async (): Promise<Writer & { readonly connection: Connection }> => {
    const connection = await createConnection({ ...addressOf(url), pipelining: true, prepareCacheLength: 100 });
    return {
      connection,
      write: rows =>
        Promise.all([
          connection.query('START TRANSACTION'),
          ...texts.map((text, i) => connection.execute(text, rows[i])),
          connection.query('COMMIT'),
        ]),
      [Symbol.asyncDispose]: () => connection.end(),
    };
  };
  const writers = await Promise.all(Array.from({ length: clients }, open));
  for (const [table, row] of Object.entries(create.needed))
    await writers[0]!.connection.query(quoted(insertOf(table, row)), Object.values(row));
  return bareServer(create, writers);
}

export async function barePostgres(create: PortCreate, url: string, clients: number): Promise<BareDatabase> {
  const numbered = (text: string): string => {
    let n = 0;
    return text.replaceAll('?', () => `$${++n}`);
  };
  const texts = create.texts.map(numbered);
  const open = async (): Promise<Writer & { readonly client: pg.Client }> => {
    const client = new pg.Client({ ...addressOf(url), pipeline: true } as pg.ClientConfig);
    await client.connect();
    return {
      client,
      write: rows =>
        Promise.all([
          client.query('BEGIN'),
          ...texts.map((text, i) => client.query({ name: `w${i}`, text, values: [...rows[i]!] })),
          client.query('COMMIT'),
        ]),
      [Symbol.asyncDispose]: () => client.end(),
    };
  };
  const writers = await Promise.all(Array.from({ length: clients }, open));
  for (const [table, row] of Object.entries(create.needed))
    await writers[0]!.client.query(numbered(insertOf(table, row)), Object.values(row));
  return bareServer(create, writers);
}
