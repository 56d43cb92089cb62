// Routers of an EVPN, where the operator switches it on: VNIs that are asked for, or given out, once each.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Answer, Body, Made } from './client.ts';
import { startCluster } from './cluster.ts';
import { type Harness, start } from './harness.ts';
import { wrongIn } from './integrity/wrong.ts';
import { openDatabase } from './open-database.ts';

const servicePlugins = ['router', 'evpn'];
const quotas = { router: -1 };

describe('EVPN', () => {
  let h: Harness;
  before(async () => {
    h = await start({ servicePlugins, quotas });
  });
  after(() => h[Symbol.asyncDispose]());

  const make = (attributes: Body): Promise<Made> => h.admin.make('routers', 'router', { project_id: h.member.project, ...attributes });
  const refused = async (who: string, method: string, path: string, attributes: Body): Promise<unknown> =>
    (await h.as(who).refused(method, path, { router: attributes })).slice(0, 2);
  const vnis = async (query: string): Promise<unknown[]> => (await h.member.list(`routers?${query}`)).map(r => r.evpn_vni);

  test('asked for by number: shown to its project, found, sorted; nobody else gets it until it is given back', async () => {
    const r = await make({ evpn_vni: 500, description: 'x' });
    assert.deepEqual([r.evpn_vni, r.description], [500, 'x']);
    assert.equal(((await h.member.request('GET', `routers/${r.id}`)).body.router as Body).evpn_vni, 500);
    assert.equal((await make({})).evpn_vni, null);
    const low = await make({ evpn_vni: 499 });
    assert.deepEqual(await vnis('evpn_vni=500'), [500]);
    assert.deepEqual(await vnis('sort_key=evpn_vni&sort_dir=desc&evpn_vni=499&evpn_vni=500'), [500, 499]);
    const inUse = [409, 'EVPNVNIInUse'];
    assert.deepEqual(await refused('admin', 'POST', 'routers', { evpn_vni: 500 }), inUse);
    const twice = await h.admin.request('POST', 'routers', { routers: [{ evpn_vni: 498 }, { evpn_vni: 498 }] });
    assert.deepEqual([twice.status, (twice.body.NeutronError as Body).type], inUse);
    assert.equal((await h.member.request('DELETE', `routers/${r.id}`)).status, 204);
    assert.equal((await make({ evpn_vni: 500 })).evpn_vni, 500);
    assert.equal((await h.member.request('DELETE', `routers/${low.id}`)).status, 204);
  });

  test('zero asks for one that is free, also of several routers at once', async () => {
    await make({ evpn_vni: 2 });
    const { status, body } = await h.admin.request('POST', 'routers', { routers: Array(3).fill({ evpn_vni: 0 }) });
    assert.equal(status, 201);
    assert.deepEqual(
      (body.routers as Body[]).map(r => r.evpn_vni),
      [1, 3, 4],
    );
    assert.equal((await make({ evpn_vni: 0 })).evpn_vni, 5);
  });

  test('what is refused: members, changes, what is no VNI, a flavor', async () => {
    const r = await make({});
    assert.deepEqual(await refused('member', 'POST', 'routers', { evpn_vni: 100 }), [403, 'PolicyNotAuthorized']);
    for (const who of ['member', 'admin'])
      assert.deepEqual(await refused(who, 'PUT', `routers/${r.id}`, { evpn_vni: 100 }), [400, 'HTTPBadRequest']);
    for (const evpn_vni of [-1, 2 ** 24, 'x', null])
      assert.equal((await h.admin.request('POST', 'routers', { router: { evpn_vni } })).status, 400, String(evpn_vni));
    assert.equal((await make({ evpn_vni: 2 ** 24 - 1 })).evpn_vni, 2 ** 24 - 1);
    const flavor = await h.admin.make('flavors', 'flavor', { service_type: 'L3_ROUTER_NAT', name: 'f' });
    const profile = await h.admin.make('service_profiles', 'service_profile', {
      driver: 'neutron.services.l3_router.service_providers.single_node.SingleNodeDriver',
    });
    await h.admin.request('POST', `flavors/${flavor.id}/service_profiles`, { service_profile: { id: profile.id } });
    assert.equal((await make({ flavor_id: flavor.id })).evpn_vni, null);
    assert.deepEqual(await refused('admin', 'POST', 'routers', { evpn_vni: 0, flavor_id: flavor.id }), [400, 'EVPNRequiresOVN']);
  });

  test('without the plug-in there is no such thing', async () => {
    await using plain = await start();
    assert.ok(!('evpn_vni' in (await plain.admin.make('routers', 'router', {}))));
    const [status, , message] = await plain.admin.refused('POST', 'routers', { router: { evpn_vni: 0 } });
    assert.deepEqual([status, message], [400, "Unrecognized attribute(s) 'evpn_vni'"]);
    assert.equal((await plain.admin.request('GET', 'extensions/evpn')).status, 404);
  });

  test('two servers, many at once: no VNI twice', async () => {
    await using two = await startCluster(2, { servicePlugins, quotas });
    const ask = (evpn_vni: number): Promise<Answer[]> =>
      Promise.all(two.spread('admin', 12).map(api => api.request('POST', 'routers', { router: { evpn_vni } })));
    const given = (await ask(0)).map(a => (a.body.router as Body | undefined)?.evpn_vni);
    assert.equal(new Set(given).size, 12);
    assert.ok(!given.includes(undefined));
    const same = (await ask(777)).map(a => a.status).sort();
    assert.deepEqual(same, [201, ...Array(11).fill(409)]);
    await using store = await openDatabase(two.file);
    assert.equal(await store.count('evpn_vnis'), 13);
    assert.deepEqual(await wrongIn(store), []);
  });
});
