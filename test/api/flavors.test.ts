// Flavors of routers, service profiles, providers; and the pools of floating IPs.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Body } from './client.ts';
import { startCluster } from './cluster.ts';
import { type Harness, start } from './harness.ts';

const driver = 'neutron.services.l3_router.service_providers.single_node.SingleNodeDriver';
const nobodys = '00000000-0000-4000-8000-000000000000';

describe('flavors', () => {
  let h: Harness;
  before(async () => {
    h = await start({ quotas: { router: -1 } });
  });
  after(() => h[Symbol.asyncDispose]());

  const refused = async (method: string, path: string, body?: unknown): Promise<unknown> =>
    (await h.admin.refused(method, path, body)).slice(0, 2);
  const flavor = (more: Body = {}) => h.admin.make('flavors', 'flavor', { service_type: 'L3_ROUTER_NAT', ...more });
  const profile = (more: Body = { driver }) => h.admin.make('service_profiles', 'service_profile', more);

  test('a flavor is made, gets its profiles, is shown to everybody, and names its next providers', async () => {
    const { id } = await flavor({ name: 'gold', description: 'd' });
    const p = await profile();
    const own = `flavors/${id}/service_profiles`;
    const bound = await h.admin.request('POST', own, { service_profile: { id: p.id } });
    assert.deepEqual([bound.status, bound.body], [201, { service_profile: { id } }]);
    const whole = { id, name: 'gold', description: 'd', service_type: 'L3_ROUTER_NAT', enabled: true, service_profiles: [p.id] };
    assert.deepEqual((await h.member.request('GET', `flavors/${id}`)).body, { flavor: whole });
    assert.deepEqual(await h.member.list('flavors?name=gold'), [whole]);
    assert.deepEqual(await h.admin.list(`flavors/${id}/next_providers`), [{ driver, metainfo: '', provider: 'single_node' }]);
    // Profiles, and what they say, are for administrators.
    assert.deepEqual(await h.member.list(`flavors/${id}/next_providers`), [{ driver, provider: 'single_node' }]);
    assert.deepEqual(await refused('POST', own, { service_profile: { id: p.id } }), [409, 'FlavorServiceProfileBindingExists']);
    assert.deepEqual(await refused('POST', own, { service_profile: { id: nobodys } }), [404, 'ServiceProfileNotFound']);
    assert.deepEqual(await refused('DELETE', `service_profiles/${p.id}`), [409, 'ServiceProfileInUse']);
    assert.deepEqual(await refused('PUT', `service_profiles/${p.id}`, { service_profile: { enabled: false } }), [
      409,
      'ServiceProfileInUse',
    ]);
    // The same profile of another flavor is another binding.
    const other = await flavor({ service_profiles: [p.id] });
    assert.equal((await h.admin.request('DELETE', `${own}/${p.id}`)).status, 204);
    assert.deepEqual(await refused('DELETE', `${own}/${p.id}`), [404, 'FlavorServiceProfileBindingNotFound']);
    assert.deepEqual((await h.admin.list(`flavors?id=${other.id}`))[0]?.service_profiles, [p.id]);
    for (const f of [id, other.id]) assert.equal((await h.admin.request('DELETE', `flavors/${f}`)).status, 204);
    assert.equal((await h.admin.request('DELETE', `service_profiles/${p.id}`)).status, 204);
  });

  test('what is refused', async () => {
    assert.deepEqual(await refused('POST', 'flavors', { flavor: { service_type: 'NOPE' } }), [400, 'InvalidServiceType']);
    assert.deepEqual(await refused('POST', 'flavors', { flavor: {} }), [400, 'HTTPBadRequest']);
    assert.deepEqual(await refused('POST', 'service_profiles', { service_profile: {} }), [400, 'ServiceProfileEmpty']);
    assert.deepEqual(await refused('POST', 'service_profiles', { service_profile: { driver: 'no' } }), [
      404,
      'ServiceProfileDriverNotFound',
    ]);
    const { id } = await flavor();
    assert.deepEqual(await refused('PUT', `flavors/${id}`, { flavor: { service_type: 'L3_ROUTER_NAT' } }), [400, 'HTTPBadRequest']);
    assert.deepEqual((await h.member.refused('POST', 'flavors', { flavor: { service_type: 'L3_ROUTER_NAT' } }))[0], 403);
    assert.deepEqual((await h.member.request('GET', 'service_profiles')).body, { service_profiles: [] });
  });

  test('a router is made by its flavor, which stays', async () => {
    const p = await profile();
    const { id } = await flavor({ service_profiles: [p.id] });
    const router = await h.member.make('routers', 'router', { flavor_id: id });
    assert.equal(router.flavor_id, id);
    assert.deepEqual(await refused('DELETE', `flavors/${id}`), [409, 'FlavorInUse']);
    assert.deepEqual(await refused('PUT', `flavors/${id}`, { flavor: { enabled: false } }), [409, 'FlavorInUse']);
    assert.deepEqual(await refused('PUT', `routers/${router.id}`, { router: { flavor_id: id } }), [400, 'HTTPBadRequest']);
    await h.member.request('DELETE', `routers/${router.id}`);
    assert.equal((await h.admin.request('PUT', `flavors/${id}`, { flavor: { enabled: false } })).status, 200);
    const make = (flavor_id: string) => refused('POST', 'routers', { router: { flavor_id } });
    assert.deepEqual(await make(id), [503, 'FlavorDisabled']);
    assert.deepEqual(await make(nobodys), [404, 'FlavorNotFound']);
    const bare = await profile({ metainfo: '{}' });
    assert.deepEqual(await make((await flavor({ service_profiles: [bare.id] })).id), [404, 'ServiceProfileDriverNotFound']);
    const off = await profile({ driver, enabled: false });
    assert.deepEqual(await make((await flavor({ service_profiles: [off.id] })).id), [503, 'ServiceProfileDisabled']);
    assert.equal((await h.member.make('routers', 'router', {})).flavor_id, null);
  });

  test('the providers of routers', async () => {
    const found = await h.member.list('service-providers');
    assert.deepEqual(found.map(p => p.name).sort(), ['dvr', 'dvrha', 'ha', 'single_node']);
    assert.deepEqual(found[0], { service_type: 'L3_ROUTER_NAT', name: 'dvrha', default: false });
    assert.deepEqual(await h.nobody.list('service-providers'), []);
  });

  test('pools of floating IPs: the IPv4 subnets of external networks, as the caller’s own', async () => {
    assert.deepEqual(await h.member.list('floatingip_pools'), []);
    const external = await h.admin.make('networks', 'network', { 'router:external': true });
    const inner = await h.member.make('networks', 'network', {});
    const subnet = (network_id: string, ip_version: number, cidr: string) =>
      h.admin.make('subnets', 'subnet', { network_id, ip_version, cidr, name: cidr });
    const { id } = await subnet(external.id, 4, '172.24.4.0/24');
    await subnet(external.id, 6, 'fd00:4::/64');
    await subnet(inner.id, 4, '10.0.0.0/24');
    for (const api of [h.member, h.other, h.admin]) {
      const own = { project_id: api.project, tenant_id: api.project };
      const pool = { subnet_id: id, subnet_name: '172.24.4.0/24', network_id: external.id, cidr: '172.24.4.0/24', ...own };
      assert.deepEqual(await api.list('floatingip_pools'), [pool]);
    }
    assert.equal((await h.member.refused('POST', 'floatingip_pools', { floatingip_pool: {} }))[0], 405);
  });

  test('two processes: no router has a flavor that is gone, or not enabled', async () => {
    await using two = await startCluster(2, { quotas: { router: -1 } });
    const admin = two.as('admin');
    const p = await admin.make('service_profiles', 'service_profile', { driver });
    for (let round = 0; round < 5; round++) {
      const { id } = await admin.make('flavors', 'flavor', { service_type: 'L3_ROUTER_NAT', service_profiles: [p.id] });
      const [gone, ...made] = await Promise.all(
        two
          .spread('admin', 4)
          .map((api, i) =>
            i === 0 ? api.request('DELETE', `flavors/${id}`) : api.request('POST', 'routers', { router: { flavor_id: id } }),
          ),
      );
      const ok = made.filter(m => m.status === 201).length;
      assert.equal(gone?.status, ok > 0 ? 409 : 204, JSON.stringify(made.map(m => m.status)));
    }
  });
});
