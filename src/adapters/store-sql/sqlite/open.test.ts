// What opening does to a file: makes it, extends it, or refuses it and leaves it as it was.
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { SchemaRefused } from '../../../contracts/store.ts';
import type { ColumnDef, TableDef } from '../../../model/kit/table.ts';
import { openSqliteStore } from './open.ts';

const networks = (columns: Record<string, ColumnDef> = {}, more: Partial<TableDef> = {}): TableDef => ({
  name: 'networks',
  columns: { id: { type: 'text' }, name: { type: 'text', nullable: true }, ...columns },
  primaryKey: ['id'],
  ...more,
});
const ports: TableDef = { name: 'ports', columns: { id: { type: 'text' } }, primaryKey: ['id'] };

function place(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'weft-open-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, 'state.db');
}

async function make(path: string, tables: readonly TableDef[], schemaVersion = 1, rows: readonly string[] = ['n1', 'n2']): Promise<void> {
  await using store = await openSqliteStore(path, { tables, schemaVersion });
  await store.commit({ ops: rows.map(id => ({ op: 'insert', table: 'networks', row: { id, name: 'same' } })) });
}

function edit(path: string, sql: string): void {
  const db = new DatabaseSync(path);
  db.exec(sql);
  db.close();
}

/** Refused with such a message, and the file is byte for byte what it was. */
async function refused(path: string, tables: readonly TableDef[], message: RegExp, schemaVersion = 1): Promise<void> {
  const before = readFileSync(path);
  await assert.rejects(openSqliteStore(path, { tables, schemaVersion }), (error: Error) => {
    assert.ok(error instanceof SchemaRefused, String(error));
    assert.match(error.message, message);
    assert.ok(error.message.includes(path), 'names the file');
    return true;
  });
  assert.ok(before.equals(readFileSync(path)), 'the file is as it was');
}

test('a new file is for its owner alone and durable to the last commit', async t => {
  const path = place(t);
  await using _store = await openSqliteStore(path, { tables: [networks()] });
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(statSync(`${path}-wal`).mode & 0o777, 0o600);
});

test('in memory', async () => {
  await using one = await openSqliteStore(':memory:', { tables: [networks()] });
  await using two = await openSqliteStore(':memory:', { tables: [networks()] });
  assert.ok((await one.commit({ ops: [{ op: 'insert', table: 'networks', row: { id: 'a' } }] })).done);
  assert.deepEqual(await one.select({ table: 'networks' }), [{ id: 'a', name: null }]);
  assert.deepEqual(await two.select({ table: 'networks' }), []);
});

test('an older schema is extended, and its rows get the fill', async t => {
  const path = place(t);
  await make(path, [networks({}, { indexes: [['name']] })]);
  const wider = networks(
    { mtu: { type: 'int', fill: 1500 }, tags: { type: 'json', fill: ['old'] }, up: { type: 'bool', nullable: true } },
    { indexes: [['mtu', 'id']], unique: [['id', 'mtu']] },
  );
  for (const schemaVersion of [2, 2]) {
    await using store = await openSqliteStore(path, { tables: [wider, ports], schemaVersion });
    assert.deepEqual(await store.get('networks', { id: 'n1' }), { id: 'n1', name: 'same', mtu: 1500, tags: ['old'], up: null });
    assert.equal(await store.count('ports'), 0);
  }
  const db = new DatabaseSync(path);
  const names = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY name").all();
  db.close();
  assert.deepEqual(
    names.map(row => row['name']),
    ['ix__networks__mtu__id', 'uq__networks__id__mtu'],
  );
});

test('an older program goes on with what a newer one has added, unless its rows may collide in it', async t => {
  const path = place(t);
  await make(path, [networks()], 1, ['n1']);
  const wider = networks({ mtu: { type: 'int', fill: 1 }, shade: { type: 'text', nullable: true } }, { unique: [['id', 'shade']] });
  await make(path, [wider, ports], 1, ['n2']);
  await make(path, [networks({ size: { type: 'int', fill: 3 } })], 1, ['n3']);
  {
    await using both = await openSqliteStore(path, { tables: [wider, ports] });
    assert.deepEqual(await both.get('networks', { id: 'n3' }), { id: 'n3', name: 'same', mtu: 1, shade: null });
  }
  await make(path, [networks({ level: { type: 'int', fill: 1 } }, { unique: [['id', 'level']] })], 1, ['n4']);
  await refused(path, [networks()], /newer Weft \(networks \(unique id, level\) is new, and rows of an earlier program may collide in it;/);
});

test('who may not extend refuses what would have to be, and opens what needs nothing', async t => {
  const path = place(t);
  writeFileSync(path, '');
  const opened = (tables: readonly TableDef[]) => openSqliteStore(path, { tables, extend: false });
  await assert.rejects(opened([networks()]), /has to be upgraded first \(it is empty\)/);
  await make(path, [networks()]);
  await (await opened([networks()]))[Symbol.asyncDispose]();
  await assert.rejects(opened([networks({ mtu: { type: 'int', fill: 1 } }), ports]), /it lacks table ports, column networks\.mtu/);
});

test('a newer version is refused', async t => {
  const path = place(t);
  await make(path, [networks()], 3);
  await refused(path, [networks()], /newer Weft \(schema version 3; this one knows schema version 2\)/, 2);
  await make(path, [networks()], 3, ['n3']);
});

test('what a newer program gave up is left alone, and its name stays taken', async t => {
  const path = place(t);
  await make(path, [networks({ old: { type: 'text', fill: 'x' } }), ports]);
  await make(path, [networks()], 2, ['n3']);
  await make(path, [networks()], 2, ['n4']);
  await refused(path, [networks({ old: { type: 'int', fill: 1 } })], /networks\.old is there already/, 3);
  await refused(path, [networks(), ports], /ports\.id is there already/, 3);
});

test('changes that adding cannot make are refused', async t => {
  const path = place(t);
  await make(path, [networks({ mtu: { type: 'int', fill: 1 } })]);
  await refused(path, [networks({ mtu: { type: 'text', fill: '' } })], /networks\.mtu was int and is now text/, 2);
  await refused(path, [networks({ mtu: { type: 'int', fill: 1 }, vni: { type: 'int' } })], /networks\.vni is new/, 2);
  await refused(path, [networks({}, { unique: [['name']] })], /rows of networks collide in name/, 2);
});

test('a failed extension leaves the older schema in use', async t => {
  const path = place(t);
  await make(path, [networks()]);
  await refused(path, [ports, networks({ mtu: { type: 'int', fill: 1 } }, { unique: [['name']] })], /collide/, 2);
  await make(path, [networks()], 1, ['n3']);
});

test('what is no Weft database is refused', async t => {
  const path = place(t);
  writeFileSync(path, 'not a database, but text\n'.repeat(200));
  await refused(path, [networks()], /is not a database/);
  rmSync(path);
  edit(path, 'CREATE TABLE cats (name TEXT); CREATE TABLE dogs (name TEXT)');
  await refused(path, [networks()], /of another program \(its tables: cats, dogs\)/);
  rmSync(path);
  edit(path, 'CREATE TABLE schema_meta (key TEXT, value TEXT)');
  await refused(path, [networks()], /of another program/);
  rmSync(path);
  edit(path, 'PRAGMA application_id = 7');
  await refused(path, [networks()], /its header names another program/);
});

test('a damaged database is refused', async t => {
  const path = place(t);
  const rows = Array.from({ length: 3000 }, (_, i) => `network-${i}`);
  const anew = async () => {
    rmSync(path, { force: true });
    await make(path, [networks({}, { indexes: [['name']] })], 1, rows);
  };
  await anew();
  truncateSync(path, statSync(path).size - 8192);
  await refused(path, [networks()], /damaged database/);
  await anew();
  const bytes = readFileSync(path);
  bytes.fill(0x5a, bytes.length / 2, bytes.length / 2 + 4096);
  writeFileSync(path, bytes);
  await refused(path, [networks()], /damaged database/);
  await anew();
  edit(path, 'DROP TABLE networks');
  await refused(path, [networks({}, { indexes: [['name']] })], /damaged database \(networks\.id is missing\)/);
  await anew();
  edit(path, "UPDATE schema_meta SET value = '[]' WHERE key = 'tables'");
  await refused(path, [networks()], /does not fit its fingerprint/);
  await anew();
  edit(path, "DELETE FROM schema_meta WHERE key = 'version'");
  await refused(path, [networks()], /names no version/);
});

test('an empty file is a new one; a place that cannot be is an error that names it', async t => {
  const path = place(t);
  writeFileSync(path, '');
  await make(path, [networks()]);
  await assert.rejects(openSqliteStore(join(path, 'x.db'), { tables: [] }), /cannot open .*x\.db/);
  await assert.rejects(openSqliteStore(join(path, '..'), { tables: [] }), /cannot open/);
});

test('processes that open a new or an older file at once all find it ready', async t => {
  const path = place(t);
  const module = import.meta.resolve('./open.ts');
  const open = async (version: number) => {
    const code = `const { openSqliteStore } = await import(${JSON.stringify(module)});
      const columns = Object.fromEntries(Array.from({ length: ${version} }, (_, i) => ['c' + i, { type: 'int', fill: i }]));
      const tables = Array.from({ length: 20 }, (_, i) => ({ name: 't' + i, columns: { id: { type: 'text' }, ...columns }, primaryKey: ['id'] }));
      const store = await openSqliteStore(${JSON.stringify(path)}, { tables, schemaVersion: ${version} });
      const done = await store.commit({ ops: [{ op: 'insert', table: 't19', row: { id: process.pid + '-${version}' } }] });
      await store[Symbol.asyncDispose]();
      process.exit(done.done ? 0 : 1);`;
    const script = join(path, '..', `open-${version}.mjs`);
    writeFileSync(script, code);
    const { NODE_TEST_CONTEXT: _test, ...env } = process.env;
    const [exit] = await once(fork(script, [], { env, execArgv: ['--disable-warning=ExperimentalWarning'] }), 'exit');
    assert.equal(exit, 0);
  };
  for (const version of [1, 2]) await Promise.all(Array.from({ length: 4 }, () => open(version)));
  const db = new DatabaseSync(path);
  assert.equal(db.prepare('SELECT count(*) AS n FROM t19 WHERE c0 = 0 AND c1 = 1').get()!['n'], 8);
  db.close();
});
