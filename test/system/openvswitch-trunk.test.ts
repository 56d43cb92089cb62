// Trunks on real switches: an instance's tagged frames are in the networks of its subports, over two hosts, and nowhere else; subports are guarded as
// any port is; nothing is lost when an agent begins again or when other subports come and go.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { subPortPatch, trunkBridgeName } from '../../src/agent/desired/openvswitch/trunk-names.ts';
import { type Dict, type FakePort, tapOf } from '../../src/agent/l2/fake-server.suite.ts';
import type { FakeTrunk } from '../../src/agent/l2/trunks/fake-trunks.suite.ts';
import { anyRules, python } from './attack-world.ts';
import { connects, pings, serve } from './linuxbridge-traffic.ts';
import { BridgeWorld, type Instance } from './linuxbridge-world.ts';
import { noSandbox, noSwitch } from './need.ts';
import { startSwitch } from './openvswitch-host.ts';
import { bootInside, bootTrunk, nicOf, plugParent } from './openvswitch-trunk-guest.ts';
import { bytes, eth, hex, sender, sniffer, u16, udp4 } from './raw-frames.ts';
import { endWithoutLoss, type Place, startPackets, startTransfer } from './traffic.ts';

const out: Dict[] = ['IPv4', 'IPv6'].map(ethertype => ({ direction: 'egress', ethertype }));
const ssh: Dict = { direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp', port_range_min: 8001, port_range_max: 8001 };

describe('trunks of Open vSwitch', { skip: noSandbox() || noSwitch(), timeout: 300_000 }, () => {
  let world: BridgeWorld;
  let any: string;
  let near: FakeTrunk;
  let far: FakeTrunk;
  /** In three networks, by pairs: the parents', and two of subports. */
  let here: Instance[];
  let there: Instance[];

  const network = (n: number) =>
    [...world.server.networks.values()].find(w => w.segment === 100 + n) ??
    world.server.network(n, { type: 'vlan', segment: 100 + n, physical: 'public' });
  const port = (n: number, net: number, host = '', groups = [any]): FakePort =>
    world.server.port(n, network(net), { groups, host, owner: host === '' ? '' : 'compute:nova' });
  const at =
    (vm: Instance): Place =>
    argv =>
      world.spawn(vm, argv);
  const v4 = (vm: Instance | undefined): string => vm?.port.ips[0] ?? assert.fail();
  const pair = (n: number): [Instance, Instance] => [here[n] ?? assert.fail(), there[n] ?? assert.fail()];
  const wired = (trunk: FakeTrunk): Promise<void> => world.until('the trunk is ACTIVE', async () => trunk.status === 'ACTIVE', 30_000);

  /** How many changes the switch of the first host was told of, and its flows. */
  const configuration = async (): Promise<string> => {
    const dump = await world.on('h1', 'ovs-ofctl', '-O', 'OpenFlow14', 'dump-flows', '--no-stats', 'br-int');
    return `${await world.on('h1', 'ovs-vsctl', 'get', 'Open_vSwitch', '.', 'next_cfg')}${dump.split('\n').sort().join('\n')}`;
  };

  before(async () => {
    world = await BridgeWorld.open(2, 'openvswitch');
    any = world.server.group(1, anyRules);
    near = world.trunks.make(1, port(1, 1, 'h1'), [
      [port(2, 2), 100],
      [port(3, 3), 200],
    ]);
    // The same tags mean other networks there.
    far = world.trunks.make(2, port(4, 1, 'h2'), [
      [port(5, 2), 200],
      [port(6, 3), 100],
    ]);
    await Promise.all([world.agent('h1'), world.agent('h2')]);
    here = await bootTrunk(world, 'h1', near);
    there = await bootTrunk(world, 'h2', far);
    await wired(near);
    await wired(far);
    await world.active(...[...here, ...there].map(vm => vm.port));
  });
  after(() => world?.[Symbol.asyncDispose]());

  for (const [n, what] of ['the parents', 'subports under 100 and 200', 'subports under 200 and 100'].entries())
    test(`${what} reach each other over two hosts, both ways, and by TCP`, async () => {
      const [a, b] = pair(n);
      await world.until('a ping', () => pings(world, a, v4(b)));
      assert.equal(await pings(world, b, v4(a)), true);
      assert.equal(await pings(world, b, a.port.ips[1] ?? ''), true, 'IPv6');
      await serve(world, a, 8001);
      await serve(world, b, 8001);
      assert.equal(await connects(world, a, v4(b), 8001), true);
      assert.equal(await connects(world, b, v4(a), 8001), true);
    });

  test('a subport reaches nobody in the networks of the parent and of the other subport', async () => {
    for (const [i, from] of here.entries())
      for (const [j, to] of [...here, ...there].entries())
        if (j % 3 !== i) assert.equal(await pings(world, from, v4(to)), false, `${i} to ${j}`);
  });

  test('frames under a tag that no subport has, under two tags, or in another’s name come nowhere', async () => {
    const listening = [...here, ...there].map(vm => ({ vm, job: world.spawn(vm, ['python3', '-c', sniffer, 'eth0']) }));
    for (const { job } of listening) await world.until('it listens', async () => job.output().includes('listening'));
    const [parent, sub] = [near.parent, [...near.subs.keys()][0]!];
    const to = (from: FakePort, target: Instance, text: string, ...tags: number[]): string => {
      const packet = udp4(from.ips[0]!, v4(target), 5000, 5000, text);
      const inner = tags.reduceRight<number[]>((rest, tag) => bytes(u16(0x8100), u16(tag), rest), bytes(u16(0x0800), packet));
      return hex(eth(target.port.mac, from.mac, (inner[0]! << 8) | inner[1]!, inner.slice(2)));
    };
    const tagOf = async (name: string): Promise<number> => Number(await world.on('h1', 'ovs-vsctl', 'get', 'Port', name, 'tag'));
    const locals = await Promise.all([`tpi-${parent.id}`.slice(0, 15), subPortPatch(sub.id).int].map(tagOf));
    const foreign = [777, 101, 102, 103, 1, 4094, ...locals];
    const bad = there.flatMap(target => [
      ...foreign.flatMap(tag => [to(parent, target, 'foreign', tag), to(sub, target, 'foreign', tag)]),
      to(parent, target, 'foreign', 100),
      to(parent, target, 'foreign', 200),
      to(sub, target, 'foreign'),
      to(sub, target, 'foreign', 200),
      ...foreign.map(tag => to(sub, target, 'foreign', 100, tag)),
    ]);
    const good = [to(parent, there[0]!, 'fine'), to(sub, there[1]!, 'fine', 100)];
    await world.on('h1', python, '-c', sender, nicOf(near), [...bad, ...good].join(','));
    const heard = (text: string) =>
      listening.filter(l => l.job.output().includes(Buffer.from(text).toString('hex'))).map(l => l.vm.port.id);
    const right = [there[0]!.port.id, there[1]!.port.id];
    await world.until('what is right arrives', async () => right.every(id => heard('fine').includes(id)));
    assert.deepEqual(heard('foreign'), []);
    for (const { job } of listening) job.kill();
  });

  test('a subport sends as itself alone, and takes in what its groups permit', async () => {
    const [, b] = pair(1);
    const [a] = pair(1);
    await world.inside(a, 'ip', 'address', 'add', '10.0.0.99/24', 'dev', 'eth0');
    const spoofed = await world.tryInside(a, 'ping', '-n', '-c1', '-W1', '-I', '10.0.0.99', v4(b));
    assert.notEqual(spoofed.code, 0);
    assert.equal(await pings(world, a, v4(b)), true);
    await world.inside(a, 'ip', 'address', 'del', '10.0.0.99/24', 'dev', 'eth0');
    const group = world.server.group(2, [...out, ssh]);
    await serve(world, a, 8002);
    assert.equal(await connects(world, b, v4(a), 8002), true, 'before');
    a.port.groups.splice(0, 1, group);
    await world.server.portUpdate(a.port);
    await world.until('a port without a rule is shut', async () => !(await connects(world, b, v4(a), 8002)));
    assert.equal(await connects(world, b, v4(a), 8001), true);
    assert.equal(await pings(world, b, v4(a)), false);
    assert.equal(await pings(world, a, v4(b)), true, 'what goes out is answered');
    a.port.groups.splice(0, 1, any);
    await world.server.portUpdate(a.port);
    await world.until('it is open again', () => pings(world, b, v4(a)));
  });

  test('agents begin again, and other subports come and go, without a packet lost', async t => {
    const flows = [];
    const way = (name: string, from: Instance, to: Instance) => ({ name, from: at(from), to: at(to), address: v4(to), port: 7000 });
    const [[a, b], [c, d], [e, f]] = [pair(0), pair(1), pair(2)];
    flows.push(await startPackets(way('UDP of the parent, out', a, b)), await startPackets(way('UDP of a subport, in', d, c)));
    flows.push(await startPackets(way('UDP of a subport, out', c, d)));
    // Slow enough for a switch in user space that reads late on a busy machine: what comes in bursts would push packets out of the buffer before it.
    await world.inside(e, 'tc', 'qdisc', 'add', 'dev', 'eth0', 'root', 'tbf', 'rate', '2mbit', 'burst', '8kb', 'latency', '300ms');
    flows.push(await startTransfer(way('TCP of another subport', e, f)));
    const was = await configuration();
    for (const host of ['h1', 'h2', 'h1']) {
      world.kill(host);
      await sleep(300);
      await world.agent(host);
    }
    await wired(near);
    assert.equal(await configuration(), was, 'an agent that begins again changes nothing');
    const third = port(7, 4);
    await world.trunks.add(near, third, 300);
    await world.active(third);
    const vm = await bootInside(world, 'h1', near, third, 300);
    const fourth = await world.instance('h2', port(8, 4, 'h2'));
    await world.active(fourth.port);
    await world.until('the new one is reached', () => pings(world, fourth, v4(vm)));
    await world.trunks.remove(near, third);
    await world.until('the new one is cut off', async () => !(await pings(world, fourth, v4(vm))));
    await wired(near);
    await endWithoutLoss(t, flows);
  });

  test('the agent is killed at any moment while subports are wired, and the next one ends what it began', async () => {
    const extra = [11, 12, 13, 14].map(n => port(n, 5));
    for (const [i, sub] of extra.entries()) {
      await world.trunks.add(near, sub, 400 + i);
      await sleep(10 + 25 * i);
      world.kill('h1');
      await world.agent('h1');
    }
    await world.active(...extra);
    await wired(near);
    const tags = await world.on('h1', 'ovs-vsctl', ...extra.flatMap(p => ['--', 'get', 'Port', subPortPatch(p.id).trunk, 'tag']));
    assert.deepEqual(tags.trim().split(/\s+/), ['400', '401', '402', '403']);
    for (const sub of extra) await world.trunks.remove(near, sub);
    await world.until('they are gone', async () => !(await world.on('h1', 'ovs-vsctl', 'show')).includes(subPortPatch(extra[3]!.id).int));
    await wired(near);
  });

  test('ovs-vswitchd begins again: the trunks are as before', async () => {
    await world.on('h1', 'ovs-appctl', 'exit');
    await world.until('it has ended', async () => (await world.attempt('h1', 'ovs-appctl', 'version')).code !== 0);
    await startSwitch(world, 'h1');
    for (const n of [0, 1, 2]) {
      const [a, b] = pair(n);
      await world.until(`a ping of ${n}`, () => pings(world, a, v4(b)));
    }
    assert.equal(await pings(world, here[1]!, v4(there[2])), false);
  });

  test('the instance goes with its bridge, and comes again', async () => {
    const bridge = trunkBridgeName(near.id);
    await world.on('h1', 'ovs-vsctl', '--timeout=20', 'del-br', bridge);
    const left = async (): Promise<string[]> =>
      (await world.on('h1', 'ovs-vsctl', 'list-ports', 'br-int')).split('\n').filter(p => /^[ts]pi-/.test(p));
    await world.until('nothing is left', async () => (await left()).length === 0);
    await world.until('all DOWN', async () => [near.parent, ...near.subs.keys()].every(p => p.status === 'DOWN'));
    await plugParent(world, 'h1', near);
    await world.active(near.parent, ...near.subs.keys());
    for (const n of [0, 1, 2]) await world.until(`a ping of ${n}`, () => pings(world, pair(n)[0], v4(pair(n)[1])));
    await world.on('h1', 'ovs-vsctl', '--timeout=20', 'del-port', tapOf(near.parent.id));
    await world.until('the bridge goes when nobody comes', async () => !(await world.on('h1', 'ovs-vsctl', 'list-br')).includes(bridge));
    assert.deepEqual(await left(), []);
  });
});
