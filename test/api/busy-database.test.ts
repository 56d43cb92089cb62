// Commits that are in one another's way on a database server: tried again, and answered when the patience is over.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openMariadbStore } from '../../src/adapters/store-sql/mariadb/open.ts';
import { openPostgresStore } from '../../src/adapters/store-sql/postgres/open.ts';
import { type Op, type Store, StoreBusy } from '../../src/contracts/store.ts';
import { allTables as tables } from '../../src/model/registry.ts';
import { type Api, type Body, client } from './client.ts';
import { databaseServer, newDatabase } from './database.ts';
import { type Way, wayTo } from './held-commit.ts';
import { openDatabase } from './open-database.ts';
import { serveOver } from './wiring.ts';

const engine = process.env['WEFT_TEST_STORE'];
const patienceMs = 1500;
const opens = { mariadb: openMariadbStore, postgres: openPostgresStore };
// On SQLite others are waited for by the same patience: src/adapters/store-sql/sqlite/group-commit.test.ts.
const onServers = engine === 'mariadb' || engine === 'postgres' ? describe : () => {};

/** Of this database, as the server counts them. */
const deadlocks: Readonly<Record<string, (database: string) => string>> = {
  mariadb: () => "SELECT variable_value FROM information_schema.global_status WHERE variable_name = 'Innodb_deadlocks';",
  postgres: name => `SELECT pg_stat_clear_snapshot(); SELECT deadlocks FROM pg_stat_database WHERE datname = '${name}';`,
};

onServers('a database that others keep busy', () => {
  const stack = new AsyncDisposableStack();
  let url: string;
  let way: Way;
  let hasty: Store;
  let member: Api;
  let hastily: Api;

  before(async () => {
    const dir = await mkdtemp(join(tmpdir(), 'weft-busy-'));
    stack.defer(() => rm(dir, { recursive: true, force: true }));
    url = await newDatabase(dir);
    way = stack.use(await wayTo(url));
    const store = stack.use(await openDatabase(way.url));
    hasty = stack.use(await opens[engine as keyof typeof opens](url, { tables, patienceMs }));
    [member, hastily] = [client(stack.use(await serveOver(store)).url, 'member'), client(stack.use(await serveOver(hasty)).url, 'member')];
  });
  after(() => stack.disposeAsync());

  test('a request whose commit cannot be done within the patience is a 503, and nothing of it is written', async () => {
    const net = await member.make('networks', 'network', { name: 'before' });
    const put = (api: Api, name: string) => api.request('PUT', `networks/${net.id}`, { network: { name } });
    const held = way.hold({ locked: true });
    const first = put(member, 'first');
    await held.reached;
    const since = performance.now();
    const second = await put(hastily, 'second');
    const took = performance.now() - since;
    assert.equal(second.status, 503);
    const { type, message } = second.body.NeutronError as Body;
    assert.deepEqual([type, message], ['HTTPServiceUnavailable', 'The database is busy or unavailable; try again.']);
    assert.ok(took >= patienceMs, `${took} ms`);
    held.release();
    assert.equal((await first).status, 200);
    assert.equal(((await hastily.request('GET', `networks/${net.id}`)).body.network as Body).name, 'first');
    assert.equal((await put(hastily, 'second')).status, 200);
  });

  test('deadlocks are taken back and done again: none is lost, none is done twice', async () => {
    const server = await databaseServer();
    const count = async (): Promise<number> =>
      Number((await server!.admin(deadlocks[engine!]!(new URL(url).pathname.slice(1)), url)).trim().split('\n').at(-1));
    const usage = (resource: string): Op => ({ op: 'insert', table: 'quota_usages', row: { project_id: 'p', resource, in_use: 0 } });
    assert.ok((await hasty.commit({ ops: [usage('a'), usage('b')] })).done);
    const bump = (resource: string): Op => ({
      op: 'update',
      table: 'quota_usages',
      where: { and: [{ eq: ['project_id', 'p'] }, { eq: ['resource', resource] }] },
      bump: { in_use: 1 },
      expect: 1,
    });
    const before = await count();
    let done = 0;
    // Each pair takes the rows the other way round. Whoever has had no luck for all of the patience says so.
    for (let round = 0; round < 40 && (round < 5 || (await count()) === before); round++) {
      const pairs = Array.from({ length: 12 }, (_, i) =>
        hasty.commit({ ops: i % 2 === 0 ? [bump('a'), bump('b')] : [bump('b'), bump('a')] }),
      );
      for (const result of await Promise.allSettled(pairs)) {
        if (result.status === 'fulfilled') done += result.value.done ? 1 : 0;
        else assert.ok(result.reason instanceof StoreBusy, String(result.reason));
      }
    }
    const rows = await hasty.select({ table: 'quota_usages', where: { eq: ['project_id', 'p'] } });
    assert.deepEqual(
      rows.map(row => row.in_use),
      [done, done],
    );
    assert.ok((await count()) > before, 'there were deadlocks');
  });
});
