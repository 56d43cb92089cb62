// The suite of the door to Open vSwitch on the real one; started inside a sandbox by host-doors.test.ts.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { openHost } from '../../../src/adapters/host/open-host.ts';
import { ovsdbContract } from '../../../src/contracts/host/ovsdb.suite.ts';
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

async function end(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise(resolve => child.once('close', resolve));
  child.kill('SIGKILL');
  await ended;
}

async function startServer(): Promise<void> {
  if (server && server.exitCode === null && server.signalCode === null) return;
  rmSync(socket, { force: true });
  const remotes = [`--remote=punix:${socket}`, '--remote=db:Open_vSwitch,Open_vSwitch,manager_options'];
  server = spawn('ovsdb-server', [database, ...remotes, '-vconsole:off'], { stdio: 'inherit' });
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
