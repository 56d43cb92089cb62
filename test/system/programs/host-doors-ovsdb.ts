// The suite of the door to Open vSwitch on the real one; started inside a sandbox by host-doors.test.ts.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openHost } from '../../../src/adapters/host/open-host.ts';
import { ovsdbContract } from '../../../src/contracts/host/ovsdb.suite.ts';
import { OvsdbAway } from '../../../src/contracts/host/ovsdb.ts';
import { until } from '../../../src/contracts/host/under-test.ts';

const folder = mkdtempSync(join(tmpdir(), 'weft-ovsdb-'));
const database = join(folder, 'conf.db');
const socket = '/run/openvswitch/db.sock';
let server: ChildProcess | undefined;
let vswitchd: ChildProcess | undefined;

function must(...argv: readonly string[]): void {
  const [file = '', ...args] = argv;
  const done = spawnSync(file, args, { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`${argv.join(' ')}: ${done.stdout}${done.stderr}${done.error ?? ''}`);
}

const at = (name: string): string => join(folder, name);

/** A key with a certificate, by the authority of that name or by itself. */
function certify(name: string, authority?: string): void {
  const request = ['-newkey', 'rsa:2048', '-nodes', '-keyout', at(`${name}.key`), '-subj', `/CN=${name}`];
  const by = authority === undefined ? [] : ['-CA', at(`${authority}.crt`), '-CAkey', at(`${authority}.key`)];
  must('openssl', 'req', '-x509', '-days', '2', ...request, ...by, '-out', at(`${name}.crt`));
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise(resolve => child.once('close', resolve));
  child.kill('SIGKILL');
  await ended;
}

async function startServer(): Promise<void> {
  if (server && server.exitCode === null && server.signalCode === null) return;
  rmSync(socket, { force: true });
  const remotes = [`--remote=punix:${socket}`, '--remote=db:Open_vSwitch,Open_vSwitch,manager_options', '--remote=pssl:6642:127.0.0.1'];
  const tls = [`--private-key=${at('server.key')}`, `--certificate=${at('server.crt')}`, `--ca-cert=${at('authority.crt')}`];
  server = spawn('ovsdb-server', [database, ...remotes, ...tls, '-vconsole:off'], { stdio: 'inherit' });
  await until(() => existsSync(socket), 'ovsdb-server');
}

function startSwitch(): void {
  if (vswitchd && vswitchd.exitCode === null && vswitchd.signalCode === null) return;
  rmSync('/run/openvswitch/ovs-vswitchd.pid', { force: true });
  vswitchd = spawn('ovs-vswitchd', ['--disable-system', '--pidfile', '-vconsole:off', `unix:${socket}`], { stdio: 'inherit' });
}

before(async () => {
  mkdirSync('/run/openvswitch', { recursive: true });
  must('ovsdb-tool', 'create', database, '/usr/share/openvswitch/vswitch.ovsschema');
  for (const authority of ['authority', 'stranger']) certify(authority);
  for (const name of ['server', 'client']) certify(name, 'authority');
  certify('foreigner', 'stranger');
  await startServer();
  startSwitch();
});

after(async () => {
  await end(vswitchd);
  await end(server);
  rmSync(folder, { recursive: true, force: true });
});

ovsdbContract('real', async () => ({
  open: (connection = `unix:${socket}`, more = {}) => openHost().ovsdb.open({ connection, ...more }),
  plug: async name => must('ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', `${name}-far`),
  unplug: async name => must('ip', 'link', 'del', name),
  stopServer: () => end(server),
  startServer,
  stopSwitch: () => end(vswitchd),
  startSwitch: async () => startSwitch(),
  changeWhileAway: async operations => must('ovsdb-tool', 'transact', database, JSON.stringify(['Open_vSwitch', ...operations])),
  [Symbol.asyncDispose]: async () => {
    await startServer();
    startSwitch();
  },
}));

test('over TLS both sides are known by who signed them', async () => {
  const tls = (name: string, authority: string) => ({
    connection: 'ssl:127.0.0.1:6642',
    timeoutMs: 5000,
    tls: { keyFile: at(`${name}.key`), certFile: at(`${name}.crt`), caFile: at(`${authority}.crt`) },
  });
  const { ovsdb } = openHost();
  await using fine = ovsdb.open(tls('client', 'authority'));
  const words = { bridges: { 'br-tls': { datapath_type: 'netdev', external_ids: { long: 'ü'.repeat(300_000) } } } };
  assert.equal((await fine.apply(words)).picture.bridges.get('br-tls')?.external_ids['long']?.length, 300_000);
  await fine.apply({ bridges: { 'br-tls': null } });
  assert.throws(() => ovsdb.open({ connection: 'ssl:127.0.0.1:6642' }), /needs a private key/);
  for (const [options, why] of [
    [tls('client', 'stranger'), /certificate/],
    [tls('foreigner', 'authority'), /./],
    [tls('nobody', 'authority'), /nobody\.key/],
  ] as const) {
    await using wrong = ovsdb.open({ ...options, timeoutMs: 1000 });
    await assert.rejects(
      wrong.picture(),
      (error: unknown) => error instanceof OvsdbAway && why.test(error.message),
      JSON.stringify(options),
    );
  }
});

test('four who want at the same time get it while both daemons are killed again and again', { timeout: 120_000 }, async () => {
  const open = () => openHost().ovsdb.open({ connection: `unix:${socket}`, timeoutMs: 60_000 });
  await using one = open();
  await using two = open();
  const told = new Map((await one.picture()).tables.Port);
  using _ = one.watch(news => {
    for (const { table, before, after } of news.kind === 'changed' ? news.changes : []) {
      if (table !== 'Port') continue;
      if (after) told.set(after._uuid, after);
      else if (before) told.delete(before._uuid);
    }
  });
  const bridges = ['br-x', 'br-y'] as const;
  await one.apply({ bridges: Object.fromEntries(bridges.map(name => [name, { datapath_type: 'netdev' }])) });
  const rounds = 24;
  let done = 0;
  /** Its ports come, move and go: after each round those of this one and of the one before are there. */
  const worker = async (session: typeof one, letter: string): Promise<void> => {
    for (let i = 0; i < rounds; i++, done++) {
      const [here, there] = i % 2 === 0 ? bridges : [bridges[1], bridges[0]];
      const port = { tag: i, interface: { type: 'internal', external_ids: { round: String(i) } } };
      const ports = { [`${letter}${i % 3}`]: port, [`${letter}${(i + 1) % 3}`]: null };
      await session.apply(
        { bridges: { [here]: { ports }, [there]: { ports: Object.fromEntries(Object.keys(ports).map(p => [p, null])) } } },
        { taken: i % 3 === 0 },
      );
    }
  };
  let kills = 0;
  const killer = async (): Promise<void> => {
    for (let next = 8; done < 4 * rounds; next += 8) {
      await until(() => done >= Math.min(next, 4 * rounds), `${next} rounds`, 60_000);
      await end(kills % 2 === 0 ? server : vswitchd);
      await startServer();
      startSwitch();
      kills++;
    }
  };
  await Promise.all([worker(one, 'p'), worker(one, 'q'), worker(two, 'r'), worker(two, 's'), killer()]);
  assert.ok(kills >= 6, `${kills} kills`);
  assert.equal(await one.switchAlive(60_000), true);
  const { bridges: after, tables } = await one.picture();
  const last = rounds - 1;
  for (const letter of ['p', 'q', 'r', 's']) {
    const found = bridges.flatMap(name => [...(after.get(name)?.ports.values() ?? [])].filter(port => port.name.startsWith(letter)));
    const seen = found.map(port => [port.bridge, port.name, port.tag, port.interfaces[0]?.external_ids['round']]);
    const expected = [
      [bridges[last % 2], `${letter}${last % 3}`, last, String(last)],
      [bridges[(last - 1) % 2], `${letter}${(last - 1) % 3}`, last - 1, String(last - 1)],
    ];
    assert.deepEqual(seen.sort(), expected.sort(), letter);
  }
  assert.deepEqual([...told.keys()].sort(), [...tables.Port.keys()].sort(), 'what was told adds up to what there is');
  for (const [id, row] of told) assert.deepEqual(row, tables.Port.get(id));
  await using fresh = open();
  const anew = await fresh.picture();
  for (const table of ['Bridge', 'Port'] as const) assert.deepEqual([...tables[table]].sort(), [...anew.tables[table]].sort(), table);
  await one.apply({ bridges: Object.fromEntries(bridges.map(name => [name, null])) });
});
