// What opening does to a database on a server: makes its schema, extends it, or refuses it and leaves it as it was.
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SchemaRefused } from '../../../contracts/store.ts';
import type { DatabaseServer } from '../../../contracts/store-suite/servers/server.ts';
import type { ColumnDef, TableDef } from '../../../model/kit/table.ts';
import type { Ground } from './place.suite.ts';

const networks = (columns: Record<string, ColumnDef> = {}, more: Partial<TableDef> = {}): TableDef => ({
  name: 'networks',
  columns: { id: { type: 'text' }, name: { type: 'text', nullable: true }, ...columns },
  primaryKey: ['id'],
  ...more,
});
const ports: TableDef = { name: 'ports', columns: { id: { type: 'text' } }, primaryKey: ['id'] };

export function openSuite(ground: Ground, server: () => Promise<DatabaseServer>): void {
  const make = async (url: string, tables: readonly TableDef[], schemaVersion = 1, rows: readonly string[] = ['n1', 'n2']) => {
    await using store = await ground.open(url, { tables, schemaVersion });
    for (const id of rows) assert.ok((await store.commit({ ops: [{ op: 'insert', table: 'networks', row: { id, name: 'same' } }] })).done);
  };
  const refused = (url: string, tables: readonly TableDef[], message: RegExp, schemaVersion = 1) =>
    assert.rejects(ground.open(url, { tables, schemaVersion }), (error: Error) => {
      assert.ok(error instanceof SchemaRefused, String(error));
      assert.match(error.message, message);
      assert.ok(error.message.includes(new URL(url).pathname) && !error.message.includes('secret'), error.message);
      return true;
    });

  test('an older schema is extended, and its rows get the fill', async () => {
    const url = await (await server()).database();
    await make(url, [networks({}, { indexes: [['id', 'name']] })]);
    const wider = networks(
      { mtu: { type: 'int', fill: 1500 }, tags: { type: 'json', fill: ['old', "it's"] }, up: { type: 'bool', nullable: true } },
      { indexes: [['mtu', 'id']], unique: [['id', 'mtu']] },
    );
    for (const schemaVersion of [2, 2]) {
      await using store = await ground.open(url, { tables: [wider, ports], schemaVersion });
      assert.deepEqual(await store.get('networks', { id: 'n1' }), { id: 'n1', name: 'same', mtu: 1500, tags: ['old', "it's"], up: null });
      assert.equal(await store.count('ports'), 0);
    }
    await make(url, [networks({ mtu: { type: 'int', fill: 1 } }), ports], 3, ['n3']);
  });

  test('a text that was in no index can be in one, and a key of four texts', async () => {
    const url = await (await server()).database();
    const texts: Record<string, ColumnDef> = {
      a: { type: 'text', fill: 'a' },
      b: { type: 'text', fill: 'b' },
      c: { type: 'text', fill: 'c' },
    };
    await make(url, [networks(texts)]);
    await make(url, [networks(texts, { indexes: [['name'], ['name', 'a', 'b', 'c']] })], 2, ['n3']);
    await refused(url, [networks(texts, { unique: [['name']] })], /rows of networks collide in name/, 3);
  });

  test('newer versions, lost names, and changes that adding cannot make are refused', async () => {
    const url = await (await server()).database();
    await make(url, [networks({ mtu: { type: 'int', fill: 1 } }), ports], 2);
    await refused(
      url,
      [networks({ mtu: { type: 'int', fill: 1 } }), ports],
      /newer Weft \(schema version 2; this one knows schema version 1\)/,
    );
    await make(url, [networks()], 2, ['n3']);
    await refused(url, [networks({ old: { type: 'int' } }), ports], /networks\.old is new, not nullable/, 2);
    await refused(url, [networks({ mtu: { type: 'text', fill: '' } }), ports], /networks\.mtu was int and is now text/, 3);
    await refused(url, [networks({ mtu: { type: 'int', fill: 1 }, vni: { type: 'int' } }), ports], /networks\.vni is new/, 3);
    await make(url, [networks()], 3, ['n4']);
    await refused(url, [networks(), ports], /ports\.id is there already/, 4);
    await make(url, [networks()], 3, ['n5']);
  });

  test('an older program goes on with what a newer one has added, unless its rows may collide in it', async () => {
    const url = await (await server()).database();
    await make(url, [networks()], 1, ['n1']);
    const wider = networks({ shade: { type: 'text', nullable: true } }, { unique: [['id', 'shade']] });
    await make(url, [wider, ports], 1, ['n2']);
    await make(url, [networks({ size: { type: 'int', fill: 3 } })], 1, ['n3']);
    await using both = await ground.open(url, { tables: [wider, ports] });
    assert.deepEqual(await both.get('networks', { id: 'n3' }), { id: 'n3', name: 'same', shade: null });
    await make(url, [networks({ level: { type: 'int', fill: 1 } }, { unique: [['id', 'level']] })], 1, ['n4']);
    await refused(
      url,
      [networks()],
      /newer Weft \(networks \(unique id, level\) is new, and rows of an earlier program may collide in it;/,
    );
  });

  test('a failed extension leaves the older schema in use, and can be gone on with', async () => {
    const url = await (await server()).database();
    await make(url, [networks()]);
    const wider = networks({ mtu: { type: 'int', fill: 1 } }, { unique: [['name']] });
    await refused(url, [ports, wider], /collide/, 2);
    await refused(url, [ports, wider], /collide/, 2);
    await make(url, [networks()], 1, ['n3']);
    await make(url, [ports, networks({ mtu: { type: 'int', fill: 1 } })], 2, ['n4']);
  });

  test('a database of another program, or a damaged one, is refused', async () => {
    const at = await server();
    const other = await at.database();
    await at.admin('CREATE TABLE cats (name INT); CREATE TABLE dogs (name INT);', other);
    await refused(other, [networks()], /of another program \(its tables: cats, dogs\)/);
    const damaged = await at.database();
    await make(damaged, [networks()]);
    await at.admin('DROP TABLE networks;', damaged);
    await refused(damaged, [networks()], /damaged database \(networks\.id is missing\)/);
    await at.admin("UPDATE schema_meta SET value = '[]' WHERE name = 'tables';", damaged);
    await refused(damaged, [networks()], /does not fit its fingerprint/);
  });

  test('a database that is not there, and a wrong password, are errors at once that do not tell the password', async () => {
    const url = await (await server()).database();
    for (const wrong of [`${url}_not`, url.replace('weft:secret', 'nobody:secret')])
      await assert.rejects(ground.open(wrong, { tables: [networks()] }), (error: Error) => {
        assert.ok(!`${error.stack}${JSON.stringify(error)}`.includes('secret'), error.stack);
        return true;
      });
  });

  test('processes that open a new or an older database at once all find it ready', async t => {
    const url = await (await server()).database();
    const folder = mkdtempSync(join(tmpdir(), 'weft-open-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const script = join(folder, 'open.mjs');
    writeFileSync(
      script,
      `const { ${ground.opens}: open } = await import(${JSON.stringify(ground.module)});
      const version = Number(process.argv[2]);
      const columns = Object.fromEntries(Array.from({ length: version }, (_, i) => ['c' + i, { type: 'int', fill: i }]));
      const tables = Array.from({ length: 8 }, (_, i) => ({ name: 't' + i, columns: { id: { type: 'text' }, ...columns }, primaryKey: ['id'] }));
      const store = await open(${JSON.stringify(url)}, { tables, schemaVersion: version });
      const { done } = await store.commit({ ops: [{ op: 'insert', table: 't7', row: { id: process.pid + '-' + version } }] });
      await store[Symbol.asyncDispose]();
      process.exit(done ? 0 : 1);`,
    );
    const { NODE_TEST_CONTEXT: _test, ...env } = process.env;
    const open = async (version: number) => {
      const [exit] = await once(fork(script, [String(version)], { env, execArgv: ['--disable-warning=ExperimentalWarning'] }), 'exit');
      assert.equal(exit, 0);
    };
    for (const version of [1, 2]) await Promise.all(Array.from({ length: 4 }, () => open(version)));
    assert.equal((await (await server()).admin('SELECT count(*) FROM t7 WHERE c0 = 0 AND c1 = 1;', url)).trim(), '8');
  });
}
