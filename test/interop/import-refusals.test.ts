// What an import refuses, that nothing is written then, and that one which was killed begins anew. The source is Neutron's own schema.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { mariadbMissing, startMariadb } from '../../src/contracts/store-suite/servers/mariadb.ts';
import type { DatabaseServer } from '../../src/contracts/store-suite/servers/server.ts';
import { allTables } from '../../src/model/registry.ts';
import { start } from '../api/harness.ts';
import { databaseAt, openDatabase } from '../api/open-database.ts';
import { runToEnd } from '../conformance/daemon.ts';
import { manySql, noneOfMany, smallSql } from './import/rows.ts';
import { begin, type Done, type Running } from './import/run.ts';
import { noNeutronServer, optionFile } from './neutron-server.ts';

const skip = noNeutronServer || mariadbMissing() || false;

describe('an import', { skip, timeout: 600_000 }, () => {
  let server: DatabaseServer;
  let folder: string;
  let source: string;
  let target: string;
  let n = 0;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'weft-import-'));
    server = await startMariadb();
    const url = await server.database();
    const config = join(folder, 'neutron.conf');
    writeFileSync(config, optionFile({ DEFAULT: { core_plugin: 'ml2' }, database: { connection: url } }), { mode: 0o600 });
    runToEnd(['/usr/bin/neutron-db-manage', '--config-file', config, 'upgrade', 'head'], { cwd: folder });
    source = url;
    await server.admin(smallSql, source);
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    target = `sqlite:///${join(folder, `weft-${n++}.db`)}`;
  });

  const importing = (...words: readonly string[]): Promise<Done> => begin(['--from', source, '--connection', target, ...words]).done;
  const started = (): Running => begin(['--from', source, '--connection', target]);
  /** With something changed in the source, and changed back. */
  const changed = async (change: string, back: string, look: () => Promise<void>): Promise<void> => {
    await server.admin(change, source);
    try {
      await look();
    } finally {
      await server.admin(back, source);
    }
  };
  const rowsOf = async (): Promise<number> => {
    await using store = await openDatabase(target);
    let rows = 0;
    for (const { name } of allTables) rows += await store.count(name);
    return rows;
  };
  const refused = async (pattern: RegExp, ...words: readonly string[]): Promise<void> => {
    const done = await importing(...words);
    assert.equal(done.status, 1, done.text);
    assert.match(done.text, pattern);
    assert.match(done.text, /refused: nothing was written/);
    assert.equal(await rowsOf(), 0);
  };

  test('writes what is understood, and in a dry run nothing at all', async () => {
    const dry = await importing('--dry-run', '--json');
    assert.equal(dry.status, 0, dry.text);
    const path = target.slice('sqlite:///'.length);
    assert.equal(existsSync(path), false);
    const real = await importing('--json');
    assert.equal(real.status, 0, real.text);
    const [a, b] = [dry, real].map(d => JSON.parse(d.text) as { outcome: string; tables: unknown });
    assert.deepEqual([a!.outcome, b!.outcome], ['dry run', 'written']);
    assert.deepEqual(a!.tables, b!.tables);
    assert.ok((await rowsOf()) > 5);
    const again = await importing();
    assert.equal(again.status, 1);
    assert.match(again.text, /the target is not empty: there are rows in networks/);
  });

  test('refuses a table that it does not know, and goes on without it when told', async () => {
    await changed(
      "INSERT INTO bgp_peers (id, name, auth_type, peer_ip, remote_as) VALUES ('p', 'p', 'none', '192.0.2.1', 1), ('q', 'q', 'none', '192.0.2.2', 1)",
      'DELETE FROM bgp_peers',
      async () => {
        await refused(/bgp_peers: 2 rows of a table that the import does not know/);
        await refused(/--leave-out ports: the import reads this table/, '--leave-out', 'bgp_peers', '--leave-out', 'ports');
        const done = await importing('--leave-out', 'bgp_peers');
        assert.equal(done.status, 0, done.text);
        assert.match(done.text, /left out:\n {2}bgp_peers +2/);
      },
    );
  });

  test('refuses a column that it does not know where it has values', async () => {
    await changed('ALTER TABLE ports ADD COLUMN colour VARCHAR(9)', 'ALTER TABLE ports DROP COLUMN colour', async () => {
      assert.equal((await importing('--dry-run')).status, 0);
      await server.admin("UPDATE ports SET colour = 'red' LIMIT 1", source);
      await refused(/ports\.colour: a column that the import does not know has values \(id /);
      assert.match((await importing('--leave-out', 'ports.colour')).text, /left out:\n {2}ports\.colour +1/);
    });
  });

  test('refuses a column that is missing', () =>
    changed('ALTER TABLE subnets CHANGE in_use was_in_use BOOL', 'ALTER TABLE subnets CHANGE was_in_use in_use BOOL', () =>
      refused(/subnets\.in_use: a column of Zed is missing/),
    ));

  test('refuses other revisions, and says which', async () => {
    const set = (to: string, from: string): string => `UPDATE alembic_version SET version_num = '${to}' WHERE version_num = '${from}'`;
    await changed(set('34cf8b009713', '5881373af7f5'), set('5881373af7f5', '34cf8b009713'), () =>
      refused(/34cf8b009713 \(Yoga\).*the import knows 5881373af7f5 and 5c85685d616d, the heads of Zed/),
    );
    await changed(set('ffffffffffff', '5881373af7f5'), set('5881373af7f5', 'ffffffffffff'), () =>
      refused(/ffffffffffff \(not known: of a later release, or between two\)/),
    );
  });

  test('refuses rows that name what is not there, and rows that say nothing', async () => {
    const broken = "SET foreign_key_checks = 0; UPDATE ports SET network_id = 'gone' WHERE id = 'port-1'";
    await changed(broken, "SET foreign_key_checks = 0; UPDATE ports SET network_id = 'net-1' WHERE id = 'port-1'", () =>
      refused(/ports, id port-1: network_id gone is not in networks/),
    );
    const profile = (text: string): string => `UPDATE ml2_port_bindings SET profile = '${text}' WHERE port_id = 'port-1'`;
    await changed(profile('{broken'), profile(''), () =>
      refused(/ml2_port_bindings, port_id port-1, host node-1: profile: .* is not JSON/),
    );
    const port = (id: string): string => `UPDATE ipallocations SET port_id = ${id} WHERE ip_address = '10.0.0.5'`;
    await changed(port('NULL'), port("'port-1'"), () => refused(/ipallocations, .*10\.0\.0\.5.*: no port has the address/));
  });

  test('refuses what would have one key twice', async () => {
    const add = (id: string): string =>
      `INSERT INTO floatingips (id, floating_ip_address, floating_network_id, floating_port_id, standard_attr_id, status) VALUES ('${id}', '203.0.113.9', 'net-1', 'port-1', 9${id}, 'DOWN')`;
    const standard =
      "INSERT INTO standardattributes (id, resource_type, revision_number) VALUES (91, 'floatingips', 0), (92, 'floatingips', 0)";
    await changed(`${standard}; ${add('1')}; ${add('2')}`, 'DELETE FROM floatingips; DELETE FROM standardattributes WHERE id > 90', () =>
      refused(/floatingips, floating_network_id net-1, floating_ip_address 203\.0\.113\.9: two rows would have this key/),
    );
  });

  test('that is killed leaves what no server starts on, and begins anew', () =>
    changed(manySql(3000), noneOfMany, async () => {
      const first = started();
      await first.said('writing ml2_port_bindings');
      first.signal('SIGKILL');
      await first.done;
      await assert.rejects(start({ database: databaseAt(target) }), /an import into it is under way, or was broken off/);
      const kept = await rowsOf();
      assert.ok(kept > 3000, String(kept));
      const again = await importing();
      assert.equal(again.status, 0, again.text);
      await using h = await start({ database: databaseAt(target) });
      assert.equal(await h.server.store.count('ports'), 3001);
      assert.equal(await h.server.store.count('ip_allocations'), 3001);
      assert.deepEqual(await h.server.store.select({ table: 'beginnings', where: { startsWith: ['name', 'import'] } }), []);
    }));

  test('says what has changed in the source meanwhile', () =>
    changed(manySql(2000), noneOfMany, async () => {
      const first = started();
      await first.said('everything is understood');
      await server.admin('UPDATE standardattributes SET revision_number = revision_number + 1 WHERE id = 1', source);
      const done = await first.done;
      assert.equal(done.status, 3, done.text);
      assert.match(done.text, /changed in the source since then.*\n {2}standardattributes\nnot complete: /);
      // A trial beside a server that runs is none the worse.
      const dry = begin(['--from', source, '--connection', `${target}.dry`, '--dry-run']);
      await dry.said('reading ');
      await server.admin('UPDATE standardattributes SET revision_number = revision_number + 1 WHERE id = 1', source);
      const tried = await dry.done;
      assert.deepEqual([tried.status, /changed in the source since then/.test(tried.text)], [0, true], tried.text);
    }));

  test('never shows a password, and takes it from the environment', async () => {
    const wrong = await begin(['--from', source.replace('secret', 'wr0ng'), '--connection', target]).done;
    assert.equal(wrong.status, 1);
    assert.equal(wrong.text.includes('wr0ng'), false);
    const bare = source.replace(':secret@', '@');
    const given = await begin(['--from', bare, '--connection', target, '--dry-run'], { WEFT_IMPORT_PASSWORD: 'secret' }).done;
    assert.equal(given.status, 0, given.text);
  });
});
