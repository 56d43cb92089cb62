// What is told of segments is told whole, wherever the telling ends, and whatever comes meanwhile.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Services } from '../../src/server/context.ts';
import { markAllSegments, markSegments } from '../../src/server/placement/segment-marks.ts';
import { SegmentReports } from '../../src/server/placement/segments.ts';
import type { Made } from './client.ts';
import { type Body, beat, type Harness, start } from './harness.ts';
import { SegmentCloudSim } from './segment-cloud.ts';
import { servicesOver } from './wiring.ts';

const reader = 'segments';

describe('addresses of segments', () => {
  let h: Harness;
  let services: Services;
  let net: Made;
  let segment = '';

  before(async () => {
    // Without accounts nobody else tells.
    h = await start({ quotas: { subnet: -1, port: -1 } });
    services = servicesOver(h.server.store);
    net = await h.admin.make('networks', 'network', { 'provider:network_type': 'flat', 'provider:physical_network': 'p1' });
    segment = String((await h.admin.list(`segments?network_id=${net.id}`))[0]?.id);
    await read();
  });
  after(() => h[Symbol.asyncDispose]());

  /** As the relay does. */
  async function read(): Promise<void> {
    for (;;) {
      const rows = await h.server.store.outbox(reader, 200);
      if (rows.length === 0) return;
      await markSegments(services, rows);
      await h.server.store.acknowledge(reader, rows.at(-1)!.seq);
    }
  }
  const row = () => h.server.store.get('segment_inventories', { segment_id: segment });
  const subnet = (cidr: string): Promise<Made> =>
    h.admin.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr, segment_id: segment });
  const at = (host: string, networks: Body): Promise<void> => beat(h, host, { interface_mappings: networks });
  /** Told by a server that begins anew, until nothing is left. */
  async function settle(sim: SegmentCloudSim): Promise<void> {
    for (let tries = 0; !(await new SegmentReports(services, sim).pass()); tries++) assert.ok(tries < 3, 'it does not settle');
  }
  const cloud = (): SegmentCloudSim => {
    const sim = new SegmentCloudSim();
    for (const host of ['node-1', 'node-two']) sim.hosts.add(host);
    return sim;
  };

  const states: Readonly<Record<string, { readonly cidrs: readonly string[]; readonly hosts: readonly string[] }>> = {
    nothing: { cidrs: [], hosts: [] },
    'a subnet, a host': { cidrs: ['10.1.0.0/24'], hosts: ['node-1'] },
    'two subnets, another host': { cidrs: ['10.1.0.0/24', '10.2.0.0/24'], hosts: ['node-two'] },
  };
  async function become(state: string): Promise<Record<string, unknown>> {
    const { cidrs, hosts } = states[state]!;
    const now = await h.admin.list(`subnets?network_id=${net.id}`);
    for (const one of now)
      if (!cidrs.includes(String(one.cidr))) assert.equal((await h.admin.request('DELETE', `subnets/${one.id}`)).status, 204);
    for (const cidr of cidrs) if (!now.some(one => one.cidr === cidr)) await subnet(cidr);
    for (const host of ['node-1', 'node-two']) await at(host, hosts.includes(host) ? { p1: 'eth1' } : {});
    await read();
    const name = `Neutron segment id ${segment}`;
    const counted = { total: 254 * cidrs.length, reserved: 2 * cidrs.length };
    return cidrs.length === 0 ? {} : { [segment]: { name, ...counted, aggregates: [[name, ...hosts]] } };
  }

  for (const from of Object.keys(states))
    for (const to of Object.keys(states))
      test(`${from} → ${to}: as if nothing had happened, whichever call was the last of a server`, async () => {
        let call = 1;
        for (let reached = true; reached; call++)
          for (const when of ['before', 'after'] as const) {
            const sim = cloud();
            await become(from);
            await markAllSegments(services);
            await settle(sim);
            const wanted = await become(to);
            // Whatever was told is told again.
            await markAllSegments(services);
            sim.calls = 0;
            sim.fails = { call, when };
            await new SegmentReports(services, sim).pass().catch(() => {});
            reached = sim.calls >= call;
            sim.fails = undefined;
            await settle(sim);
            assert.deepEqual(sim.told, wanted, `${when} call ${call}`);
            assert.equal((await row())?.synced, Object.keys(wanted).length === 0 ? undefined : true);
          }
        if (from !== to) assert.ok(call > 5, `only ${call} calls`);
      });

  test('what comes while it is told is told, too', async () => {
    const sim = cloud();
    await become('a subnet, a host');
    await settle(sim);
    for (const name of ['keepInventory', 'list', 'addAggregate']) {
      await markAllSegments(services);
      const before = (sim.told[segment] as { reserved: number } | undefined)?.reserved ?? 2;
      let once = true;
      sim.meanwhile = async called => {
        if (called !== name || !once) return;
        once = false;
        await h.admin.make('ports', 'port', { network_id: net.id, fixed_ips: [{ subnet_id: await subnetId() }] });
        await read();
      };
      const tellsOnce = new SegmentReports(services, sim);
      await tellsOnce.pass();
      assert.equal((await row())?.synced, false, name);
      sim.meanwhile = async () => {};
      await settle(sim);
      assert.equal((sim.told[segment] as { reserved: number }).reserved, before + 1, name);
    }
    for (const port of await h.admin.list(`ports?network_id=${net.id}`)) await h.admin.request('DELETE', `ports/${port.id}`);
    await read();
  });

  const subnetId = async (): Promise<string> => String((await h.admin.list(`subnets?network_id=${net.id}`))[0]?.id);

  test('only what concerns the segment makes news of it', async () => {
    const sim = cloud();
    await become('a subnet, a host');
    await settle(sim);
    const isNews = async (act: () => Promise<unknown>): Promise<boolean> => {
      await act();
      await read();
      const news = (await row())?.synced !== true;
      await settle(sim);
      return news;
    };
    const fixed_ips = [{ subnet_id: await subnetId() }];
    let port: Made | undefined;
    const put = (attributes: Body) => h.admin.request('PUT', `ports/${port?.id}`, { port: attributes });
    const make = (device_owner: string) => async (): Promise<void> => {
      port = await h.admin.make('ports', 'port', { network_id: net.id, fixed_ips, device_owner });
    };
    assert.equal(await isNews(make('compute:nova')), false);
    assert.equal(await isNews(() => put({ name: 'x' })), false);
    assert.equal(await isNews(() => put({ device_owner: '' })), true);
    assert.equal(await isNews(() => put({ device_owner: 'network:dhcp' })), true);
    assert.equal(await isNews(() => h.admin.request('DELETE', `ports/${port?.id}`)), false);
    assert.equal(await isNews(make('network:router_gateway')), true);
    assert.equal(await isNews(() => put({ device_owner: '' })), true);
    assert.equal(await isNews(() => h.admin.request('DELETE', `ports/${port?.id}`)), true);
    const elsewhere = await h.admin.make('networks', 'network', {});
    await h.admin.make('subnets', 'subnet', { network_id: elsewhere.id, ip_version: 4, cidr: '10.9.0.0/24' });
    assert.equal(await isNews(() => h.admin.make('ports', 'port', { network_id: elsewhere.id })), false);
    assert.equal(await isNews(() => at('node-3', { p2: 'eth1' })), false);
    assert.equal(await isNews(() => at('node-3', { p1: 'eth1' })), true);
    const [agent] = await h.admin.list('agents?host=node-3&binary=neutron-linuxbridge-agent');
    assert.equal(await isNews(() => h.admin.request('DELETE', `agents/${agent?.id}`)), true);
  });

  test('a host that Nova does not know yet is looked for, and nobody waits for it', async () => {
    const sim = cloud();
    sim.hosts.delete('node-1');
    await become('a subnet, a host');
    await markAllSegments(services);
    let now = Date.now();
    const reports = new SegmentReports({ ...services, clock: { ...services.clock, now: () => now } }, sim);
    const pass = async (): Promise<unknown> => {
      assert.equal(await reports.pass(), true);
      return (sim.told[segment] as { aggregates: unknown }).aggregates;
    };
    const name = `Neutron segment id ${segment}`;
    assert.deepEqual(await pass(), [[name]]);
    assert.deepEqual((await row())?.unknown_hosts, ['node-1']);
    now += 61_000;
    const calls = sim.calls;
    await pass();
    assert.equal(sim.calls, calls + 1);
    sim.hosts.add('node-1');
    assert.deepEqual(await pass(), [[name]], 'it looked again at once');
    now += 61_000;
    assert.deepEqual(await pass(), [[name, 'node-1']]);
    assert.deepEqual((await row())?.unknown_hosts, []);
  });
});
