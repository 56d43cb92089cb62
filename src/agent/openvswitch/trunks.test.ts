// Trunks of the Open vSwitch agent: what is wired, what the server is told, what comes and goes, and what another life or a crash leaves.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { subPortPatch } from '../desired/openvswitch/trunk-names.ts';
import type { FakePort } from '../l2/fake-server.suite.ts';
import { tapOf } from './ovs-world.suite.ts';
import { bridgeOf, TrunkWorld } from './trunk-world.suite.ts';

const pair = (kind: 't' | 's', bridge: string, { id }: FakePort, tag: string): string[] => {
  const [int, end] = [`${kind}pi-${id}`.slice(0, 15), `${kind}pt-${id}`.slice(0, 15)];
  return [`br-int ${int} → ${end}`, `${bridge} ${end} → ${int} ${tag}`];
};
const parentPair = (bridge: string, port: FakePort): string[] => pair('t', bridge, port, 'tag undefined trunks 0');
const subPair = (bridge: string, port: FakePort, tag: number): string[] => pair('s', bridge, port, `tag ${tag} trunks `);
const intEnd = ({ id }: FakePort): string => subPortPatch(id).int;

test('a parent that is plugged in brings its subports along: patches with tags, ports alive in networks of their own, the trunk ACTIVE', async () => {
  await using world = await TrunkWorld.open();
  const [parent, one, two] = [world.port(1), world.loose(2), world.loose(3)];
  const trunk = world.trunks.make(1, parent, [
    [one, 100],
    [two, 200],
  ]);
  await world.start();
  await world.plug(trunk);
  await world.active(trunk, parent, one, two);
  const bridge = bridgeOf(trunk);
  assert.deepEqual(world.patches(), [...parentPair(bridge, parent), ...subPair(bridge, one, 100), ...subPair(bridge, two, 200)].sort());
  assert.deepEqual([one.host, one.owner], ['h1', 'trunk:subport']);
  const tags = [parent, one, two].map(p => world.find(p === parent ? `tpi-${p.id}`.slice(0, 15) : intEnd(p))?.tag);
  assert.equal(new Set(tags).size, 3);
  assert.ok(tags.every(t => t !== undefined && t !== 4095));
  const ids = world.find(intEnd(one))?.interfaces[0]?.external_ids;
  assert.deepEqual(ids, { 'attached-mac': one.mac, 'iface-id': one.id });
  const { bridge_name, trunk_id, subport_ids } = world.find(tapOf(parent))?.interfaces[0]?.external_ids ?? {};
  assert.deepEqual([bridge_name, trunk_id, JSON.parse(String(subport_ids))], [bridge, trunk.id, [one.id, two.id]]);
  assert.deepEqual(world.trunks.told, ['ACTIVE']);
});

test('an end on the integration bridge is dead from its first moment', async () => {
  await using world = await TrunkWorld.open();
  const first = new Map<string, string>();
  world.host.ovsdb.server.onCommit(() => {
    for (const p of world.host.ovsdb.now().bridges.get('br-int')?.ports.values() ?? [])
      if (/^[ts]pi-/.test(p.name) && !first.has(p.name)) first.set(p.name, `${p.tag} ${p.vlan_mode} ${p.trunks}`);
  });
  const [parent, sub] = [world.port(1), world.loose(2)];
  const trunk = world.trunks.make(1, parent, [[sub, 100]]);
  await world.start();
  await world.plug(trunk);
  await world.active(trunk, parent, sub);
  assert.deepEqual([...first.values()], ['4095 trunk 4095', '4095 trunk 4095']);
});

test('a subport comes, changes its tag, goes; the others are not touched', async () => {
  await using world = await TrunkWorld.open();
  const [parent, one, two] = [world.port(1), world.loose(2), world.loose(3)];
  const trunk = world.trunks.make(1, parent, [[one, 100]]);
  await world.plug(trunk);
  await world.start();
  await world.active(trunk, parent, one);
  const bridge = bridgeOf(trunk);
  const kept = [`tpi-${parent.id}`.slice(0, 15), tapOf(parent), intEnd(one)].map(name => world.find(name)?._uuid);
  await world.trunks.add(trunk, two, 200);
  await world.active(trunk, two);
  assert.deepEqual(world.trunks.bound, [[one.id], [two.id]], 'each is bound once');
  trunk.subs.set(two, 201);
  world.trunks.write(trunk);
  await world.server.push('SubPort', 'created', { trunk_id: trunk.id, port_id: two.id, segmentation_type: 'vlan', segmentation_id: 201 });
  await world.until('another tag', () => world.patches().includes(subPair(bridge, two, 201)[1]!));
  await world.trunks.remove(trunk, two);
  await world.until('it is gone', () => world.find(intEnd(two)) === undefined && trunk.status === 'ACTIVE');
  assert.deepEqual(world.patches(), [...parentPair(bridge, parent), ...subPair(bridge, one, 100)].sort());
  assert.deepEqual(
    [`tpi-${parent.id}`.slice(0, 15), tapOf(parent), intEnd(one)].map(name => world.find(name)?._uuid),
    kept,
  );
});

test('a subport goes from one trunk to another on the same host', async () => {
  await using world = await TrunkWorld.open();
  const [a, b, sub] = [world.port(1), world.port(2), world.loose(3)];
  const [from, to] = [world.trunks.make(1, a, [[sub, 100]]), world.trunks.make(2, b)];
  await world.plug(from);
  await world.plug(to);
  await world.start();
  await world.active(from, a, sub);
  await world.active(to, b);
  from.subs.clear();
  to.subs.set(sub, 300);
  for (const trunk of [from, to]) world.trunks.write(trunk);
  await world.server.push('SubPort', 'created', { trunk_id: to.id, port_id: sub.id, segmentation_type: 'vlan', segmentation_id: 300 });
  // What was told of the first trunk may come later.
  await world.server.push('SubPort', 'deleted', { trunk_id: from.id, port_id: sub.id, segmentation_type: 'vlan', segmentation_id: 100 });
  await world.until('it is in the other one', () => world.patches().includes(subPair(bridgeOf(to), sub, 300)[1]!));
  await world.active(to, sub);
  assert.ok(!world.patches().some(p => p.startsWith(`${bridgeOf(from)} spt-`)));
});

test('another life touches nothing that is as it should be, and takes away what went meanwhile', async () => {
  await using world = await TrunkWorld.open();
  const [parent, one, two] = [world.port(1), world.loose(2), world.loose(3)];
  const trunk = world.trunks.make(1, parent, [
    [one, 100],
    [two, 200],
  ]);
  await world.plug(trunk);
  await world.start();
  await world.active(trunk, parent, one, two);
  const all = world.patches();
  await world.stop();
  const before = world.host.ovsdb.now().root.next_cfg;
  world.trunks.told.length = 0;
  await world.start();
  await world.until('told again', () => world.trunks.told.includes('ACTIVE'));
  assert.deepEqual(world.patches(), all);
  assert.equal(world.host.ovsdb.now().root.next_cfg, before);
  await world.stop();
  trunk.subs.delete(two);
  Object.assign(two, { host: '', owner: '', status: 'DOWN' });
  world.trunks.write(trunk);
  await world.start();
  await world.until('it is gone', () => world.find(intEnd(two)) === undefined);
  assert.deepEqual(world.patches(), [...parentPair(bridgeOf(trunk), parent), ...subPair(bridgeOf(trunk), one, 100)].sort());
});

test('the trunk was deleted while the agent was away: its subports go, its parent is what the server says of the port', async () => {
  await using world = await TrunkWorld.open();
  const [parent, sub] = [world.port(1), world.loose(2)];
  const trunk = world.trunks.make(1, parent, [[sub, 100]]);
  await world.plug(trunk);
  await world.start();
  await world.active(trunk, parent, sub);
  await world.stop();
  await world.trunks.delete(trunk);
  await world.start();
  await world.until('its subport is gone', () => world.find(intEnd(sub)) === undefined);
  assert.deepEqual(world.patches(), parentPair(bridgeOf(trunk), parent));
});

test('messages that were lost with the bus are made up for when it is back', async () => {
  await using world = await TrunkWorld.open();
  const listeners: ((up: boolean) => void)[] = [];
  world.bus.onUp = listener => {
    listeners.push(listener);
    return { [Symbol.dispose]() {} };
  };
  const [parent, one, two] = [world.port(1), world.loose(2), world.loose(3)];
  const trunk = world.trunks.make(1, parent, [[one, 100]]);
  await world.plug(trunk);
  await world.start();
  await world.active(trunk, parent, one);
  trunk.subs.delete(one);
  trunk.subs.set(two, 200);
  trunk.status = 'DOWN';
  world.trunks.write(trunk);
  for (const tell of listeners) tell(true);
  await world.active(trunk, two);
  assert.equal(world.find(intEnd(one)), undefined);
});

test('subports that make no sense, or that the server does not bind, are left out, and the trunk is DEGRADED or in ERROR', async () => {
  await using world = await TrunkWorld.open();
  const [parent, one, two, other, never] = [world.port(1), world.loose(2), world.loose(3), world.port(4), world.loose(5)];
  const trunk = world.trunks.make(1, parent, [
    [one, 100],
    [two, 100],
  ]);
  const second = world.trunks.make(2, other, [[never, 7]]);
  world.trunks.unbindable.add(never);
  await world.plug(trunk);
  await world.plug(second);
  await world.start();
  await world.until('DEGRADED', () => trunk.status === 'DEGRADED' && one.status === 'ACTIVE');
  assert.equal(world.find(intEnd(two)), undefined, 'two networks under one tag would be one');
  await world.until('the other parent lives', () => other.status === 'ACTIVE');
  assert.equal(second.status, 'ERROR');
  assert.deepEqual(world.trunks.told, ['DEGRADED'], 'what the server has put in ERROR stays so');
  assert.ok(world.lines.some(l => l.includes(two.id) && l.includes('VLAN tag 100')));
});

test('a parent in a bridge that is not its trunk’s: ERROR, and none of its subports', async () => {
  await using world = await TrunkWorld.open();
  const [parent, sub] = [world.port(1), world.loose(2)];
  const trunk = world.trunks.make(1, parent, [[sub, 100]]);
  await world.plug({ ...trunk, id: `99999999-${trunk.id.slice(9)}` });
  await world.start();
  await world.until('ERROR', () => trunk.status === 'ERROR');
  assert.deepEqual(world.patches(), []);
});

for (const method of ['update_subport_bindings', 'update_trunk_status'] as const)
  test(`the server fails at ${method}, and the agent dies then: what was wired stays, and the next life does the rest`, async () => {
    await using world = await TrunkWorld.open();
    const [parent, one, two] = [world.port(1), world.loose(2), world.loose(3)];
    const trunk = world.trunks.make(1, parent, [[one, 100]]);
    const wired = [...parentPair(bridgeOf(trunk), parent), ...subPair(bridgeOf(trunk), one, 100)].sort();
    await world.plug(trunk);
    await world.start();
    await world.active(trunk, parent, one);
    world.trunks.failing.add(method);
    world.lines.length = 0;
    await world.trunks.add(trunk, two, 200);
    await world.until('it tries', () => world.lines.some(l => l.includes('not all could be done for trunks')));
    const all = [...wired, ...subPair(bridgeOf(trunk), two, 200)].sort();
    assert.deepEqual(world.patches(), method === 'update_trunk_status' ? all : wired);
    assert.notEqual(trunk.status, 'ACTIVE');
    await world.stop();
    world.trunks.failing.clear();
    await world.start();
    await world.active(trunk, one, two);
    assert.deepEqual(world.patches(), all);
  });

test('what somebody else takes away comes back', async () => {
  await using world = await TrunkWorld.open();
  const [parent, sub] = [world.port(1), world.loose(2)];
  const trunk = world.trunks.make(1, parent, [[sub, 100]]);
  await world.plug(trunk);
  await world.start();
  await world.active(trunk, parent, sub);
  const all = world.patches();
  await world.database({ bridges: { [bridgeOf(trunk)]: { ports: { [subPortPatch(sub.id).trunk]: null } } } });
  await world.until('it is back', () => world.patches().join() === all.join());
});

test('Nova takes the bridge away: what led to it goes at once, and comes with the instance again', async () => {
  await using world = await TrunkWorld.open();
  const [parent, sub] = [world.port(1), world.loose(2)];
  const trunk = world.trunks.make(1, parent, [[sub, 100]]);
  await world.plug(trunk);
  await world.start();
  await world.active(trunk, parent, sub);
  const all = world.patches();
  await world.database({ bridges: { [bridgeOf(trunk)]: null } });
  await world.until('nothing is left', () => world.patches().length === 0);
  await world.until('both are DOWN', () => parent.status === 'DOWN' && sub.status === 'DOWN');
  await world.plug(trunk);
  await world.active(trunk, parent, sub);
  assert.deepEqual(world.patches(), all);
});
