// Bridges of trunks without an instance: how long they are waited for, and that nothing goes that somebody was faster to use.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simHost } from '../../adapters/host/sim-host.ts';
import type { OvsdbSession, OvsPicture } from '../../contracts/host/ovsdb.ts';
import type { Clock } from '../../engine/clock.ts';
import { uuid } from '../l2/fake-server.suite.ts';
import { OvsTrunkHost } from './trunk-host.ts';
import { removeTrunkBridge } from './trunk-removal.ts';

const bridge = 'tbr-11111111-1';
const instance = { tap1: { interface: { type: 'internal', external_ids: { 'iface-id': uuid(1, 1) } } } };
const patch = (peer: string) => ({ interface: { type: 'patch', options: { peer } } });

class World implements AsyncDisposable {
  readonly session: OvsdbSession = simHost().ovsdb.open({ connection: 'unix:/run/openvswitch/db.sock' });
  private at = 1000;
  readonly host: OvsTrunkHost;

  constructor() {
    const clock: Clock = { now: () => this.at, sleep: () => Promise.reject(new Error('nobody waits here')) };
    this.host = new OvsTrunkHost({ session: this.session, integrationBridge: 'br-int', clock });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.session[Symbol.asyncDispose]();
  }

  async ports(): Promise<string[]> {
    const { bridges } = await this.session.picture();
    return [...bridges.values()].flatMap(b => [...b.ports.keys()].map(p => `${b.name}/${p}`)).sort();
  }

  async make(ports: object = {}): Promise<void> {
    await this.session.apply({
      bridges: { 'br-int': { ports: { other: { interface: { type: 'internal' } } } }, [bridge]: { ports: { ...ports } } },
    });
  }

  /** What a sweep answers so much later. */
  after(ms: number): Promise<number | undefined> {
    this.at += ms;
    return this.host.sweep();
  }
}

const rest = ['br-int/br-int', 'br-int/other'];

test('a bridge that never had an instance is waited for a minute', async () => {
  await using world = new World();
  await world.make();
  assert.equal(await world.after(0), 60_000);
  assert.equal(await world.after(59_000), 1000);
  assert.deepEqual(await world.ports(), [...rest, `${bridge}/${bridge}`]);
  assert.equal(await world.after(1000), undefined);
  assert.deepEqual(await world.ports(), rest);
});

test('one whose instance went stays for six seconds, and goes with what led from it', async () => {
  await using world = new World();
  await world.make({ ...instance, 'tpt-1': patch('tpi-1'), 'spt-2': patch('spi-2') });
  await world.session.apply({ bridges: { 'br-int': { ports: { 'tpi-1': patch('tpt-1'), 'spi-2': patch('spt-2') } } } });
  assert.equal(await world.after(100_000), undefined, 'there is one');
  await world.session.apply({ bridges: { [bridge]: { ports: { tap1: null } } } });
  assert.equal(await world.after(0), 6000);
  await world.make(instance);
  assert.equal(await world.after(6000), undefined, 'it is back');
  await world.session.apply({ bridges: { [bridge]: { ports: { tap1: null } } } });
  assert.equal(await world.after(1), 6000, 'it is waited for anew');
  assert.equal(await world.after(6000), undefined);
  assert.deepEqual(await world.ports(), rest);
});

test('an instance that is plugged in while the bridge goes is not lost', async () => {
  await using world = new World();
  await world.make();
  const before: OvsPicture = await world.session.picture();
  await world.make(instance);
  assert.equal(await removeTrunkBridge(world.session, before.bridges.get(bridge)!, before, 'br-int'), false);
  assert.deepEqual(await world.ports(), [...rest, `${bridge}/tap1`, `${bridge}/${bridge}`]);
});

test('bridges of other names are nobody’s here', async () => {
  await using world = new World();
  await world.session.apply({ bridges: { 'tbr-mine': {}, 'br-int': { ports: { 'tpi-mine': { interface: { type: 'internal' } } } } } });
  assert.equal(await world.after(0), undefined);
  assert.equal(await world.after(100_000), undefined);
  assert.deepEqual(await world.ports(), ['br-int/br-int', 'br-int/tpi-mine', 'tbr-mine/tbr-mine']);
});
