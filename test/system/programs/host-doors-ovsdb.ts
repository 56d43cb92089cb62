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
