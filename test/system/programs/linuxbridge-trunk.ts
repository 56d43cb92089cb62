// Trunks on Linux bridges, two hosts, VXLAN: for a kernel that has VLAN devices, and need have no filters. The instances have such devices, too, each in a
// namespace of its own.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type FakePort, tapOf } from '../../../src/agent/l2/fake-server.suite.ts';
import type { FakeTrunk } from '../../../src/agent/l2/trunks/fake-trunks.suite.ts';
import { anyRules } from '../attack-world.ts';
import { connects, pings, serve } from '../linuxbridge-traffic.ts';
import { BridgeWorld, type Instance } from '../linuxbridge-world.ts';
import { endWithoutLoss, type Place, startPackets, startTransfer } from '../traffic.ts';

describe('trunks of Linux bridges', () => {
  let world: BridgeWorld;
  let any: string;
  let near: FakeTrunk;
  let here: Instance[];
  let there: Instance[];

  const port = (n: number, net: number, host = ''): FakePort =>
    world.server.port(n, world.server.network(net), { groups: [any], host, owner: host === '' ? '' : 'compute:nova' });
  const at =
    (vm: Instance): Place =>
    argv =>
      world.spawn(vm, argv);
  const v4 = (vm: Instance): string => vm.port.ips[0] ?? assert.fail();
  const pair = (n: number): [Instance, Instance] => [here[n] ?? assert.fail(), there[n] ?? assert.fail()];
  const wired = (trunk: FakeTrunk): Promise<void> => world.until('the trunk is ACTIVE', async () => trunk.status === 'ACTIVE');

  /** A VLAN device of the guest's, in a namespace that plays what uses it. */
  const inside = async (parent: Instance, sub: FakePort, tag: number): Promise<Instance> => {
    const vm = { host: parent.host, ns: `vm-${sub.id.slice(0, 8)}`, port: sub };
    await world.on(vm.host, 'ip', 'netns', 'add', vm.ns);
    await world.inside(
      parent,
      'ip',
      'link',
      'add',
      'link',
      'eth0',
      'name',
      `v${tag}`,
      'address',
      sub.mac,
      'type',
      'vlan',
      'id',
      String(tag),
    );
    await world.inside(parent, 'ip', 'link', 'set', `v${tag}`, 'netns', vm.ns, 'name', 'eth0');
    for (const argv of [
      ['link', 'set', 'lo', 'up'],
      ['link', 'set', 'eth0', 'up'],
      ['addr', 'add', `${sub.ips[0]}/24`, 'dev', 'eth0'],
    ])
      await world.inside(vm, 'ip', ...argv);
    return vm;
  };

  const boot = async (host: string, trunk: FakeTrunk): Promise<Instance[]> => {
    const parent = await world.instance(host, trunk.parent);
    const vms = [parent];
    for (const [sub, tag] of trunk.subs) vms.push(await inside(parent, sub, tag));
    return vms;
  };

  before(async () => {
    world = await BridgeWorld.open(2);
    any = world.server.group(1, anyRules);
    near = world.trunks.make(1, port(1, 1, 'h1'), [
      [port(2, 2), 100],
      [port(3, 3), 200],
    ]);
    const far = world.trunks.make(2, port(4, 1, 'h2'), [
      [port(5, 2), 200],
      [port(6, 3), 100],
    ]);
    await Promise.all([world.agent('h1', { unfiltered: true }), world.agent('h2', { unfiltered: true })]);
    here = await boot('h1', near);
    there = await boot('h2', far);
    for (const trunk of [near, far]) await wired(trunk);
    await world.active(...[...here, ...there].map(vm => vm.port));
  });
  after(() => world?.[Symbol.asyncDispose]());

  for (const n of [0, 1, 2])
    test(`pair ${n} of three reach each other over two hosts, and by TCP`, async () => {
      const [a, b] = pair(n);
      await world.until('a ping', () => pings(world, a, v4(b)));
      assert.equal(await pings(world, b, v4(a)), true);
      await serve(world, b, 8001);
      assert.equal(await connects(world, a, v4(b), 8001), true);
    });

  test('a subport reaches nobody in the networks of the parent and of the other subport', async () => {
    for (const [i, from] of here.entries())
      for (const [j, to] of [...here, ...there].entries()) if (j % 3 !== i) assert.equal(await pings(world, from, v4(to)), false);
  });

  test('agents begin again, and another subport comes and goes, without a packet lost', async t => {
    const way = (name: string, from: Instance, to: Instance, port: number) => ({ name, from: at(from), to: at(to), address: v4(to), port });
    const [[a, b], [c, d], [e, f]] = [pair(0), pair(1), pair(2)];
    const flows = [
      await startPackets(way('UDP of the parent', a, b, 7000)),
      await startPackets(way('UDP of a subport', d, c, 7001)),
      await startTransfer(way('TCP of another subport', e, f, 7002)),
    ];
    for (const host of ['h1', 'h2']) {
      world.kill(host);
      await sleep(300);
      await world.agent(host, { unfiltered: true });
    }
    const third = port(7, 4);
    await world.trunks.add(near, third, 300);
    await world.until('it is ACTIVE', async () => third.status === 'ACTIVE');
    await world.trunks.remove(near, third);
    await world.until('its device is gone', async () => (await world.attempt('h1', 'ip', 'link', 'show', tapOf(third.id))).code !== 0);
    await wired(near);
    await endWithoutLoss(t, flows);
  });

  test('the trunk is deleted while no agent runs: its subports go, the parent stays', async () => {
    world.kill('h1');
    await world.trunks.delete(near);
    await world.agent('h1', { unfiltered: true });
    const there1 = async (p: FakePort) => (await world.attempt('h1', 'ip', 'link', 'show', tapOf(p.id))).code === 0;
    for (const sub of near.subs.keys()) await world.until('it is gone', async () => !(await there1(sub)));
    const [a, b] = pair(0);
    assert.equal(await pings(world, a, v4(b)), true);
    assert.equal(await pings(world, pair(1)[0], v4(pair(1)[1])), false);
  });
});
