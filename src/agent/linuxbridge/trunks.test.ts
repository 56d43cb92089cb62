// Trunks of the Linux bridge agent: subports are VLAN devices on their parent's tap, and ports of bridges of their own.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { localBus } from '../../adapters/bus-local/local-bus.ts';
import { systemClock } from '../../adapters/clock/system-clock.ts';
import { type SimHost, simHost } from '../../adapters/host/sim-host.ts';
import { textLog } from '../../adapters/log/text-log.ts';
import type { Link } from '../../contracts/host/links.ts';
import { until } from '../../contracts/host/under-test.ts';
import type { AgentPart } from '../context.ts';
import { type FakePort, FakeServer, tapOf } from '../l2/fake-server.suite.ts';
import { type FakeTrunk, FakeTrunks } from '../l2/trunks/fake-trunks.suite.ts';
import { startLinuxbridgeAgent } from './agent.ts';

class World implements AsyncDisposable {
  readonly host: SimHost = simHost();
  readonly lines: string[] = [];
  readonly log = textLog({ sink: { write: line => void this.lines.push(line) }, level: 'debug' });
  readonly bus = localBus({ clock: systemClock, log: this.log });
  server!: FakeServer;
  trunks!: FakeTrunks;
  private agent: AgentPart | undefined;

  static async open(): Promise<World> {
    const world = new World();
    world.server = await FakeServer.open(world.bus);
    world.trunks = await FakeTrunks.open(world.bus, world.server);
    return world;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    for (const open of [this.trunks, this.server, this.bus]) await open[Symbol.asyncDispose]();
  }

  async start(): Promise<void> {
    this.agent = await startLinuxbridgeAgent({
      bus: this.bus,
      host: this.host,
      clock: systemClock,
      log: this.log,
      random: () => 0.5,
      config: { host: 'h1', statePath: '/nowhere', reportIntervalMs: 30_000, linuxbridge: { interfaceMappings: {}, bridgeMappings: {} } },
    });
    await this.agent.synced;
  }

  async stop(): Promise<void> {
    await this.agent?.[Symbol.asyncDispose]();
    this.agent = undefined;
  }

  /** A port of a network of its own; without a host one that is in no trunk yet. */
  port(n: number, host = ''): FakePort {
    return this.server.port(n, this.server.network(n, { type: 'local' }), { host, owner: host === '' ? '' : 'compute:nova' });
  }

  async plug({ id }: FakePort): Promise<void> {
    await this.host.links.apply('', [{ do: 'add-link', link: { kind: 'veth', name: tapOf(id), peer: `v${id.slice(2, 8)}` } }]);
  }

  async find({ id }: FakePort): Promise<Link | undefined> {
    return (await this.host.links.list('')).find(l => l.name === tapOf(id));
  }

  until(what: string, look: () => boolean | Promise<boolean>): Promise<void> {
    return until(look, what, 20_000).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${this.lines.join('')}`);
    });
  }

  active(trunk: FakeTrunk, ...ports: readonly FakePort[]): Promise<void> {
    return this.until('ACTIVE', () => trunk.status === 'ACTIVE' && ports.every(p => p.status === 'ACTIVE'));
  }
}

const bridgeOf = ({ network }: FakePort): string => `brq${network.slice(0, 11)}`;

test('subports are devices on the tap of the parent, with its tags, each in the bridge of its network', async () => {
  await using world = await World.open();
  const [parent, one, two] = [world.port(1, 'h1'), world.port(2), world.port(3)];
  const trunk = world.trunks.make(1, parent, [
    [one, 100],
    [two, 200],
  ]);
  await world.plug(parent);
  await world.start();
  await world.active(trunk, parent, one, two);
  for (const [port, id] of [[one, 100] as const, [two, 200] as const]) {
    const link = await world.find(port);
    assert.deepEqual([link?.kind, link?.vlan, link?.master, link?.up], ['vlan', { dev: tapOf(parent.id), id }, bridgeOf(port), true]);
  }
  assert.deepEqual([one.host, one.owner], ['h1', 'trunk:subport']);
  assert.equal((await world.find(parent))?.master, bridgeOf(parent));
});

test('a subport comes, gets another tag, and goes; another life changes nothing, and makes up for what it missed', async () => {
  await using world = await World.open();
  const [parent, one, two] = [world.port(1, 'h1'), world.port(2), world.port(3)];
  const trunk = world.trunks.make(1, parent, [[one, 100]]);
  await world.plug(parent);
  await world.start();
  await world.active(trunk, parent, one);
  const first = (await world.find(one))?.index;
  await world.trunks.add(trunk, two, 200);
  await world.active(trunk, two);
  trunk.subs.set(two, 201);
  world.trunks.write(trunk);
  await world.server.push('SubPort', 'created', { trunk_id: trunk.id, port_id: two.id, segmentation_type: 'vlan', segmentation_id: 201 });
  await world.until('another tag', async () => (await world.find(two))?.vlan?.id === 201 && (await world.find(two))?.master !== undefined);
  const second = (await world.find(two))?.index;
  await world.stop();
  world.trunks.told.length = 0;
  await world.start();
  await world.until('told again', () => world.trunks.told.includes('ACTIVE'));
  assert.deepEqual([(await world.find(one))?.index, (await world.find(two))?.index], [first, second]);
  await world.trunks.remove(trunk, two);
  await world.until('it is gone', async () => (await world.find(two)) === undefined && trunk.status === 'ACTIVE');
  assert.equal((await world.find(one))?.index, first);
  await world.stop();
  await world.trunks.delete(trunk);
  await world.start();
  await world.until('its subports are gone', async () => (await world.find(one)) === undefined);
  assert.notEqual(await world.find(parent), undefined);
});

test('a tag that somebody else has taken: the trunk is DEGRADED, and the log says why', async () => {
  await using world = await World.open();
  const [parent, one, two] = [world.port(1, 'h1'), world.port(2), world.port(3)];
  const trunk = world.trunks.make(1, parent, [
    [one, 100],
    [two, 200],
  ]);
  await world.plug(parent);
  await world.host.links.apply('', [{ do: 'add-link', link: { kind: 'vlan', name: 'mine', dev: tapOf(parent.id), id: 200 } }]);
  await world.start();
  await world.until('DEGRADED', () => trunk.status === 'DEGRADED' && one.status === 'ACTIVE');
  assert.equal(await world.find(two), undefined);
  assert.ok(world.lines.some(l => l.includes(two.id) && l.includes('File exists')));
});
