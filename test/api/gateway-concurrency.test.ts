// Two servers, several gateways: what comes at once is all there, and a gateway that a floating IP comes in by does not go.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Answer, Api, Body } from './client.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { wrongIn } from './integrity/wrong.ts';
import { openDatabase } from './open-database.ts';

describe('gateways on two servers', () => {
  let cluster: Cluster;
  let admin: Api;
  let member: Api;

  before(async () => {
    cluster = await startCluster(2, { quotas: { router: -1, floatingip: -1 } });
    [admin, member] = [cluster.as('admin'), cluster.as('member')];
  });
  afterEach(async () => {
    await using store = await openDatabase(cluster.file);
    assert.deepEqual(await wrongIn(store), []);
  });
  after(() => cluster[Symbol.asyncDispose]());

  const all = (who: string, count: number, ask: (api: Api, i: number) => Promise<Answer>): Promise<Answer[]> =>
    Promise.all(cluster.spread(who, count).map(ask));

  test('gateways that come at once are all there, one of them the first; with the router they go', async () => {
    const net = await admin.make('networks', 'network', { 'router:external': true });
    await admin.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr: '172.24.9.0/24' });
    for (let round = 0; round < 6; round++) {
      const router = await member.make('routers', 'router', {});
      const body = { router: { external_gateways: [{ network_id: net.id }] } };
      const path = `routers/${router.id}`;
      const add = (api: Api): Promise<Answer> => api.request('PUT', `${path}/add_external_gateways`, body);
      assert.deepEqual(
        (await all('member', 6, add)).map(a => a.status),
        Array(6).fill(200),
      );
      const { external_gateways, external_gateway_info } = (await member.request('GET', path)).body.router as Body;
      const shown = (external_gateways as Body[]).map(g => JSON.stringify(g.external_fixed_ips));
      assert.deepEqual([shown.length, new Set(shown).size], [6, 6]);
      assert.equal(shown[0], JSON.stringify((external_gateway_info as Body).external_fixed_ips));
      await all('member', 4, (api, i) => (i === 1 ? api.request('DELETE', path) : add(api)));
      assert.equal((await member.request('GET', path)).status, 404);
      assert.deepEqual(await admin.list(`ports?device_id=${router.id}`), []);
    }
  });

  test('of three, two go at once: the third is the first', async () => {
    const net = await admin.make('networks', 'network', { 'router:external': true });
    await admin.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr: '172.24.12.0/24' });
    for (let round = 0; round < 8; round++) {
      const router = await member.make('routers', 'router', {});
      const path = `routers/${router.id}`;
      const three = { router: { external_gateways: Array(3).fill({ network_id: net.id }) } };
      const { body } = await member.request('PUT', `${path}/add_external_gateways`, three);
      const gateways = (body.router as Body).external_gateways as Body[];
      const gone = await all('member', 2, (api, i) =>
        api.request('PUT', `${path}/remove_external_gateways`, { router: { external_gateways: [gateways[(i + round) % 2]] } }),
      );
      assert.deepEqual(
        gone.map(a => a.status),
        [200, 200],
      );
      const now = (await member.request('GET', path)).body.router as Body;
      assert.deepEqual([now.external_gateways, now.external_gateway_info], [[gateways[2]], { ...gateways[2], enable_snat: true }]);
    }
  });

  test('a floating IP comes in by a gateway that stays', async () => {
    const [first, second] = await Promise.all(
      ['172.24.10.0/24', '172.24.11.0/24'].map(async cidr => {
        const net = await admin.make('networks', 'network', { 'router:external': true });
        await admin.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr });
        return net.id;
      }),
    );
    const net = await member.make('networks', 'network', {});
    const subnet = await member.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr: '10.0.0.0/24' });
    const router = await member.make('routers', 'router', { external_gateway_info: { network_id: first } });
    await member.request('PUT', `routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
    const port = await member.make('ports', 'port', { network_id: net.id });
    const outcomes = new Set<string>();
    for (let round = 0; round < 12; round++) {
      const gateways = { router: { external_gateways: [{ network_id: second }] } };
      assert.equal((await member.request('PUT', `routers/${router.id}/add_external_gateways`, gateways)).status, 200);
      const fip = await member.make('floatingips', 'floatingip', { floating_network_id: second });
      const [removed, associated] = await all('member', 2, (api, i) =>
        i === round % 2
          ? api.request('PUT', `routers/${router.id}/remove_external_gateways`, gateways)
          : api.request('PUT', `floatingips/${fip.id}`, { floatingip: { port_id: port.id } }),
      ).then(answers => (round % 2 === 0 ? answers : answers.toReversed()));
      outcomes.add(`${removed?.status} ${associated?.status}`);
      await member.request('DELETE', `floatingips/${fip.id}`);
      await member.request('PUT', `routers/${router.id}/remove_external_gateways`, gateways);
    }
    // Never both, and never neither.
    for (const outcome of outcomes) assert.ok(['200 404', '409 200'].includes(outcome), outcome);
  });
});
