// Records what a port create of a real server's writes.
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { sqliteFile } from '../../../src/main/store.ts';
import { Api } from '../bench/client.ts';
import { startWeft } from '../bench/servers.ts';
import { type Bind, portCreateOf, type Recorded, rowsLike } from './rows.ts';

export interface PortCreate extends Disposable {
  /** The statements, as SQLite has them. */
  readonly texts: readonly string[];
  /** Their values for the n-th create. */
  readonly rows: (n: number) => Bind[][];
  /** A database of Weft's in which they can be written again. */
  readonly database: string;
  /** The rows that they change and do not make, by table. */
  readonly needed: Readonly<Record<string, Readonly<Record<string, Bind>>>>;
}

/** Until the server is done with the one before. */
const pauseMs = 500;
const mostTries = 10;
const recorder = join(import.meta.dirname, 'recorder.ts');

export async function recordPortCreate(signal: AbortSignal): Promise<PortCreate> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-record-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    const file = join(folder, 'statements');
    const url = pathToFileURL(recorder);
    url.searchParams.set('into', file);
    await using server = await startWeft({ name: 'recorded', config: '', beside: [], nodeOptions: [`--import=${url.href}`] }, signal);
    using api = new Api(server.target, 1);
    const project_id = await aProject(api);
    const network = await made(api, 'networks', 'network', { project_id });
    await made(api, 'subnets', 'subnet', { project_id, network_id: network, ip_version: 4, cidr: '10.0.0.0/8' });
    const port = async (): Promise<Recorded[]> => {
      const before = linesOf(file).length;
      await made(api, 'ports', 'port', { project_id, network_id: network, name: 'port' });
      const all = portCreateOf(linesOf(file).slice(before));
      if (!all) throw new Error('a port was made, and no transaction was seen');
      return all;
    };
    // The first one makes what a project has once.
    await port();
    const [one, other] = await twoAlike(port, signal);
    const state = join(folder, 'state');
    cpSync(server.folder, state, { recursive: true, filter: path => !/\.(sock|lock)$/.test(path) });
    const database = join(state, sqliteFile);
    return {
      texts: one.map(({ text }) => text),
      rows: rowsLike(one, other),
      database,
      needed: { quota_usages: rowOf(database, 'quota_usages', { project_id, resource: 'port' }) },
      [Symbol.dispose]: remove,
    };
  } catch (error) {
    remove();
    throw error;
  }
}

/** A transaction may carry what else is to be written at that moment, such as what a reader of the outbox has done: two that carry nothing are alike. */
async function twoAlike(record: () => Promise<Recorded[]>, signal: AbortSignal): Promise<readonly [Recorded[], Recorded[]]> {
  const seen = new Map<string, Recorded[]>();
  for (let tries = 0; tries < mostTries; tries++) {
    await sleep(pauseMs, undefined, { signal });
    const one = await record();
    const texts = one.map(({ text }) => text).join('\n');
    const before = seen.get(texts);
    if (before) return [before, one];
    seen.set(texts, one);
  }
  throw new Error(`of ${mostTries} port creates no two wrote the same statements`);
}

/** One whose quota is no limit. */
async function aProject(api: Api): Promise<string> {
  const project = crypto.randomUUID().replaceAll('-', '');
  await api.must(0, 200, 'PUT', `quotas/${project}`, { quota: { port: 100_000_000 } });
  return project;
}

async function made(api: Api, path: string, key: string, fields: object): Promise<string> {
  return ((await api.must(0, 201, 'POST', path, { [key]: fields }))[key] as { id: string }).id;
}

function linesOf(file: string): Recorded[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter(line => line !== '').map(line => JSON.parse(line) as Recorded);
}

function rowOf(database: string, table: string, where: Readonly<Record<string, string>>): Record<string, Bind> {
  using db = new DatabaseSync(database, { readOnly: true });
  const condition = Object.keys(where).map(column => `"${column}" = ?`);
  const row = db.prepare(`SELECT * FROM "${table}" WHERE ${condition.join(' AND ')}`).get(...Object.values(where));
  if (!row) throw new Error(`${table} has no row of what was recorded`);
  return { ...row } as Record<string, Bind>;
}
