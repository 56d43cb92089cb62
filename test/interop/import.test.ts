// A real neutron-server's cloud becomes one of Weft: on each engine it shows the same, and goes on being worked on.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { mariadbMissing, startMariadb } from '../../src/contracts/store-suite/servers/mariadb.ts';
import { postgresMissing, startPostgres } from '../../src/contracts/store-suite/servers/postgres.ts';
import { allTables } from '../../src/model/registry.ts';
import { start } from '../api/harness.ts';
import { wrongIn } from '../api/integrity/wrong.ts';
import { databaseAt, openDatabase } from '../api/open-database.ts';
import { openBus } from './import/agents.ts';
import { makeCloud } from './import/cloud.ts';
import { neutronClient, sameConfig, startCloudServer } from './import/cloud-server.ts';
import { compareAll, type Get, getter, remembered } from './import/compare.ts';
import { copyToPostgres } from './import/copy.ts';
import { unexplained } from './import/differences.ts';
import { deleteAll, goOn } from './import/life.ts';
import { begin } from './import/run.ts';
import { type NeutronServer, noNeutronServer, transportUrlOf } from './neutron-server.ts';
import { noRabbit, Rabbit } from './rabbit.ts';

const skip = noNeutronServer || noRabbit || mariadbMissing() || postgresMissing() || false;
const callers = ['admin', 'member', 'other'] as const;
const projects = ['b', 'c'].map(letter => letter.repeat(32));

describe('a cloud of Neutron', { skip, timeout: 1_200_000 }, () => {
  let rabbit: Rabbit;
  let neutron: NeutronServer;
  let folder: string;
  const there = new Map<string, Get>();

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weft-import-'));
    rabbit = await Rabbit.start();
    const url = transportUrlOf(rabbit);
    neutron = await startCloudServer(url, folder);
    await using bus = await openBus(url);
    const [admin, member, other] = callers.map(who => neutronClient(neutron.url, who));
    await makeCloud({ admin: admin!, member: member!, other: other!, bus });
    for (const who of callers) there.set(who, remembered(getter(neutronClient(neutron.url, who))));
  });

  after(async () => {
    await neutron?.[Symbol.asyncDispose]();
    await rabbit?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const onto = async (connection: string): Promise<void> => {
    const done = await begin(['--from', neutron.databaseUrl, '--connection', connection]).done;
    assert.equal(done.status, 0, done.text);
    assert.equal(done.text.includes('secret'), false, 'a password is in the report');
    {
      await using store = await openDatabase(connection);
      assert.deepEqual(await wrongIn(store), []);
    }
    await using h = await start({ ...sameConfig, database: databaseAt(connection) });
    for (const who of callers) {
      const found = await compareAll({ there: there.get(who)!, here: getter(h.as(who)) }, projects);
      assert.deepEqual(unexplained(found), [], who);
    }
    await goOn(h.admin, h.member);
    assert.deepEqual(await wrongIn(h.server.store), []);
    assert.deepEqual(await deleteAll(h.admin), []);
    assert.deepEqual(await wrongIn(h.server.store), []);
    const left = [
      'ports',
      'networks',
      'subnets',
      'routers',
      'ip_allocations',
      'segment_allocations',
      'port_bindings',
      'port_binding_levels',
      'tags',
    ];
    for (const table of left) assert.deepEqual(await h.server.store.select({ table }), [], table);
  };

  test('is the same on SQLite', () => onto(`sqlite:///${join(folder, 'weft.db')}`));

  test('is the same on MariaDB', async () => {
    await using server = await startMariadb();
    await onto(await server.database());
  });

  test('is the same when Neutron kept it on PostgreSQL', async () => {
    await using server = await startPostgres();
    const source = await server.database();
    await copyToPostgres(neutron.databaseUrl, server, source);
    const rows: unknown[] = [];
    for (const from of [neutron.databaseUrl, source]) {
      const connection = `sqlite:///${join(folder, `from-${rows.length}.db`)}`;
      const done = await begin(['--from', from, '--connection', connection]).done;
      assert.equal(done.status, 0, done.text);
      await using store = await openDatabase(connection);
      const tables = allTables.map(async ({ name, primaryKey }) => [
        name,
        await store.select({ table: name, order: primaryKey.map(column => [column, 'asc'] as const) }),
      ]);
      rows.push(Object.fromEntries(await Promise.all(tables)));
    }
    assert.deepEqual(rows[1], rows[0]);
  });

  test('is the same on PostgreSQL', async () => {
    await using server = await startPostgres();
    await onto(await server.database());
  });
});
