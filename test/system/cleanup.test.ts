// The names under which Neutron's runbooks clean a host, on a contained host: what goes, what stays, and what is refused.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Done, run, tryRun } from '../../src/main/sandbox/run.ts';
import { openSandbox, type Sandbox } from '../../src/main/sandbox/sandbox.ts';
import { startJob, until } from './job.ts';
import { noSandbox } from './need.ts';

const bin = join(import.meta.dirname, '../../bin');
const ids = [
  '11111111-1111-4111-8111-111111111111',
  '22222222-2222-4222-8222-222222222222',
  '33333333-3333-4333-8333-333333333333',
] as const;

describe('cleaning a host', { skip: noSandbox(), timeout: 120_000 }, () => {
  let host: Sandbox;
  let folder: string;
  before(async () => {
    host = await openSandbox('cleaned');
    folder = mkdtempSync(join(tmpdir(), 'weft-cleanup-'));
  });
  after(async () => {
    await host?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const on = (...argv: string[]): Promise<string> => run(host.enter(argv), { timeoutMs: 60_000 });
  const call = (name: string, ...argv: string[]): Promise<Done> => tryRun(host.enter([join(bin, name), ...argv]), { timeoutMs: 60_000 });
  const file = (text: string): string => {
    const path = join(folder, 'agent.ini');
    writeFileSync(path, text);
    return path;
  };
  const links = async (): Promise<string[]> =>
    (JSON.parse(await on('ip', '-j', 'link')) as { ifname: string }[])
      .map(link => link.ifname)
      .filter(name => name !== 'lo')
      .sort();
  const namespaces = async (): Promise<string[]> =>
    (await on('ip', 'netns', 'list'))
      .split('\n')
      .map(line => line.split(' ')[0] ?? '')
      .filter(Boolean)
      .sort();

  test('bridges without a tap go with their uplinks; the device behind gets its address and way back', async () => {
    const batch = [
      'link add eth0 type veth peer name far',
      'link add brq11111111-11 type bridge',
      'link set eth0 master brq11111111-11 up',
      'link set brq11111111-11 up',
      'link set far up',
      'address add 192.0.2.5/24 dev brq11111111-11',
      'route add default via 192.0.2.1',
      'link add brq22222222-22 type bridge',
      'link add tap22222222-22 type veth peer name vm',
      'link set tap22222222-22 master brq22222222-22',
      'link add brq33333333-33 type bridge',
      'link add vxlan-33 type vxlan id 33 dstport 8472 dev eth0',
      'link set vxlan-33 master brq33333333-33',
      'link add brq-mine type bridge',
    ];
    await run(host.enterNetwork(['ip', '-batch', '-']), { input: `${batch.join('\n')}\n` });
    const config = file('[linux_bridge]\nphysical_interface_mappings = public:eth0\n');
    const done = await call('neutron-linuxbridge-cleanup', '--config-file', config);
    assert.deepEqual([done.code, done.stderr], [0, '']);
    assert.deepEqual(done.stdout.trim().split('\n'), [
      'removed brq11111111-11',
      'removed brq33333333-33',
      'kept brq22222222-22: something is plugged into it',
    ]);
    assert.deepEqual(await links(), ['brq-mine', 'brq22222222-22', 'eth0', 'far', 'tap22222222-22', 'vm']);
    assert.match(await on('ip', '-4', 'address', 'show', 'dev', 'eth0'), /192\.0\.2\.5\/24/);
    assert.match(await on('ip', 'route'), /default via 192\.0\.2\.1 dev eth0/);
  });

  test('filters go when no tap is left that they shut', async () => {
    const config = file('');
    const tables = ['bridge neutron-linuxbri', 'bridge neutron-linuxbri-qos', 'inet neutron-openvswi-host', 'inet filter'];
    for (const table of tables) await on('nft', 'add', 'table', ...table.split(' '));
    await on('iptables', '-N', 'neutron-linuxbri-FORWARD');
    await on('iptables', '-A', 'FORWARD', '-j', 'neutron-linuxbri-FORWARD');
    const kept = await call('neutron-linuxbridge-cleanup', '--config-file', config);
    assert.match(kept.stdout, /^kept table bridge neutron-linuxbri: taps are here that it shuts$/m);
    await on('ip', 'link', 'delete', 'tap22222222-22');
    const done = await call('neutron-linuxbridge-cleanup', '--config-file', config);
    assert.deepEqual([done.code, done.stderr], [0, '']);
    assert.deepEqual(done.stdout.trim().split('\n'), [
      'removed brq22222222-22',
      'removed chains neutron-linuxbri-… of iptables',
      'removed table bridge neutron-linuxbri',
      'removed table bridge neutron-linuxbri-qos',
    ]);
    assert.doesNotMatch(await on('iptables-save'), /neutron/);
    assert.deepEqual((await on('nft', 'list', 'tables')).match(/\S+ neutron\S*|inet filter/g), [
      'inet neutron-openvswi-host',
      'inet filter',
    ]);
  });

  test('empty namespaces go, others only by force, with what is in them', async () => {
    const [router, network, other] = ids;
    for (const name of [`qrouter-${router}`, `qdhcp-${network}`, `snat-${other}`, `qdhcp-${router}`, 'mine'])
      await on('ip', 'netns', 'add', name);
    await on('ip', '-n', `qdhcp-${network}`, 'link', 'add', 'ns-1', 'type', 'veth', 'peer', 'name', 'tapx', 'netns', '/proc/1/ns/net');
    const state = join(folder, 'state');
    mkdirSync(join(state, 'dhcp', network), { recursive: true });
    const daemon = startJob(host.enter(['ip', 'netns', 'exec', `qdhcp-${network}`, 'sleep', '1000']));
    await until('it runs', async () => (await on('ip', 'netns', 'pids', `qdhcp-${network}`)).trim() !== '');

    const config = file(`[DEFAULT]\nstate_path = ${state}\n`);
    const gentle = await call('neutron-netns-cleanup', '--config-file', config);
    assert.deepEqual([gentle.code, gentle.stderr], [0, '']);
    assert.match(gentle.stdout, new RegExp(`kept qdhcp-${network}: it is not empty`));
    assert.deepEqual(await namespaces(), ['mine', `qdhcp-${network}`]);

    await on('ip', 'netns', 'add', `qrouter-${router}`);
    const forced = await call('neutron-netns-cleanup', '--config-file', config, '--agent-type', 'dhcp', '--force');
    assert.deepEqual([forced.code, forced.stdout.trim()], [0, `removed qdhcp-${network}`]);
    await daemon.done;
    assert.deepEqual(await namespaces(), ['mine', `qrouter-${router}`]);
    assert.equal((await on('ls', join(state, 'dhcp'))).trim(), '');
    assert.ok(!(await links()).includes('tapx'));
  });

  test('one that cannot be looked into is said and left, and keeps nobody from cleaning the others', async () => {
    const config = file(`[DEFAULT]\nstate_path = ${join(folder, 'state')}\n`);
    const [stale, other] = [`qdhcp-${ids[0]}`, `qdhcp-${ids[2]}`];
    await on('ip', 'netns', 'add', other);
    await on('touch', `/run/netns/${stale}`);
    const done = await call('neutron-netns-cleanup', '--config-file', config, '--agent-type', 'dhcp');
    assert.deepEqual([done.code, done.stdout.split('\n')[0]], [1, `removed ${other}`]);
    assert.match(done.stdout, new RegExp(`not done: ${stale}: .*${stale}`));
    const left = await namespaces();
    assert.deepEqual([left.includes(stale), left.includes(other)], [true, false]);
    await on('rm', `/run/netns/${stale}`);
  });

  test('while the agents run it is refused, unless by force; a wrong file, a wrong word, and who is not root', async () => {
    await on('ip', 'netns', 'add', `qdhcp-${ids[2]}`);
    // What would keep the agent from starting is none of this program's business.
    const config = file(`[DEFAULT]\nstate_path = ${join(folder, 'state')}\ninterface_driver = openvswitch\n`);
    const netns = (...words: string[]): Promise<Done> => call('neutron-netns-cleanup', '--config-file', config, ...words);
    const agent = startJob(host.enter(['bash', '-c', 'exec -a neutron-dhcp-agent sleep 1000']));
    await until('it runs', async () => (await netns()).code === 1);
    const refused = await netns();
    assert.match(refused.stderr, /agents run on this machine: dhcp \(process \d+\); stop them first, or say --force/);
    assert.equal((await netns('--agent-type', 'l3')).code, 0, 'that one does not run');
    assert.ok((await namespaces()).includes(`qdhcp-${ids[2]}`));
    assert.equal((await netns('--force')).code, 0);
    agent.kill();
    await agent.done;
    const wrong = await call('neutron-linuxbridge-cleanup', '--config-file', file('[linux_bridge]\nbridge_mappings = x\n'));
    assert.deepEqual([wrong.code, /agent\.ini:2: bridge_mappings = x: /.test(wrong.stderr)], [1, true]);
    assert.equal((await netns('--agent-type', 'ovs')).code, 2);
    const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', join(bin, 'neutron-netns-cleanup')];
    assert.match((await tryRun(host.enter(nobody))).stderr, /needs root/);
  });
});
