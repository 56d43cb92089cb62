// NDP proxies: where a router may answer for addresses behind it, what is refused, what stays and what goes.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Proxying, proxying } from './authorisation/scenes.ts';
import type { Body, Made } from './client.ts';
import { startCluster } from './cluster.ts';
import { type Harness, start } from './harness.ts';
import { openDatabase } from './open-database.ts';

const addressOf = (port: Made): string => (port.fixed_ips as { ip_address: string }[])[0]!.ip_address;

describe('NDP proxies', () => {
  let h: Harness;
  let s: Proxying;
  before(async () => {
    h = await start({ quotas: { router: -1, network: -1, port: -1 } });
    s = await proxying(h.member.project, h.admin, 1);
  });
  after(() => h[Symbol.asyncDispose]());

  const newPort = (more: Body = {}): Promise<Made> => h.member.make('ports', 'port', { network_id: s.net.id, ...more });
  const post = async (attributes: Body): Promise<unknown> =>
    (await h.member.refused('POST', 'ndp_proxies', { ndp_proxy: { router_id: s.router.id, ...attributes } })).slice(0, 2);
  const put = (attributes: Body) => h.member.refused('PUT', `routers/${s.router.id}`, { router: attributes });

  test('made, shown, changed and removed; the router is told of', async () => {
    const port = await newPort();
    const revision = async (): Promise<number> => Number((await h.member.list(`routers?id=${s.router.id}`))[0]?.revision_number);
    const before = await revision();
    const made = await h.member.make('ndp_proxies', 'ndp_proxy', { router_id: s.router.id, port_id: port.id, name: 'x' });
    assert.deepEqual([made.ip_address, made.project_id], [addressOf(port), h.member.project]);
    assert.deepEqual(await h.member.list('ndp_proxies?name=x'), [made]);
    assert.deepEqual(await h.other.list('ndp_proxies'), []);
    assert.deepEqual((await h.other.refused('GET', `ndp_proxies/${made.id}`)).slice(0, 2), [404, 'NDPProxyNotFound']);
    assert.deepEqual(await post({ port_id: port.id }), [409, 'NeutronDbObjectDuplicateEntry']);
    const changed = await h.member.request('PUT', `ndp_proxies/${made.id}`, { ndp_proxy: { name: 'y' } });
    assert.deepEqual([changed.status, (changed.body.ndp_proxy as Body).name], [200, 'y']);
    assert.equal((await h.member.refused('PUT', `ndp_proxies/${made.id}`, { ndp_proxy: { port_id: port.id } }))[0], 400);
    assert.deepEqual((await put({ external_gateway_info: null })).slice(0, 2), [409, 'RouterGatewayInUseByNDPProxy']);
    const remove = `routers/${s.router.id}/remove_router_interface`;
    assert.deepEqual((await h.member.refused('PUT', remove, { subnet_id: s.subnet.id })).slice(0, 2), [
      409,
      'RouterInterfaceInUseByNDPProxy',
    ]);
    assert.equal((await h.member.request('DELETE', `ndp_proxies/${made.id}`)).status, 204);
    assert.equal(await revision(), before + 2);
    await h.member.make('ndp_proxies', 'ndp_proxy', { router_id: s.router.id, port_id: port.id });
    assert.equal((await h.member.request('DELETE', `ports/${port.id}`)).status, 204);
    assert.deepEqual(await h.member.list('ndp_proxies'), []);
  });

  test('of several gateways the first stays, as the first', async () => {
    const other = await h.admin.make('networks', 'network', { 'router:external': true });
    await h.admin.make('subnets', 'subnet', { network_id: other.id, ip_version: 4, cidr: '172.24.9.0/24' });
    const act = (verb: string, external_gateways: unknown) =>
      h.member.request('PUT', `routers/${s.router.id}/${verb}_external_gateways`, { router: { external_gateways } });
    const port = await newPort();
    await h.member.make('ndp_proxies', 'ndp_proxy', { router_id: s.router.id, port_id: port.id });
    const [first] = ((await act('add', [{ network_id: other.id }])).body.router as Body).external_gateways as Body[];
    for (const [verb, gateways] of [
      ['remove', [{ network_id: first!.network_id }]],
      ['update', [{ network_id: other.id }, { network_id: first!.network_id }]],
    ] as const)
      assert.equal(((await act(verb, gateways)).body.NeutronError as Body).type, 'RouterGatewayInUseByNDPProxy', verb);
    assert.equal((await act('remove', [{ network_id: other.id }])).status, 200);
    await h.member.request('DELETE', `ports/${port.id}`);
  });

  test('what is refused: ports and routers of others, addresses elsewhere, another scope, a router that does not answer for others', async () => {
    const port = await newPort();
    const foreign = await h.admin.make('ports', 'port', { network_id: s.net.id });
    assert.deepEqual(await post({ port_id: foreign.id }), [404, 'PortNotFound']);
    assert.deepEqual(await post({ port_id: port.id, ip_address: '2001:db8::9' }), [400, 'InvalidAddress']);
    const elsewhere = await h.member.make('routers', 'router', {});
    assert.deepEqual(await post({ port_id: port.id, router_id: elsewhere.id }), [409, 'PortUnreachableRouter']);
    const plain = await h.member.make('networks', 'network', {});
    const alien = await h.member.make('subnets', 'subnet', { network_id: plain.id, ip_version: 6, cidr: 'fd00:9::/64' });
    await h.member.request('PUT', `routers/${s.router.id}/add_router_interface`, { subnet_id: alien.id });
    const outside = await newPort({ network_id: plain.id });
    assert.deepEqual(await post({ port_id: outside.id }), [409, 'AddressScopeConflict']);
    assert.equal((await put({ enable_ndp_proxy: false }))[0], 200);
    assert.deepEqual(await post({ port_id: port.id }), [409, 'RouterNDPProxyNotEnable']);
    assert.equal((await put({ enable_ndp_proxy: true }))[0], 200);
  });

  test('a router answers for others only outside, within a scope', async () => {
    const enable = { enable_ndp_proxy: true };
    const make = async (more: Body): Promise<unknown> =>
      (await h.admin.refused('POST', 'routers', { router: { ...enable, ...more } })).slice(0, 2);
    assert.deepEqual(await make({}), [409, 'RouterGatewayNotValid']);
    const external = await h.admin.make('networks', 'network', { 'router:external': true });
    await h.admin.make('subnets', 'subnet', { network_id: external.id, ip_version: 6, cidr: 'fd00:8::/64', enable_dhcp: false });
    const info = { external_gateway_info: { network_id: external.id } };
    assert.deepEqual(await make(info), [409, 'RouterGatewayNotValid']);
    const router = await h.admin.make('routers', 'router', info);
    assert.equal(router.enable_ndp_proxy, false);
    assert.deepEqual((await h.admin.refused('PUT', `routers/${router.id}`, { router: enable })).slice(0, 2), [
      409,
      'RouterGatewayNotValid',
    ]);
  });

  test('two processes: an address once, and no proxy without its port, its interface, its gateway', async () => {
    await using two = await startCluster(2, { quotas: { port: -1 } });
    const member = two.as('member');
    const there = await proxying(member.project, two.as('admin'), 2);
    const port = await member.make('ports', 'port', { network_id: there.net.id });
    const body = (port_id: string) => ({ ndp_proxy: { router_id: there.router.id, port_id } });
    const twins = await Promise.all(two.spread('member', 4).map(api => api.request('POST', 'ndp_proxies', body(port.id))));
    assert.deepEqual(twins.map(t => t.status).sort(), [201, 409, 409, 409]);
    const [made] = await member.list('ndp_proxies');
    await member.request('DELETE', `ndp_proxies/${made?.id}`);
    const second = await member.make('ports', 'port', { network_id: there.net.id });
    const [a, b, c, d] = two.spread('member', 4);
    await Promise.all([
      a?.request('POST', 'ndp_proxies', body(port.id)),
      b?.request('PUT', `routers/${there.router.id}/remove_router_interface`, { subnet_id: there.subnet.id }),
      c?.request('POST', 'ndp_proxies', body(second.id)),
      d?.request('DELETE', `ports/${second.id}`),
    ]);
    await using store = await openDatabase(two.file);
    for (const row of await store.select({ table: 'ndp_proxies' })) {
      assert.ok(await store.get('ports', { id: String(row.port_id) }));
      assert.equal(await store.count('router_ports', { eq: ['router_id', String(row.router_id)] }), 2);
    }
  });
});
