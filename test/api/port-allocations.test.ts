// What an instance has in Placement follows the policies of its ports, wherever a server ends and whatever others do at the same moment.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { type Allocations, PlacementRefused } from '../../src/contracts/cloud.ts';
import { type Store, StoreBusy } from '../../src/contracts/store.ts';
import type { Services } from '../../src/server/context.ts';
import { takeBackOld } from '../../src/server/placement/allocations.ts';
import { uuid5 } from '../../src/server/uuid5.ts';
import { AllocationsSim } from './allocations.ts';
import { type Api, type Body, client, type Made } from './client.ts';
import { newDatabase } from './database.ts';
import { beforeCommit } from './meanwhile.ts';
import { openDatabase } from './open-database.ts';
import { type Served, serveOver, servicesOver } from './wiring.ts';

const out = 'NET_BW_EGR_KILOBIT_PER_SEC';
const nic = 'aaaaaaaa-0000-4000-8000-000000000001';
const other = 'aaaaaaaa-0000-4000-8000-000000000002';
const table = 'allocation_changes';

describe('allocations of instances', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-allocations-'));
  const sim = new AllocationsSim();
  const logged: string[] = [];
  /** Of the servers' clock. */
  let later = 0;
  let store: Store;
  let served: Served;
  let services: Services;
  let admin: Api;
  let net: Made;

  before(async () => {
    store = await openDatabase(await newDatabase(folder));
    const plain = servicesOver(store, {}, { allocations: sim });
    const log = {
      ...plain.log,
      error: (text: string) => void logged.push(text),
      warning: (text: string) => void logged.push(text),
      info() {},
    };
    const clock = { ...plain.clock, now: () => Date.now() + later };
    services = { ...plain, log: { ...log, child: () => services.log, debug() {} } as never, clock };
    served = await serveOver(store, {}, { allocations: sim, log: services.log });
    admin = client(served.url, 'admin');
    net = await admin.make('networks', 'network', { 'provider:network_type': 'flat', 'provider:physical_network': 'p1' });
  });
  after(async () => {
    await served[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    logged.length = 0;
    later = 0;
  });

  interface Rated extends Made {
    readonly rule: string;
  }
  async function policy(min_kbps: number): Promise<Rated> {
    const made = await admin.make('qos/policies', 'policy', {});
    const rule = await admin.make(`qos/policies/${made.id}/minimum_bandwidth_rules`, 'minimum_bandwidth_rule', { min_kbps });
    return { ...made, rule: rule.id };
  }
  const portOf = async (id: string): Promise<Body> => (await admin.request('GET', `ports/${id}`)).body['port'] as Body;
  const allocationOf = async (id: string): Promise<unknown> => ((await portOf(id))['binding:profile'] as Body)['allocation'];
  const put = (id: string, attributes: Body) => admin.request('PUT', `ports/${id}`, { port: attributes });
  const rows = (): Promise<number> => store.count(table);

  /** A port as Nova leaves it when its instance runs; what the instance has is with it. */
  async function plugged(
    rated: Rated,
    kbps: number,
    instance: string = randomUUID(),
    more: Body = {},
  ): Promise<{ port: string; instance: string }> {
    const { id: port } = await admin.make('ports', 'port', {
      network_id: net.id,
      qos_policy_id: rated.id,
      device_id: instance,
      device_owner: 'compute:nova',
      ...more,
    });
    assert.equal((await put(port, { 'binding:profile': { allocation: { [uuid5(port, rated.rule)]: nic }, mine: 1 } })).status, 200);
    const had = (sim.consumers.get(instance)?.resources[nic]?.[out] ?? 0) + kbps;
    sim.give(instance, { host: { VCPU: 1 }, [nic]: { [out]: had } });
    return { port, instance };
  }
  const having = (kbps: number): unknown => ({ host: { VCPU: 1 }, ...(kbps === 0 ? {} : { [nic]: { [out]: kbps } }) });

  test('another policy: the allocation, and what the profile says of it; what else is there stays', async () => {
    const [gold, silver] = [await policy(500), await policy(300)];
    const { port, instance } = await plugged(gold, 500);
    assert.equal((await put(port, { qos_policy_id: silver.id })).status, 200);
    assert.deepEqual(sim.has(instance), having(300));
    assert.deepEqual((await portOf(port))['binding:profile'], { allocation: { [uuid5(port, silver.rule)]: nic }, mine: 1 });
    const writes = sim.writes;
    assert.equal((await put(port, { qos_policy_id: silver.id, name: 'x' })).status, 200);
    assert.equal(sim.writes, writes);
    assert.equal((await put(port, { qos_policy_id: null })).status, 200);
    assert.deepEqual([sim.has(instance), await allocationOf(port), await rows()], [having(0), {}, 0]);
  });

  test('refused: no room, no such consumer, no such provider, no Placement; nothing is changed then', async () => {
    const [gold, much, some] = [await policy(500), await policy(10_001), await policy(10_000)];
    const { port, instance } = await plugged(gold, 500);
    const refused = async (id: string): Promise<unknown> => {
      const { status, body } = await put(port, { qos_policy_id: id });
      assert.deepEqual([(await portOf(port))['qos_policy_id'], await rows()], [gold.id, 0]);
      return [status, (body['NeutronError'] as Body)['type']];
    };
    assert.deepEqual(await refused(much.id), [409, 'QosPlacementAllocationUpdateConflict']);
    assert.deepEqual(sim.has(instance), having(500));
    sim.give(instance, { host: { VCPU: 1 }, [other]: { [out]: 500 } });
    assert.deepEqual(await refused(some.id), [400, 'PlacementAllocationRpNotExists']);
    sim.consumers.delete(instance);
    assert.deepEqual(await refused(some.id), [400, 'PlacementAllocationRemoved']);
    await using without = await serveOver(store);
    const { status, body } = await client(without.url, 'admin').request('PUT', `ports/${port}`, { port: { qos_policy_id: some.id } });
    assert.deepEqual([status, (body['NeutronError'] as Body)['type']], [404, 'PlacementEndpointNotFound']);
    sim.give(instance, having(500) as never);
    assert.equal((await put(port, { qos_policy_id: some.id })).status, 200);
    assert.deepEqual(sim.has(instance), having(10_000));
  });

  test('where Nova has allocated nothing, nothing is changed, and the log says so; of ports that are no instance’s Placement is not asked', async () => {
    const [gold, silver] = [await policy(500), await policy(300)];
    const { port, instance } = await plugged(gold, 500);
    await put(port, { 'binding:profile': {} });
    assert.equal((await put(port, { qos_policy_id: silver.id })).status, 200);
    assert.deepEqual([sim.has(instance), await allocationOf(port)], [having(500), undefined]);
    assert.ok(logged.some(line => line.startsWith('Placement has promised nothing')));
    const mine = await plugged(gold, 500, 'not-an-instance', { device_owner: 'mine' });
    assert.equal((await put(mine.port, { qos_policy_id: silver.id })).status, 200);
    assert.deepEqual(sim.has(mine.instance), having(500));
  });

  test('what others change meanwhile is not lost: of the instance, and of the port', async () => {
    const [gold, silver] = [await policy(500), await policy(300)];
    const { port, instance } = await plugged(gold, 500);
    sim.meanwhile = async () => {
      sim.meanwhile = async () => {};
      sim.give(instance, { host: { VCPU: 2 }, [nic]: { [out]: 700 } });
    };
    assert.equal((await put(port, { qos_policy_id: silver.id })).status, 200);
    assert.deepEqual(sim.has(instance), { host: { VCPU: 2 }, [nic]: { [out]: 500 } });
    // The port is another when the decision is to be committed: what was changed is taken back, and changed again.
    const writes = sim.writes;
    sim.meanwhile = async () => {
      sim.meanwhile = async () => {};
      assert.equal((await put(port, { name: 'meanwhile' })).status, 200);
    };
    assert.equal((await put(port, { qos_policy_id: gold.id })).status, 200);
    assert.equal(sim.writes, writes + 3);
    assert.deepEqual(sim.has(instance), { host: { VCPU: 2 }, [nic]: { [out]: 700 } });
    assert.deepEqual([(await portOf(port))['name'], (await portOf(port))['qos_policy_id'], await rows()], ['meanwhile', gold.id, 0]);
  });

  test('a change that arrives twice, as its connection broke, is made once; so is what takes it back', async () => {
    const [gold, silver] = [await policy(500), await policy(300)];
    const { port, instance } = await plugged(gold, 500);
    sim.fails = 'repeated';
    assert.equal((await put(port, { qos_policy_id: silver.id })).status, 200);
    assert.deepEqual([sim.has(instance), await rows()], [having(300), 0]);
    const writes = sim.writes;
    sim.meanwhile = async () => {
      sim.meanwhile = async () => {};
      sim.fails = 'repeated';
      assert.equal((await put(port, { name: 'meanwhile' })).status, 200);
    };
    assert.equal((await put(port, { qos_policy_id: gold.id })).status, 200);
    assert.equal(sim.writes, writes + 3);
    assert.deepEqual([sim.has(instance), await rows(), (await portOf(port))['qos_policy_id']], [having(500), 0, gold.id]);
  });

  test('the device of a port is whatever its owner has written: Placement is not asked about what names no instance', async () => {
    const [gold, silver] = [await policy(500), await policy(300)];
    for (const device of [`../resource_providers/${nic}`, 'no-instance', '']) {
      const { port } = await plugged(gold, 500, device);
      const { status, body } = await put(port, { qos_policy_id: silver.id });
      assert.deepEqual([status, (body['NeutronError'] as Body)['type']], [400, 'PlacementAllocationRemoved']);
      assert.deepEqual([sim.has(device), (await portOf(port))['qos_policy_id']], [having(500), gold.id]);
    }
  });

  test('two ports of an instance get other policies at once, their own or their network’s', async () => {
    const [gold, silver] = [await policy(500), await policy(300)];
    const one = await plugged(gold, 500);
    const two = await plugged(gold, 500, one.instance);
    assert.deepEqual(sim.has(one.instance), having(1000));
    const both = await Promise.all([put(one.port, { qos_policy_id: silver.id }), put(two.port, { qos_policy_id: silver.id })]);
    assert.deepEqual(
      both.map(answer => answer.status),
      [200, 200],
    );
    assert.deepEqual(sim.has(one.instance), having(600));
    net = await admin.make('networks', 'network', {
      'provider:network_type': 'flat',
      'provider:physical_network': 'p2',
      qos_policy_id: gold.id,
    });
    const three = await plugged(gold, 500, randomUUID(), { qos_policy_id: null });
    const four = await plugged(gold, 500, three.instance, { qos_policy_id: null });
    const own = await plugged(gold, 500);
    const ofNetwork = (id: string) => admin.request('PUT', `networks/${net.id}`, { network: { qos_policy_id: id } });
    assert.equal((await ofNetwork((await policy(5001)).id)).status, 409);
    assert.deepEqual(sim.has(three.instance), having(1000));
    assert.equal((await ofNetwork(silver.id)).status, 200);
    assert.deepEqual([sim.has(three.instance), sim.has(own.instance)], [having(600), having(500)]);
    for (const { port } of [three, four]) assert.deepEqual(await allocationOf(port), { [uuid5(port, silver.rule)]: nic });
    assert.equal(await rows(), 0);
  });

  const lookAfter = (allocations: Allocations = sim): Promise<boolean> => takeBackOld(services, allocations, async () => true);

  for (const when of ['before', 'after', 'broken after'] as const)
    test(`Placement goes away, ${when} it has changed anything: what nobody has committed is taken back`, async () => {
      const [gold, silver] = [await policy(500), await policy(300)];
      const { port, instance } = await plugged(gold, 500);
      sim.fails = when;
      assert.equal((await put(port, { qos_policy_id: silver.id })).status, 503);
      assert.equal((await portOf(port))['qos_policy_id'], gold.id);
      assert.deepEqual([sim.has(instance), await rows()], [having(when === 'before' ? 500 : 300), 1]);
      // It may be on its way still.
      await lookAfter();
      assert.equal(await rows(), 1);
      later = 200_000;
      await lookAfter();
      assert.deepEqual([sim.has(instance), await rows()], [having(500), 0]);
      assert.equal((await put(port, { qos_policy_id: silver.id })).status, 200);
      assert.deepEqual(sim.has(instance), having(300));
    });

  test('what could not be taken back while Placement was broken is taken back later', async () => {
    const [gold, silver] = [await policy(500), await policy(300)];
    const [one, two] = [await plugged(gold, 500), await plugged(gold, 500)];
    for (const { port } of [one, two]) {
      sim.fails = 'after';
      assert.equal((await put(port, { qos_policy_id: silver.id })).status, 503);
    }
    later = 200_000;
    sim.fails = 'broken before';
    assert.equal(await lookAfter(), false);
    assert.equal(await rows(), 1);
    assert.equal(await lookAfter(), true);
    assert.deepEqual([sim.has(one.instance), sim.has(two.instance), await rows()], [having(500), having(500), 0]);
  });

  test('of what Placement refuses to take back the row goes, and no row that came after it', async () => {
    const [gold, silver] = [await policy(500), await policy(300)];
    const { port, instance: consumer } = await plugged(gold, 500);
    sim.fails = 'after';
    assert.equal((await put(port, { qos_policy_id: silver.id })).status, 503);
    later = 200_000;
    const refuses = (meanwhile: () => Promise<unknown>): Allocations => ({
      read: async () => {
        await meanwhile();
        throw new PlacementRefused(403, 'not you');
      },
      write: (...args) => sim.write(...args),
    });
    const id = randomUUID();
    const another = { consumer, id, generation: 1, diff: {}, resources: {}, at: new Date(services.clock.now()).toISOString() };
    const replaced = refuses(() =>
      store.commit({
        ops: [
          { op: 'delete', table, where: { eq: ['consumer', consumer] } },
          { op: 'insert', table, row: another },
        ],
      }),
    );
    assert.equal(await lookAfter(replaced), true);
    assert.deepEqual(
      (await store.select({ table })).map(row => row.id),
      [id],
    );
    later = 400_000;
    assert.equal(await lookAfter(refuses(async () => {})), true);
    assert.equal(await rows(), 0);
  });

  for (const done of [true, false])
    test(`a server ends ${done ? 'after' : 'before'} the commit: what the instance has is what its port asks for`, async () => {
      const [gold, silver] = [await policy(500), await policy(300)];
      const { port, instance } = await plugged(gold, 500);
      const { commit } = store;
      store.commit = async writeSet => {
        if (!writeSet.ops.some(op => op.op === 'delete' && op.table === table)) return commit.call(store, writeSet);
        store.commit = commit;
        if (done) await commit.call(store, writeSet);
        throw new StoreBusy('the database went away');
      };
      assert.equal((await put(port, { qos_policy_id: silver.id })).status, 503);
      later = 200_000;
      await lookAfter();
      assert.equal((await portOf(port))['qos_policy_id'], done ? silver.id : gold.id);
      assert.deepEqual([sim.has(instance), await rows()], [having(done ? 300 : 500), 0]);
    });

  test('what others have changed since is left to people; who has lost the row decides again', async () => {
    const [gold, silver] = [await policy(500), await policy(300)];
    const { port, instance } = await plugged(gold, 500);
    // Another amount, and the same by a way of its own.
    for (const since of [{ host: { VCPU: 4 }, [nic]: { [out]: 300 } }, having(300)]) {
      sim.give(instance, having(500) as never);
      sim.fails = 'after';
      assert.equal((await put(port, { qos_policy_id: silver.id })).status, 503);
      sim.give(instance, since as never);
      later += 200_000;
      logged.length = 0;
      await lookAfter();
      assert.deepEqual([sim.has(instance), await rows()], [since, 0]);
      assert.ok(logged.some(line => line.startsWith('an instance may have been given')));
    }
    sim.give(instance, having(500) as never);
    // Another server takes it for abandoned between the change and the commit.
    let taken = false;
    sim.meanwhile = async () => {
      sim.meanwhile = async () => {};
      beforeCommit(store, async () => {
        taken = true;
        await lookAfter();
      });
    };
    assert.equal((await put(port, { qos_policy_id: silver.id })).status, 200);
    assert.ok(taken);
    assert.deepEqual([sim.has(instance), await rows(), (await portOf(port))['qos_policy_id']], [having(300), 0, silver.id]);
  });
});
