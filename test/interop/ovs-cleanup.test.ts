// neutron-ovs-cleanup, Debian's and Weft's, on the same Open vSwitch: what is left of it is the same.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Done, run, tryRun } from '../../src/main/sandbox/run.ts';
import { openSandbox, type Sandbox } from '../../src/main/sandbox/sandbox.ts';
import { type Job, startJob, until } from '../system/job.ts';
import { noSandbox, noSwitch } from '../system/need.ts';

const theirs = '/usr/bin/neutron-ovs-cleanup';
const ours = join(import.meta.dirname, '../../bin/neutron-ovs-cleanup');
const noTheirs = !existsSync(theirs) && 'no neutron-ovs-cleanup here (Debian: neutron-openvswitch-agent)';
const socket = 'unix:/run/openvswitch/db.sock';

const internal = (bridge: string, port: string, ...ids: string[]): string[] => {
  const words = ids.map(id => `external_ids:${id}`);
  return ['--', 'add-port', bridge, port, '--', 'set', 'Interface', port, 'type=internal', ...words];
};
const vif = (id: string): string[] => [`iface-id=${id}`, 'attached-mac="02:00:00:00:00:01"', 'iface-status=active'];
const bridge = (name: string): string[] => ['--', 'add-br', name, '--', 'set', 'Bridge', name, 'datapath_type=netdev'];
const patch = (name: string, port: string, peer: string): string[] => [
  ...['--', 'add-port', name, port, '--', 'set', 'Interface', port, 'type=patch', `options:peer=${peer}`],
];

describe('neutron-ovs-cleanup', { skip: noSandbox() || noSwitch(), timeout: 240_000 }, () => {
  let host: Sandbox;
  let folder: string;
  const daemons: Job[] = [];
  const on = (...argv: string[]): Promise<string> => run(host.enter(argv), { timeoutMs: 60_000 });
  const attempt = (...argv: string[]): Promise<Done> => tryRun(host.enter(argv), { timeoutMs: 60_000 });
  const file = (text: string): string => {
    const path = join(folder, 'ovs.ini');
    writeFileSync(path, text);
    return path;
  };

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'weft-ovsc-'));
    host = await openSandbox('switched');
    const database = join(folder, 'conf.db');
    await on('mkdir', '-p', '/run/openvswitch');
    await on('ip', 'link', 'set', 'lo', 'up');
    await on('ovsdb-tool', 'create', database, '/usr/share/openvswitch/vswitch.ovsschema');
    const remotes = [`--remote=p${socket}`, '--remote=db:Open_vSwitch,Open_vSwitch,manager_options'];
    daemons.push(startJob(host.enter(['ovsdb-server', database, ...remotes, '-vconsole:off'])));
    await until('ovsdb-server', async () => (await attempt('ovs-vsctl', '--no-wait', 'init')).code === 0);
    daemons.push(startJob(host.enter(['ovs-vswitchd', '--disable-system', '--pidfile', '-vconsole:off', socket])));
  });
  after(async () => {
    await host?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  /** As a host's agents and Nova leave it, with ports of somebody else's. */
  async function plugged(): Promise<void> {
    const { stdout } = await attempt('ovs-vsctl', 'list-br');
    const old = stdout.split('\n').filter(Boolean);
    if (old.length > 0) await on('ovs-vsctl', ...old.flatMap(name => ['--', 'del-br', name]));
    if ((await attempt('ip', 'link', 'show', 'qvo9')).code !== 0)
      await on('ip', 'link', 'add', 'qvo9', 'type', 'veth', 'peer', 'name', 'qvb9');
    await on(
      'ovs-vsctl',
      ...[...bridge('br-int'), ...bridge('br-ex'), ...bridge('tbr-1')],
      ...internal('br-int', 'tap1', ...vif('one')),
      ...internal('br-int', 'qr-2', ...vif('two')),
      ...internal('br-int', 'tap3', ...vif('three'), 'skip_cleanup=true'),
      ...internal('br-int', 'tap4', 'iface-id=four'),
      ...internal('br-int', 'tap5', 'attached-mac="02:00:00:00:00:05"'),
      // Plugged by a Linux bridge.
      ...['--', 'add-port', 'br-int', 'qvo9', '--', 'set', 'Interface', 'qvo9', ...vif('nine').map(id => `external_ids:${id}`)],
      ...internal('br-int', 'mine'),
      ...internal('br-ex', 'qg-6', ...vif('six')),
      ...internal('tbr-1', 'tap7', ...vif('seven')),
      ...[...patch('br-int', 'int-br-ex', 'phy-br-ex'), ...patch('br-ex', 'phy-br-ex', 'int-br-ex')],
      // A bond of which one half looks like an instance's.
      ...['--', 'add-bond', 'br-int', 'bond8', 'b8a', 'b8b'],
      ...['b8a', 'b8b'].flatMap(name => ['--', 'set', 'Interface', name, 'type=internal']),
      ...['--', 'set', 'Interface', 'b8b', 'external_ids:iface-id=eight', 'external_ids:attached-mac="02:00:00:00:00:08"'],
    );
  }

  /** Bridges with their ports, rows of the tables, and devices. */
  async function left(): Promise<unknown> {
    const bridges = (await on('ovs-vsctl', 'list-br')).split('\n').filter(Boolean);
    const ports = await Promise.all(bridges.map(name => on('ovs-vsctl', 'list-ports', name)));
    const rows = async (table: string): Promise<string> => on('ovs-vsctl', '--bare', '--columns=name', 'list', table);
    const names = async (table: string): Promise<string[]> => (await rows(table)).split('\n').filter(Boolean).sort();
    const devices = (JSON.parse(await on('ip', '-j', 'link')) as { ifname: string }[]).map(link => link.ifname).sort();
    return { bridges, ports, rows: [await names('Port'), await names('Interface')], devices };
  }

  const cases = [
    { what: 'by default', ini: `[ovs]\novsdb_connection = ${socket}\n`, argv: [] },
    { what: 'another integration bridge', ini: `[ovs]\novsdb_connection = ${socket}\nintegration_bridge = tbr-1\n`, argv: [] },
    { what: 'no such bridge', ini: `[ovs]\novsdb_connection = ${socket}\nintegration_bridge = br-none\n`, argv: [] },
    { what: 'all ports', ini: `[ovs]\novsdb_connection = ${socket}\n`, argv: ['--ovs_all_ports'] },
    { what: 'all ports by the file', ini: `[DEFAULT]\novs_all_ports = true\n[ovs]\novsdb_connection = ${socket}\n`, argv: [] },
    {
      what: 'all ports by the file, not by the command line',
      ini: `[DEFAULT]\novs_all_ports = true\n[ovs]\novsdb_connection = ${socket}\n`,
      argv: ['--noovs_all_ports'],
    },
    { what: 'over TCP, where nobody listens yet', ini: '', argv: [] },
  ];
  for (const { what, ini, argv } of cases)
    test(`leaves what Debian's leaves: ${what}`, { skip: noTheirs }, async () => {
      const config = file(ini);
      const after = async (program: string): Promise<unknown> => {
        await plugged();
        await attempt('ovs-vsctl', 'del-manager');
        const before = await left();
        const done = await attempt('env', `TMPDIR=${folder}`, program, '--config-file', config, ...argv);
        assert.equal(done.code, 0, done.stderr);
        const now = await left();
        if (what !== 'no such bridge') assert.notDeepEqual(now, before, 'it does something');
        return { now, managers: (await on('ovs-vsctl', 'get-manager')).trim() };
      };
      assert.deepEqual(await after(ours), await after(theirs));
    });

  test('says what it removes and what it keeps, and refuses while agents run', async () => {
    await plugged();
    const config = file(`[ovs]\novsdb_connection = ${socket}\n`);
    const agent = startJob(host.enter(['bash', '-c', 'exec -a neutron-openvswitch-agent sleep 1000']));
    await until('it runs', async () => (await attempt(ours, '--config-file', config)).code === 1);
    const refused = await attempt(ours, '--config-file', config);
    assert.match(refused.stderr, /agents run on this machine: openvswitch \(process \d+\); stop them first, or say --force/);
    assert.match(await on('ovs-vsctl', 'list-ports', 'br-int'), /tap1/);
    agent.kill();
    await agent.done;
    const done = await attempt(ours, '--config-file', config);
    assert.deepEqual([done.code, done.stderr], [0, '']);
    assert.deepEqual(done.stdout.trim().split('\n'), [
      'removed br-int/bond8',
      'removed br-int/qr-2',
      'removed br-int/qvo9',
      'removed br-int/tap1',
      'kept br-int/tap3: it is not to be cleaned up (external_ids)',
      'kept br-int/tap4: it is not to be cleaned up (external_ids)',
    ]);
  });

  test('what is wrong is said, and nothing is removed', async () => {
    await plugged();
    for (const [ini, argv, code, why] of [
      [
        '[ovs]\novsdb_connection = udp:1\n',
        [],
        1,
        /ovs\.ini:2: ovsdb_connection = udp:1: unix:PATH, tcp:HOST:PORT or ssl:HOST:PORT is wanted/,
      ],
      ['[ovs]\novsdb_connection = ssl:127.0.0.1:6640\n', [], 1, /ssl: needs a private key/],
      [
        '[ovs]\novsdb_connection = unix:/nowhere\novsdb_timeout = 1\n',
        [],
        1,
        /no answer from Open vSwitch's database at unix:\/nowhere: .*ENOENT/,
      ],
      ['', ['--all-ports', '--noovs_all_ports'], 2, /contradict/],
      ['', ['--ovs_some_ports'], 2, /unknown option/],
    ] as const) {
      const done = await attempt(ours, '--config-file', file(ini), ...argv);
      assert.deepEqual([done.code, why.test(done.stderr)], [code, true], done.stderr);
    }
    assert.match(await on('ovs-vsctl', 'list-ports', 'br-int'), /tap1/);
    const config = file(`[ovs]\novsdb_connection = ${socket}\novsdb_timeout = 2\n`);
    daemons[1]?.kill();
    await daemons[1]?.done;
    const done = await attempt(ours, '--config-file', config);
    assert.deepEqual([done.code, /ovs-vswitchd does not take up its configuration/.test(done.stderr)], [1, true], done.stderr);
  });
});
