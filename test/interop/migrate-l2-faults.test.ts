// A move from Linux bridge to Open vSwitch that is killed with -9 at every step, gone on with, and rolled back from every step; and hosts that
// cannot be moved as they are.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { childrenOf } from '../../src/main/sandbox/proc.ts';
import { describePackets, describeTransfer, startPackets, startTransfer } from '../system/traffic.ts';
import type { Instance } from './agents/instances.ts';
import { publicGateway } from './agents/lab.ts';
import { noAgents, patience } from './agents/needs.ts';
import { MigrateWorld, moved } from './migrate-world.ts';

const forward = 8;
const backward = 6;

describe('moves that are killed, taken back, and refused', { skip: noAgents, timeout: 590_000 * patience, concurrency: 1 }, () => {
  let m: MigrateWorld;
  let here: Instance;
  let there: Instance;
  let provider: Instance;

  before(async () => {
    m = await MigrateWorld.open();
    here = await m.instance(moved, m.net.id);
    there = await m.instance('lb2', m.net.id);
    provider = await m.instance(moved, m.external.id);
    await m.world.active(here.port.id, there.port.id, provider.port.id);
    await m.address(here, '10.9.0.1');
    await m.address(there, '10.9.0.1');
    await m.address(provider, publicGateway);
    await m.checksums();
    await works();
  });
  after(() => m?.[Symbol.asyncDispose]());

  const works = async (): Promise<void> => {
    await m.world.reaches(there, here.address);
    await m.world.reaches(here, there.address);
    await m.world.reaches(provider, publicGateway);
    // Out by the router of the host.
    await m.world.reaches(there, publicGateway);
  };
  const vifTypes = async (): Promise<unknown> => [
    ...new Set((await m.world.server.list(`ports?binding:host_id=${moved}`)).map(p => p['binding:vif_type'])),
  ];
  const agents = async (): Promise<unknown> =>
    (await m.world.server.list(`agents?host=${moved}`))
      .filter(a => String(a.agent_type).match(/bridge|vSwitch/))
      .map(a => [a.agent_type, a.admin_state_up]);
  /** Links by name and what they are in, with addresses; and what Open vSwitch has. */
  const machine = async (): Promise<string> => {
    const links = JSON.parse(await m.on('ip', '-j', 'address')) as {
      ifname: string;
      master?: string;
      addr_info: { scope: string; local: string }[];
    }[];
    const lines = links.map(l => [l.ifname, l.master ?? '', ...l.addr_info.filter(a => a.scope === 'global').map(a => a.local)].join(' '));
    return [...lines.sort(), await m.on('ovs-vsctl', '--format=json', '--columns=name', 'list', 'Port')].join('\n');
  };

  /** kill -9 as soon as it says that it is at that step; false where it was quicker, or beyond that step before, and has come to its end. */
  async function killAt(step: string, ...words: string[]): Promise<boolean> {
    const job = m.start(...words);
    job.child.stdout?.on('data', () => {
      // Below what entered the host; at the last step it may have come to its end.
      if (job.output().includes(`${step} `)) for (const pid of childrenOf(job.child.pid ?? 0)) process.kill(pid, 'SIGKILL');
    });
    await job.done;
    assert.ok(job.output().includes(`${step} `) || job.child.exitCode === 0, job.output());
    return job.child.exitCode !== 0;
  }
  const says = async (...words: string[]): Promise<string> => {
    const { stdout, stderr, code } = await m.migrate(...words);
    assert.equal(code, 0, `${stdout}${stderr}\n${m.world.agents.story()}`);
    return stdout;
  };

  test('killed at each step and gone on with it ends well, and so does the way back; what was lost is counted', async t => {
    const before = await machine();
    const packets = await startPackets({
      name: 'Linux bridge → here',
      from: m.place(there),
      to: m.place(here),
      address: here.address,
      port: 5000,
    });
    const transfer = await startTransfer({
      name: 'TCP here → Linux bridge',
      from: m.place(here),
      to: m.place(there),
      address: there.address,
      port: 5001,
    });
    let killed = true;
    for (let step = 1; killed && step <= forward; step++) killed = await killAt(`${step}/${forward}`, step === 1 ? '--yes' : '--resume');
    if (killed) await says('--resume');
    assert.deepEqual([await vifTypes(), await agents()], [['ovs'], [['Open vSwitch agent', true]]]);
    await works();
    killed = true;
    for (let step = 1; killed && step <= backward; step++)
      killed = await killAt(`${step}/${backward}`, step === 1 ? '--rollback' : '--resume');
    if (killed) await says('--rollback');
    assert.deepEqual([await vifTypes(), await agents()], [['bridge'], [['Linux bridge agent', true]]]);
    await works();
    await m.world.until('as it was', async () => (await machine()) === before);
    const [counted, sent] = [await packets.end(), await transfer.end()];
    t.diagnostic(describePackets(counted));
    t.diagnostic(describeTransfer(sent));
    assert.ok(sent.intact, describeTransfer(sent));
    assert.ok(
      counted.missing.every(n => n < counted.sent - 100),
      describePackets(counted),
    );
  });

  test('rolled back from every step', async () => {
    const before = await machine();
    for (let step = 1; step <= forward; step++) {
      await killAt(`${step}/${forward}`, '--yes');
      await says('--rollback');
      assert.deepEqual([await vifTypes(), await agents()], [['bridge'], [['Linux bridge agent', true]]], `step ${step}`);
      await m.world.until(`as it was, from step ${step}`, async () => (await machine()) === before);
      await works();
    }
  });

  test('a move that has begun is not begun again, and what has not begun is not gone on with', async () => {
    const refused = async (...words: string[]): Promise<string> => {
      const { code, stderr } = await m.migrate(...words);
      assert.equal(code, 1, stderr);
      return stderr;
    };
    assert.match(await refused('--resume'), /no move has begun on this host/);
    assert.match(await refused('--rollback'), /nothing is to be rolled back/);
    await killAt(`2/${forward}`, '--yes');
    assert.match(await refused('--yes'), /has begun .*--resume goes on with it, --rollback takes it back/);
    assert.match(await refused('--yes', '--host', 'elsewhere'), /this machine is lb1 .*not elsewhere/);
    await says('--rollback');
  });

  test('a host that cannot be moved: each reason is said, and nothing is touched', async () => {
    const file = join(m.folder, 'openvswitch.ini');
    const good = readFileSync(file, 'utf8');
    const before = [await machine(), JSON.stringify(await m.world.server.list('ports')), JSON.stringify(await agents())];
    const cases: readonly (readonly [from: RegExp, to: string, RegExp, number])[] = [
      [/^bridge_mappings = .*$/m, 'bridge_mappings =', /public, which ports of this host use, has no bridge/, 3],
      [
        /^ovsdb_timeout = .*$/m,
        'ovsdb_connection = unix:/run/openvswitch/nowhere.sock\novsdb_timeout = 1',
        /Open vSwitch does not answer/,
        3,
      ],
      [/^firewall_driver = .*$/m, 'firewall_driver = noop', /security groups of this host.s ports would be gone/, 3],
      [/^firewall_driver = .*$/m, 'firewall_driver = iptables_hybrid', /firewall_driver = iptables_hybrid/, 3],
      [/^l2_population = .*$/m, 'l2_population = false', /needs l2_population = true/, 3],
      [/^local_ip = .*$/m, 'local_ip = 192.0.2.77', /local_ip is 192\.0\.2\.77/, 3],
      [/^tunnel_types = .*$/m, 'tunnel_types = vxlan\nvxlan_udp_port = 8472', /UDP port 4789/, 3],
    ];
    try {
      for (const [from, to, words, status] of cases) {
        assert.match(good, from);
        writeFileSync(file, good.replace(from, to));
        for (const what of ['--plan', '--yes']) {
          const { code, stdout, stderr } = await m.migrate(what);
          assert.match(`${stdout}${stderr}`, words);
          assert.equal(code, status, `${to}: ${stdout}${stderr}`);
        }
      }
    } finally {
      writeFileSync(file, good);
    }
    const now = [await machine(), JSON.stringify(await m.world.server.list('ports')), JSON.stringify(await agents())];
    assert.deepEqual(now, before);
    await works();
    assert.match((await m.migrate('--plan')).stdout, /In this order/);
  });
});
