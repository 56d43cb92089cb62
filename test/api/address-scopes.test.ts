// Address scopes: whose pools they hold, what that means for networks, and what routers are told of it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Json } from '../../src/contracts/bus.ts';
import type { Api, Body, Made } from './client.ts';
import { beat, type Harness, start } from './harness.ts';

describe('address scopes', () => {
  let h: Harness;
  before(async () => {
    h = await start({ quotas: { network: -1, subnet: -1, rbac_policy: -1 } });
  });
  after(() => h[Symbol.asyncDispose]());

  const scope = (api: Api, attributes: Body = {}): Promise<Made> =>
    api.make('address-scopes', 'address_scope', { ip_version: 4, ...attributes });
  const pool = (api: Api, attributes: Body): Promise<Made> => api.make('subnetpools', 'subnetpool', { name: 'p', ...attributes });
  const refusedPool = (api: Api, attributes: Body) => api.refused('POST', 'subnetpools', { subnetpool: { name: 'p', ...attributes } });
  const change = (api: Api, { id }: Made, attributes: Body) => api.refused('PUT', `subnetpools/${id}`, { subnetpool: attributes });
  const subnetOn = (api: Api, net: Made, from: Made, attributes: Body = {}): Promise<Made> =>
    api.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, prefixlen: 24, subnetpool_id: from.id, ...attributes });
  const scopesOf = async (net: Made): Promise<unknown[]> => {
    const [seen] = await h.member.list(`networks?id=${net.id}`);
    return [seen?.ipv4_address_scope, seen?.ipv6_address_scope];
  };

  test('made, listed, changed, shared for good', async () => {
    const made = await scope(h.member, { name: 'x', ip_version: '6' });
    const project = { project_id: h.member.project, tenant_id: h.member.project };
    assert.deepEqual(made, { id: made.id, name: 'x', ip_version: 6, shared: false, ...project });
    assert.deepEqual(await h.member.list('address-scopes?ip_version=6&shared=False'), [made]);
    assert.deepEqual(await h.other.list('address-scopes'), []);
    const renamed = await h.member.request('PUT', `address-scopes/${made.id}`, { address_scope: { name: 'y' } });
    assert.deepEqual(renamed.body, { address_scope: { ...made, name: 'y' } });
    assert.deepEqual(await h.member.refused('PUT', `address-scopes/${made.id}`, { address_scope: { ip_version: 4 } }), [
      400,
      'HTTPBadRequest',
      'Cannot update read-only attribute ip_version',
    ]);
    for (const [attributes, message] of [
      [{}, /Required attribute 'ip_version' not specified/],
      [{ ip_version: 5 }, /5 is not in valid_values/],
      [{ ip_version: 4, description: 'd' }, /Unrecognized attribute/],
    ] as const) {
      const answer = await h.member.refused('POST', 'address-scopes', { address_scope: attributes });
      assert.equal(answer[0], 400);
      assert.match(answer[2], message);
    }
    assert.equal((await h.member.refused('POST', 'address-scopes', { address_scope: { ip_version: 4, shared: true } }))[0], 403);
    assert.equal((await h.admin.request('PUT', `address-scopes/${made.id}`, { address_scope: { shared: true } })).status, 200);
    assert.equal((await h.other.list(`address-scopes?id=${made.id}&shared=True`))[0]?.shared, true);
    const unshared = await h.admin.refused('PUT', `address-scopes/${made.id}`, { address_scope: { shared: false } });
    const reason = `Unable to update address scope ${made.id} : Shared address scope can't be unshared.`;
    assert.deepEqual(unshared, [400, 'AddressScopeUpdateError', reason]);
    assert.equal((await h.other.refused('DELETE', `address-scopes/${made.id}`))[0], 403);
    assert.equal((await h.member.request('DELETE', `address-scopes/${made.id}`)).status, 204);
    assert.equal(await h.server.store.count('rbac_entries', { eq: ['object_id', made.id] }), 0);
    assert.equal(
      (await h.member.request('POST', 'address-scopes', { address_scopes: [{ ip_version: 4 }, { ip_version: 6 }] })).status,
      201,
    );
  });

  test('pools of a scope do not overlap, and are of its version', async () => {
    const [four, six, theirs] = [await scope(h.member), await scope(h.member, { ip_version: 6 }), await scope(h.other)];
    const a = await pool(h.member, { prefixes: ['10.0.0.0/16'], address_scope_id: four.id });
    const conflict = 'Failed to associate address scope: subnetpools within an address scope must have unique prefixes.';
    const overlapping = { prefixes: ['10.0.1.0/24'], address_scope_id: four.id };
    assert.deepEqual(await refusedPool(h.member, overlapping), [409, 'AddressScopePrefixConflict', conflict]);
    const version = await refusedPool(h.member, { prefixes: ['10.0.1.0/24'], address_scope_id: six.id });
    assert.deepEqual(version.slice(0, 2), [400, 'IllegalSubnetPoolIpVersionAssociationToAddressScope']);
    assert.match(version[2], /because subnetpool ip_version is not 6\.$/);
    const hidden = await refusedPool(h.member, { prefixes: ['10.0.1.0/24'], address_scope_id: theirs.id });
    assert.deepEqual(hidden, [404, 'AddressScopeNotFound', `Address scope ${theirs.id} could not be found.`]);
    const b = await pool(h.member, { prefixes: ['10.1.0.0/16'], address_scope_id: four.id });
    assert.deepEqual((await change(h.member, b, { prefixes: ['10.0.0.0/15'] })).slice(0, 2), [409, 'AddressScopePrefixConflict']);
    const added = await h.member.refused('PUT', `subnetpools/${b.id}/add_prefixes`, { prefixes: ['10.0.9.0/24'] });
    assert.deepEqual(added.slice(0, 2), [409, 'AddressScopePrefixConflict']);
    const alone = await pool(h.member, { prefixes: ['10.0.0.0/8'] });
    assert.deepEqual((await change(h.member, alone, { address_scope_id: four.id })).slice(0, 2), [409, 'AddressScopePrefixConflict']);
    const twins = [1, 2].map(i => ({ name: 'p', prefixes: [`10.9.0.0/1${i + 4}`], address_scope_id: four.id }));
    assert.deepEqual((await h.member.refused('POST', 'subnetpools', { subnetpools: twins })).slice(0, 2), [
      409,
      'AddressScopePrefixConflict',
    ]);
    assert.deepEqual((await h.member.refused('DELETE', `address-scopes/${four.id}`)).slice(0, 2), [409, 'AddressScopeInUse']);
    for (const { id } of [a, b]) assert.equal((await h.member.request('DELETE', `subnetpools/${id}`)).status, 204);
    assert.equal((await h.member.request('DELETE', `address-scopes/${four.id}`)).status, 204);
  });

  test("in another project's scope a pool stays as it is", async () => {
    const shared = await scope(h.admin, { shared: true });
    const p = await pool(h.member, { prefixes: ['10.0.0.0/16'], address_scope_id: shared.id });
    for (const attributes of [{ name: 'x' }, { address_scope_id: null }]) {
      const answer = await change(h.member, p, attributes);
      assert.deepEqual(answer.slice(0, 2), [400, 'IllegalSubnetPoolUpdate']);
      assert.match(answer[2], new RegExp(`cannot be updated when associated with shared address scope ${shared.id}\\.$`));
    }
    assert.equal((await change(h.admin, p, { address_scope_id: null }))[0], 200);
    assert.equal((await change(h.member, p, { name: 'x' }))[0], 200);
  });

  test('a pool is shared with whom its scope is shared with', async () => {
    const s = await scope(h.admin);
    const p = await pool(h.admin, { prefixes: ['10.0.0.0/16'], address_scope_id: s.id });
    const policy = (object_type: string, { id }: Made) => ({
      rbac_policy: { object_type, object_id: id, action: 'access_as_shared', target_tenant: h.member.project },
    });
    const first = await h.admin.refused('POST', 'rbac-policies', policy('subnetpool', p));
    assert.deepEqual(first.slice(0, 2), [400, 'InvalidInput']);
    assert.match(first[2], /because target project doesn't have access to associated address scope/);
    assert.equal((await refusedPool(h.admin, { prefixes: ['10.1.0.0/16'], address_scope_id: s.id, shared: true }))[0], 400);
    assert.equal((await h.admin.request('POST', 'rbac-policies', policy('address_scope', s))).status, 201);
    assert.equal((await h.admin.request('POST', 'rbac-policies', policy('subnetpool', p))).status, 201);
    assert.deepEqual(
      [(await h.member.list(`address-scopes?id=${s.id}`)).length, (await h.member.list(`subnetpools?id=${p.id}`)).length],
      [1, 1],
    );
    await pool(h.member, { prefixes: ['10.1.0.0/16'], address_scope_id: s.id });
    const [entry] = (await h.admin.list(`rbac-policies?object_id=${s.id}`)) as Made[];
    assert.deepEqual((await h.admin.refused('DELETE', `rbac-policies/${entry?.id}`)).slice(0, 2), [409, 'RbacPolicyInUse']);
  });

  test('a network is in the scope of its pools, and in one for each version', async () => {
    const [s, t] = [await scope(h.member), await scope(h.member)];
    const [a, b] = [
      await pool(h.member, { prefixes: ['10.0.0.0/16'], address_scope_id: s.id }),
      await pool(h.member, { prefixes: ['10.1.0.0/16'], address_scope_id: s.id }),
    ];
    const net = await h.member.make('networks', 'network', {});
    assert.deepEqual(await scopesOf(net), [null, null]);
    await subnetOn(h.member, net, a);
    assert.deepEqual(await scopesOf(net), [s.id, null]);
    // One pool of the scope as good as another, until one would leave.
    await subnetOn(h.member, net, b);
    for (const address_scope_id of [t.id, null]) {
      assert.deepEqual((await change(h.member, a, { address_scope_id })).slice(0, 2), [400, 'NetworkAddressScopeAffinityError']);
    }
    const elsewhere = await pool(h.member, { prefixes: ['10.2.0.0/16'], address_scope_id: t.id });
    const wrong = { network_id: net.id, ip_version: 4, prefixlen: 24, subnetpool_id: elsewhere.id };
    assert.deepEqual((await h.member.refused('POST', 'subnets', { subnet: wrong })).slice(0, 2), [400, 'NetworkAddressScopeAffinityError']);
    const whole = await h.member.make('networks', 'network', {});
    await subnetOn(h.member, whole, elsewhere);
    assert.equal((await change(h.member, elsewhere, { address_scope_id: null }))[0], 200);
    assert.deepEqual(await scopesOf(whole), [null, null]);
  });

  test('routers are told the scopes of their ports and of fixed addresses, and when they change', async () => {
    await beat(h, 'host-a');
    const [inner, outer] = [await scope(h.admin, { shared: true }), await scope(h.admin)];
    const external = await h.admin.make('networks', 'network', { 'router:external': true });
    const outside = await pool(h.admin, { prefixes: ['203.0.113.0/24'], address_scope_id: outer.id });
    await subnetOn(h.admin, external, outside);
    const inside = await pool(h.member, { prefixes: ['10.0.0.0/16'], address_scope_id: inner.id });
    const net = await h.member.make('networks', 'network', {});
    const subnet = await subnetOn(h.member, net, inside);
    const router = await h.member.make('routers', 'router', { external_gateway_info: { network_id: external.id } });
    await h.member.request('PUT', `routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
    const port = await h.member.make('ports', 'port', { network_id: net.id });
    await h.member.make('floatingips', 'floatingip', { floating_network_id: external.id, port_id: port.id });
    const sync = async (): Promise<Body> => {
      const routers = await h.rpc('q-l3-plugin', 'sync_routers', { host: 'host-a', router_ids: [router.id] }, '1.10');
      return (routers as Json[])[0] as Body;
    };
    const told = async (): Promise<unknown> => {
      const { _interfaces, gw_port, _floatingips } = (await sync()) as unknown as Record<string, Body & Body[]>;
      return [_interfaces?.[0]?.address_scopes, gw_port?.address_scopes, _floatingips?.[0]?.fixed_ip_address_scope];
    };
    assert.deepEqual(await told(), [{ 4: inner.id, 6: null }, { 4: outer.id, 6: null }, inner.id]);
    const heard: string[] = [];
    const methods = {
      routers_updated: (args: Readonly<Record<string, Json>>) => {
        heard.push(...(args.routers as string[]));
        return null;
      },
    };
    await using _agent = await h.bus.serve({ topic: 'l3_agent', server: 'host-a', endpoints: [{ version: '1.1', methods }] });
    assert.equal((await change(h.admin, inside, { address_scope_id: null }))[0], 200);
    const deadline = Date.now() + 30_000;
    while (!heard.includes(router.id) && Date.now() < deadline) await new Promise(resolve => setTimeout(resolve, 20));
    assert.ok(heard.includes(router.id), 'the agent heard of the router');
    assert.deepEqual(await told(), [{ 4: null, 6: null }, { 4: outer.id, 6: null }, null]);
  });
});
