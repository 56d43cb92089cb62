// Weft under the names of Neutron's programs, as units and runbooks call them.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { newDatabase } from './database.ts';
import { openDatabase } from './open-database.ts';

const bin = join(import.meta.dirname, '../../bin');

describe("Neutron's names", () => {
  let folder: string;
  let config: string;
  let url: string;
  let server: ChildProcess | undefined;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'weft-names-'));
    url = await newDatabase(folder);
    config = join(folder, 'neutron.conf');
    writeFileSync(config, `[DEFAULT]\nhost = network-1\n[database]\nconnection = ${url}\n`);
  });
  after(async () => {
    if (server?.exitCode === null) {
      const ended = once(server, 'exit');
      server.kill('SIGTERM');
      await ended;
    }
    rmSync(folder, { recursive: true, force: true });
  });

  const run = (program: string, ...argv: string[]) => {
    const { status, stdout, stderr } = spawnSync(join(bin, program), ['--config-file', config, ...argv], { encoding: 'utf8' });
    return { status, stdout, stderr };
  };

  test('neutron-db-manage makes the schema, and says what there is', () => {
    assert.equal(run('neutron-db-manage', 'check').status, 1);
    assert.match(run('neutron-db-manage', 'upgrade', '--contract').stdout, /nothing to do/);
    const done = run('neutron-db-manage', '--subproject', 'neutron', 'upgrade', 'heads');
    assert.deepEqual([done.status, done.stderr], [0, '']);
    assert.match(done.stdout, /\+ table networks/);
    assert.equal(run('neutron-db-manage', 'check').status, 0);
    const [current, heads] = [run('neutron-db-manage', 'current').stdout, run('neutron-db-manage', 'heads').stdout];
    assert.ok(current.includes(`${heads.split('\n')[0]}  `) && current.includes('(head)'), `${current} ${heads}`);
    const none = run('neutron-db-manage', 'has_offline_migrations');
    assert.deepEqual([none.status, none.stdout.startsWith('no offline migrations pending')], [0, true]);
    const wrong = run('neutron-db-manage', 'downgrade', '0001');
    assert.deepEqual([wrong.status, wrong.stdout], [2, '']);
    assert.match(wrong.stderr, /^neutron-db-manage: there is no way back/);
  });

  test('neutron-status looks at configuration, database, policy and agents', async () => {
    const fine = run('neutron-status', 'upgrade', 'check', '--state-dir', folder);
    assert.equal(fine.status, 0, fine.stdout);
    assert.match(fine.stdout, /\| Check: Agents +\|\n\| Result: Success +\|\n\| Details: None +\|/);
    const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
    await using store = await openDatabase(url);
    const agent = (id: string, agent_type: string, host: string) => ({
      ...{ id, agent_type, host, binary: 'x', topic: 'N/A', admin_state_up: true, alive: true },
      ...{ created_at: now, started_at: now, heartbeat_timestamp: now, configurations: {}, resource_versions: {}, description: '' },
    });
    const { agents } = Object.fromEntries((await import('../../src/model/registry.ts')).allTables.map(def => [def.name, def]));
    for (const row of [agent('a', 'Linux bridge agent', 'h1'), agent('b', 'NIC Switch agent', 'h2')]) {
      const known = Object.fromEntries(Object.entries(row).filter(([name]) => name in agents!.columns));
      assert.ok((await store.commit({ ops: [{ op: 'insert', table: 'agents', row: known }] })).done);
    }
    const unserved = run('neutron-status', 'upgrade', 'check', '--json', '--state-dir', folder);
    assert.equal(unserved.status, 2, unserved.stdout);
    const { checks } = JSON.parse(unserved.stdout) as { checks: { check: string; result: number; details: string | null }[] };
    assert.deepEqual(
      checks.find(each => each.check === 'Agents'),
      { check: 'Agents', result: 2, details: 'NIC Switch agent on h2: no part of this server serves it' },
    );
    assert.deepEqual(
      checks.filter(each => each.result === 0).map(each => each.check),
      ['Configuration', 'Database schema', 'Policy files'],
    );
  });

  test('neutron-server by a link elsewhere, with the options of a unit', async () => {
    const link = join(folder, 'neutron-server');
    symlinkSync(join(bin, 'neutron-server'), link);
    const argv = ['--config-file', config, '--log-file', '/dev/null', '--state_path', join(folder, 'state'), '--listen', '127.0.0.1:0'];
    server = spawn(link, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
    const said: string[] = [];
    const ready = new Promise<string>((resolve, reject) => {
      createInterface({ input: server!.stdout! }).on('line', line => {
        said.push(line);
        const at = /^ready: API (\S+?),/.exec(line)?.[1];
        if (at) resolve(at);
      });
      server!.on('exit', () => reject(new Error(said.join('\n'))));
    });
    createInterface({ input: server.stderr! }).on('line', line => said.push(line));
    const versions = (await (await fetch(await ready)).json()) as { versions: { id: string }[] };
    assert.equal(versions.versions[0]?.id, 'v2.0');
    assert.ok(said.includes('neutron-server: --log-file has no effect: logs are files in the state directory'), said.join('\n'));
  });
});
