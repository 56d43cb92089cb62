// A network that is no longer external takes along the floating IPs that nobody uses.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Api, Body, Made } from './client.ts';
import { startCluster } from './cluster.ts';
import { start } from './harness.ts';
import { wrongIn } from './integrity/wrong.ts';
import { openDatabase } from './open-database.ts';

async function external(admin: Api): Promise<Made> {
  const net = await admin.make('networks', 'network', { 'router:external': true });
  await admin.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr: '172.24.4.0/24' });
  return net;
}
const internal = { network: { 'router:external': false } };

describe('networks that turn internal', () => {
  test('unused floating IPs go with their ports, whosever they are, and are counted no more', async () => {
    await using h = await start({ quotas: { floatingip: 1 } });
    const [net, other] = [await external(h.admin), await external(h.admin)];
    const floating = { floating_network_id: net.id };
    const fips = [await h.member.make('floatingips', 'floatingip', floating), await h.other.make('floatingips', 'floatingip', floating)];
    assert.equal((await h.member.refused('PUT', `networks/${net.id}`, internal))[0], 404);
    assert.equal((await h.admin.request('PUT', `networks/${net.id}`, internal)).status, 200);
    assert.deepEqual(await h.admin.list('floatingips'), []);
    assert.deepEqual(await h.admin.list(`ports?network_id=${net.id}`), []);
    for (const { id } of fips) assert.equal((await h.admin.request('GET', `floatingips/${id}`)).status, 404);
    await h.member.make('floatingips', 'floatingip', { floating_network_id: other.id });
  });

  test('with a gateway there nothing goes', async () => {
    await using h = await start();
    const net = await external(h.admin);
    const fip = await h.member.make('floatingips', 'floatingip', { floating_network_id: net.id });
    const router = await h.member.make('routers', 'router', { external_gateway_info: { network_id: net.id } });
    assert.deepEqual((await h.admin.refused('PUT', `networks/${net.id}`, internal)).slice(0, 2), [409, 'ExternalNetworkInUse']);
    assert.equal((await h.member.request('GET', `floatingips/${fip.id}`)).status, 200);
    await h.member.request('PUT', `routers/${router.id}`, { router: { external_gateway_info: null } });
    assert.equal((await h.admin.request('PUT', `networks/${net.id}`, internal)).status, 200);
    assert.deepEqual(await h.admin.list('floatingips'), []);
  });

  test('one that is taken at that moment is there and goes, or is refused', async () => {
    await using two = await startCluster(2, { quotas: { floatingip: -1, network: -1, subnet: -1 } });
    const admin = two.as('admin');
    const statuses = new Set<number>();
    for (let round = 0; round < 8; round++) {
      const net = await external(admin);
      const take = { floatingip: { floating_network_id: net.id } };
      const answers = await Promise.all(
        two
          .spread('admin', 7)
          .map((api, i) => (i === 3 ? api.request('PUT', `networks/${net.id}`, internal) : api.request('POST', 'floatingips', take))),
      );
      for (const [i, { status, body }] of answers.entries()) {
        statuses.add(status);
        assert.ok(i === 3 ? status === 200 : [201, 400].includes(status), `${status} ${JSON.stringify((body as Body).NeutronError)}`);
      }
      assert.deepEqual(await admin.list(`floatingips?floating_network_id=${net.id}`), []);
      assert.deepEqual(await admin.list(`ports?network_id=${net.id}`), []);
    }
    assert.ok(statuses.has(201));
    await using store = await openDatabase(two.file);
    assert.deepEqual(await wrongIn(store), []);
  });
});
