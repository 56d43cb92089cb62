// weft audit: nothing where all is well; each thing that was broken behind an agent's back, and no other; repairs, and what the agents do about
// the rest.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import type { AuditView } from '../../src/cli/control.ts';
import { noSandbox } from './need.ts';
import { type RoutedPair, routedPair } from './routed-pair.ts';
import { WeftWorld } from './weft-world.ts';

const noSwitch = existsSync('/usr/sbin/ovs-vswitchd') ? false : 'needs Open vSwitch';
const stray = '0badc0de-0000-4000-8000-000000000001';

/** The program that entered the host for it has stopped with it, and would stay for ever. */
function resume(pid: number): void {
  const parent = Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  for (const each of [pid, parent]) process.kill(each, 'SIGCONT');
}

describe('weft audit', { skip: noSandbox() }, () => {
  let world: WeftWorld;
  let pair: RoutedPair;
  let stopped: number | undefined;

  before(async () => {
    world = await WeftWorld.open({ hosts: 2 });
    pair = await routedPair(world);
  });
  after(async () => {
    if (stopped !== undefined) resume(stopped);
    await world[Symbol.asyncDispose]();
  });

  const audit = async (...more: string[]): Promise<{ code: number; view: AuditView; text: string }> => {
    const { code, stdout, stderr } = await world.weft(['audit', '--json', ...more]);
    assert.equal(stderr, '');
    return { code, view: JSON.parse(stdout) as AuditView, text: stdout };
  };
  const told = ({ findings }: AuditView): string[] => findings.map(({ kind, where, what }) => `${kind} ${where} ${what}`).sort();
  const isClean = async (): Promise<boolean> => (await audit()).code === 0;

  test('where all is well nothing is found', async () => {
    // Whatever the agents still do.
    await world.until('nothing is found', isClean, 60_000);
    const { code, stdout } = await world.weft(['audit']);
    assert.deepEqual([code, stdout], [0, 'nothing found\n']);
  });

  test('what was broken is found, and nothing else; orphans go, agents repair the rest', async () => {
    const { a } = pair;
    const { host } = a;
    const pid = world.agentPid(host);
    assert.ok(pid);
    const spaces = (await world.host(host, 'ip', 'netns', 'list')).split('\n').map(line => line.split(' ')[0] ?? '');
    const served = spaces.find(name => name.startsWith('qdhcp-'))?.slice('qdhcp-'.length);
    const routed = spaces.find(name => name.startsWith('qrouter-'))?.slice('qrouter-'.length);
    const tap = `tap${a.port.slice(0, 11)}`;
    // While it is stopped it mends nothing; a stopped process is what a hung agent is like.
    process.kill(pid, 'SIGSTOP');
    stopped = pid;
    const wanted: string[] = [];

    await world.host(host, 'ip', 'netns', 'add', `qdhcp-${stray}`);
    await world.hostJob(host, ['ip', 'netns', 'exec', `qdhcp-${stray}`, 'sleep', '600']);
    wanted.push(`orphan ${host} qdhcp-${stray} serves a network that is not this host's`);
    await world.host(host, 'ip', 'netns', 'add', `qrouter-${stray}`);
    wanted.push(`orphan ${host} qrouter-${stray} is of no router of this host`);
    await world.host(host, 'ip', 'link', 'add', 'brq0badc0de-00', 'type', 'bridge');
    wanted.push(`orphan ${host} brq0badc0de-00 is of no network that has a port here`);
    await world.host(host, 'ip', 'link', 'add', 'tap0badc0de-00', 'type', 'veth', 'peer', 'name', 'stray0');
    wanted.push(`orphan ${host} tap0badc0de-00 is of no port that is bound here`);
    await world.host(host, 'ip', 'link', 'set', tap, 'nomaster');
    wanted.push(`gap ${host} ${tap} is in no bridge`);
    if (served !== undefined) {
      await world.host(host, 'sh', '-c', `kill -9 $(cat /run/weft/dhcp/${served}/pid)`);
      wanted.push(`gap ${host} no dnsmasq serves the network ${served}`);
    }
    if (routed !== undefined) {
      const lines = await world.host(host, 'ip', '-n', `qrouter-${routed}`, '-o', '-4', 'address', 'show');
      const line = lines.split('\n').find(text => /\bqr-/.test(text)) ?? '';
      const [, device = '', cidr = ''] = /(qr-\S+)\s+inet (\S+)/.exec(line) ?? [];
      await world.host(host, 'ip', '-n', `qrouter-${routed}`, 'address', 'del', cidr, 'dev', device);
      wanted.push(`gap ${host} ${device} of the router ${routed} has not ${cidr.split('/')[0]}`);
    }
    assert.ok(served !== undefined || routed !== undefined);

    const found = await audit();
    assert.deepEqual([found.code, told(found.view)], [3, wanted.sort()]);

    const words = await world.weft(['audit', '--fix']);
    assert.equal(words.code, 3);
    assert.match(words.stdout, /orphan on \S+: brq0badc0de-00 is of no network that has a port here \(a repair removes brq0badc0de-00\)/);
    assert.match(words.stdout, /repaired: orphan on \S+: qdhcp-0badc0de/);
    assert.match(words.stdout, new RegExp(`not repaired: gap on \\S+: ${tap} is in no bridge: nothing can be done about it from here`));
    const left = told((await audit()).view);
    assert.deepEqual(
      left,
      wanted.filter(text => text.startsWith('gap')),
    );

    resume(pid);
    stopped = undefined;
    await world.until('the agents have repaired the rest', isClean, 90_000);
    assert.ok(await world.pings(a, pair.b.v4));
  });

  test('ports of Open vSwitch go from its database with the namespace that they are in', { skip: noSwitch }, async () => {
    const [host, name, folder] = [pair.a.host, `qdhcp-${stray}`, '/run/openvswitch'];
    const on = (...argv: string[]) => world.host(host, ...argv);
    await on('mkdir', '-p', folder);
    await on('ovsdb-tool', 'create', `${folder}/conf.db`, '/usr/share/openvswitch/vswitch.ovsschema');
    const database = await world.hostJob(host, ['ovsdb-server', `${folder}/conf.db`, `--remote=punix:${folder}/db.sock`]);
    await on('ovs-vsctl', '--timeout=20', '--retry', '--no-wait', 'init');
    const daemon = await world.hostJob(host, ['ovs-vswitchd', '--disable-system', '--pidfile']);
    const make = ['--', 'add-br', 'br-int', '--', 'set', 'bridge', 'br-int', 'datapath_type=netdev'];
    const port = (device: string) => ['--', 'add-port', 'br-int', device, '--', 'set', 'interface', device, 'type=internal'];
    await on('ovs-vsctl', '--timeout=20', ...make, ...port('tapstray'), ...port('tapkept'));
    await on('ip', 'netns', 'add', name);
    await on('ip', 'link', 'set', 'tapstray', 'netns', name);

    const { view } = await audit('--fix');
    assert.deepEqual(
      view.repaired.map(({ finding, why }) => [finding.what, why]),
      [[`${name} serves a network that is not this host's`, undefined]],
    );
    assert.equal((await on('ovs-vsctl', '--timeout=20', 'list-ports', 'br-int')).trim(), 'tapkept');

    // What cannot be written there keeps its namespace, from which it is known.
    await on('ovs-vsctl', '--timeout=20', ...port('tapstray'));
    await on('ip', 'netns', 'add', name);
    await on('ip', 'link', 'set', 'tapstray', 'netns', name);
    database.kill();
    await database.done;
    const refused = await audit('--fix');
    assert.match(refused.view.repaired.map(({ why }) => why).join(), /its ports would stay in Open vSwitch's database: .*db\.sock/);
    assert.match(await on('ip', 'netns', 'list'), new RegExp(name));
    daemon.kill();
    await on('ip', 'netns', 'delete', name);
  });

  test('files that cannot be read are said', async () => {
    const { code, stderr } = await world.weft(['audit', '--config-file', '/nowhere.conf']);
    assert.equal(code, 1);
    assert.match(stderr, /nowhere\.conf/);
  });
});
