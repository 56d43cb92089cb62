// Versioned objects over a bus: what is asked for and when, what a push changes, and which of two words counts when they cross.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { localBus } from '../../adapters/bus-local/local-bus.ts';
import { systemClock } from '../../adapters/clock/system-clock.ts';
import { textLog } from '../../adapters/log/text-log.ts';
import type { Bus } from '../../contracts/bus.ts';
import { until } from '../../contracts/host/under-test.ts';
import { FakeServer, uuid } from './fake-server.suite.ts';
import { ObjectCache, type ObjectKind } from './object-cache.ts';
import { type ObjectPart, Resources, serveObjects } from './resources.ts';

const gold = uuid(0x90, 1);
const silver = uuid(0x90, 2);
const names: ObjectKind<string> = {
  type: 'QosPolicy',
  key: 'id',
  read({ data }) {
    if (typeof data['name'] !== 'string') throw new Error('without a name');
    return data['name'];
  },
};
const policy = (id: string, name: unknown, revision_number = 1) => ({ id, name, revision_number, rules: [] });

class World implements AsyncDisposable {
  readonly lines: string[] = [];
  readonly log = textLog({ sink: { write: line => void this.lines.push(line) }, level: 'debug' });
  readonly bus: Bus = localBus({ clock: systemClock, log: this.log });
  server!: FakeServer;
  marked = 0;
  private readonly open: AsyncDisposable[] = [];

  static async with<T>(kind: ObjectKind<T>): Promise<World & { cache: ObjectCache<T> }> {
    const world = new World();
    world.server = await FakeServer.open(world.bus);
    const cache = new ObjectCache(new Resources(world.bus), world.log, kind);
    const part: ObjectPart = {
      listens: { [kind.type]: (event: never, objects: never) => cache.hear(event, objects) },
      refresh: again => cache.refresh(again),
      touchAll: () => cache.touchAll(),
    };
    world.open.push(world.server, await serveObjects(world.bus, 'h1', [part], () => world.marked++));
    return Object.assign(world, { cache });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const open of this.open) await open[Symbol.asyncDispose]();
  }
}

test('asked for once, then followed by what is pushed', async () => {
  await using world = await World.with(names);
  const { cache, server } = world;
  server.object('QosPolicy', gold, policy(gold, 'gold'));
  cache.want(new Set([gold, silver]));
  assert.equal(cache.get(gold), undefined);
  await cache.refresh(false);
  assert.deepEqual([cache.get(gold), cache.get(silver)], ['gold', null]);
  await cache.refresh(true);
  assert.equal(server.count('pull'), 2);
  await server.push('QosPolicy', 'updated', policy(gold, 'more', 2));
  await until(() => world.marked === 1, 'the push to be heard');
  assert.equal(cache.get(gold), 'more');
  await server.push('QosPolicy', 'updated', policy(gold, 'older', 1), policy(uuid(0x90, 3), 'of others'));
  await server.push('QosPolicy', 'created', policy(silver, 'silver'));
  await until(() => world.marked === 2, 'the second one to be heard');
  assert.deepEqual([cache.get(gold), cache.get(silver)], ['more', 'silver']);
  await cache.refresh(false);
  assert.equal(server.count('pull'), 2);
  cache.want(new Set([silver]));
  assert.equal(cache.get(gold), undefined);
});

test('what is deleted, or was missed, is asked for again', async () => {
  await using world = await World.with(names);
  const { cache, server } = world;
  server.object('QosPolicy', gold, policy(gold, 'gold', 5));
  cache.want(new Set([gold]));
  await cache.refresh(false);
  server.object('QosPolicy', gold, undefined);
  await server.push('QosPolicy', 'deleted', { id: gold });
  await until(() => world.marked === 1, 'the push to be heard');
  await cache.refresh(false);
  assert.equal(cache.get(gold), null);
  server.object('QosPolicy', gold, policy(gold, 'again', 1));
  cache.touchAll();
  await cache.refresh(false);
  assert.equal(cache.get(gold), 'again');
});

test('an answer that a push overtakes is not the last word', async () => {
  await using world = await World.with(names);
  const { cache, server } = world;
  server.object('QosPolicy', gold, policy(gold, 'old', 1));
  server.late.add('pull');
  cache.want(new Set([gold]));
  const asked = cache.refresh(false);
  await until(() => server.held.length === 1, 'the question');
  server.object('QosPolicy', gold, policy(gold, 'new', 2));
  await server.push('QosPolicy', 'updated', policy(gold, 'new', 2));
  await until(() => world.marked === 1, 'the push to be heard');
  server.late.delete('pull');
  server.held[0]?.();
  await asked;
  await cache.refresh(false);
  assert.equal(cache.get(gold), 'new');
});

test('a server that refuses is asked again only with everything; it is said once', async () => {
  await using world = await World.with(names);
  const { cache, server } = world;
  server.object('QosPolicy', gold, policy(gold, 7));
  cache.want(new Set([gold, silver]));
  server.failing.add('pull');
  for (const again of [false, true, true]) await cache.refresh(again);
  assert.equal(server.count('pull'), 6);
  assert.equal(world.lines.filter(l => l.includes('does not tell')).length, 2);
  server.failing.delete('pull');
  await cache.refresh(false);
  assert.equal(server.count('pull'), 6);
  await cache.refresh(true);
  await cache.refresh(true);
  assert.deepEqual([cache.get(gold), cache.get(silver)], [undefined, null]);
  assert.equal(world.lines.filter(l => l.includes('makes no sense')).length, 1);
});

test('while nobody answers it stays stale, and what is known stays', async () => {
  await using world = await World.with(names);
  const { cache, server } = world;
  server.object('QosPolicy', gold, policy(gold, 'gold'));
  cache.want(new Set([gold]));
  await cache.refresh(false);
  const away: Bus = { ...world.bus, call: () => Promise.reject(new Error('away')) };
  const lonely = new ObjectCache(new Resources(away), world.log, names);
  lonely.want(new Set([gold]));
  await assert.rejects(lonely.refresh(false), /away/);
  await assert.rejects(lonely.refresh(false), /away/);
  lonely.hear('updated', [{ name: 'QosPolicy', minor: 10, data: policy(gold, 'pushed') }]);
  await lonely.refresh(false);
  assert.equal(lonely.get(gold), 'pushed');
});

test('a trunk is known by its parent port; another of the same port is not old because its number is small', async () => {
  const parent = uuid(0xa0, 1);
  await using world = await World.with({ type: 'Trunk', key: 'port_id', read: ({ data }) => (data['sub_ports'] as unknown[]).length });
  const { cache, server } = world;
  const trunk = (n: number, revision_number: number, subports: number) => ({
    id: uuid(0x80, n),
    port_id: parent,
    revision_number,
    sub_ports: Array.from({ length: subports }, (_, i) => ({ port_id: uuid(0xa1, i), trunk_id: uuid(0x80, n), segmentation_id: i + 1 })),
  });
  server.object('Trunk', parent, trunk(1, 9, 2));
  cache.want(new Set([parent]));
  await cache.refresh(false);
  assert.equal(cache.get(parent), 2);
  await server.push('Trunk', 'created', trunk(2, 0, 1));
  await until(() => world.marked === 1, 'the push to be heard');
  assert.equal(cache.get(parent), 1);
  server.object('Trunk', parent, undefined);
  await server.push('Trunk', 'deleted', trunk(2, 1, 0));
  await until(() => world.marked === 2, 'the second one to be heard');
  await cache.refresh(false);
  assert.equal(cache.get(parent), null);
});

test('pushes that are none are not heard', async () => {
  await using world = await World.with(names);
  const { cache, bus } = world;
  cache.want(new Set([gold]));
  for (const args of [
    {},
    { resource_list: 7, event_type: 'updated' },
    { resource_list: [null, 7, { 'versioned_object.name': 'QosPolicy' }], event_type: 'updated' },
    { resource_list: [], event_type: 'exploded' },
  ])
    await bus.cast({ topic: 'neutron-vo-QosPolicy-1.10', fanout: true, version: '1.1' }, 'push', args);
  await world.server.push('QosPolicy', 'updated', policy(gold, 'gold'));
  await until(() => cache.get(gold) === 'gold', 'the one that is one');
  assert.equal(world.marked, 1);
});
