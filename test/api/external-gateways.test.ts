// Several external gateways of a router: added, removed, replaced as a whole; what holds them, and what agents hear of them.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Answer, Api, Body, Made } from './client.ts';
import { beat, type Harness, start } from './harness.ts';

interface FixedIp {
  readonly subnet_id: string;
  readonly ip_address: string;
}
interface Gateway {
  readonly network_id: string;
  readonly external_fixed_ips: readonly FixedIp[];
}

describe('external gateways', () => {
  let h: Harness;
  let one: Made;
  let two: Made;

  before(async () => {
    h = await start({ quotas: { router: -1, network: -1, subnet: -1, floatingip: -1, port: 0 } });
    [one, two] = [await external('172.24.4.0/24'), await external('172.24.5.0/24')];
  });
  after(() => h[Symbol.asyncDispose]());

  async function external(cidr: string, more: Body = {}): Promise<Made> {
    const net = await h.admin.make('networks', 'network', { 'router:external': true, ...more });
    await h.admin.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr, enable_dhcp: false });
    return net;
  }
  const router = (more: Body = {}): Promise<Made> => h.member.make('routers', 'router', more);
  const act = (api: Api, r: Made, verb: string, external_gateways: unknown): Promise<Answer> =>
    api.request('PUT', `routers/${r.id}/${verb}_external_gateways`, { router: { external_gateways } });
  const changed = async (r: Made, verb: string, gateways: unknown, api = h.admin): Promise<Gateway[]> => {
    const { status, body } = await act(api, r, verb, gateways);
    assert.equal(status, 200, JSON.stringify(body));
    return (body.router as Body).external_gateways as Gateway[];
  };
  const why = ({ status, body }: Answer): unknown => [status, (body.NeutronError as Body | undefined)?.type];
  const said = ({ body }: Answer): string => String((body.NeutronError as Body).message);
  const shown = async (r: Made): Promise<Body> => (await h.member.request('GET', `routers/${r.id}`)).body.router as Body;
  const put = (r: Made, attributes: Body): Promise<Answer> => h.admin.request('PUT', `routers/${r.id}`, { router: attributes });
  const portsOf = async (r: Made): Promise<Map<string, string>> =>
    new Map((await h.admin.list(`ports?device_id=${r.id}`)).map(p => [(p.fixed_ips as FixedIp[])[0]!.ip_address, p.id]));
  const networks = (gateways: readonly Gateway[]): string[] => gateways.map(g => g.network_id);
  const address = (g: Gateway | undefined): string => g!.external_fixed_ips[0]!.ip_address;
  const at = (net: Made, ip_address: string): Body => ({ network_id: net.id, external_fixed_ips: [{ ip_address }] });

  test('added: the first is what it is without the extension, and no quota counts them', async () => {
    const r = await router();
    assert.deepEqual([r.external_gateways, r.external_gateway_info], [[], null]);
    const gateways = await changed(r, 'add', [{ network_id: one.id, enable_snat: false }, { network_id: two.id }, { network_id: one.id }]);
    assert.deepEqual(networks(gateways), [one.id, two.id, one.id]);
    assert.equal(new Set(gateways.map(address)).size, 3);
    const now = await shown(r);
    assert.deepEqual(now.external_gateways, gateways);
    assert.deepEqual(now.external_gateway_info, { ...gateways[0], enable_snat: false });
    const more = await changed(r, 'add', [at(two, '172.24.5.77')], h.admin);
    assert.deepEqual(more, [...gateways, more[3]]);
    assert.equal(address(more[3]), '172.24.5.77');
    const ports = await h.admin.list(`ports?device_id=${r.id}&device_owner=network:router_gateway`);
    assert.deepEqual([ports.length, new Set(ports.map(p => p.project_id))], [4, new Set([''])]);
    assert.equal((await h.member.request('DELETE', `routers/${r.id}`)).status, 204);
    assert.deepEqual(await h.admin.list(`ports?device_id=${r.id}`), []);
  });

  test('removed: by network where one is there, by address where several are', async () => {
    const r = await router({ external_gateway_info: { network_id: one.id } });
    const [, second, third] = await changed(r, 'add', [{ network_id: one.id }, { network_id: two.id }]);
    const ambiguous = await act(h.member, r, 'remove', [{ network_id: one.id }]);
    assert.deepEqual(why(ambiguous), [400, 'UnableToMatchGateways']);
    assert.match(said(ambiguous), /several are on network/);
    const before = await shown(r);
    for (const absent of [at(one, '172.24.4.250'), { network_id: '11111111-1111-4111-8111-111111111111' }])
      assert.deepEqual(why(await act(h.member, r, 'remove', [{ network_id: two.id }, absent])), [400, 'UnableToMatchGateways']);
    assert.deepEqual(await shown(r), before);
    assert.deepEqual(networks(await changed(r, 'remove', [{ network_id: two.id }], h.member)), [one.id, one.id]);
    assert.ok(third);
    // With the first the next one takes its place.
    const first = (before.external_gateways as Gateway[])[0];
    assert.deepEqual(await changed(r, 'remove', [first], h.member), [second]);
    assert.deepEqual((await shown(r)).external_gateway_info, { ...second, enable_snat: true });
    assert.deepEqual(await changed(r, 'remove', [second], h.member), []);
    assert.equal((await shown(r)).external_gateway_info, null);
    assert.deepEqual(why(await act(h.member, r, 'remove', [second])), [409, 'UnableToRemoveGateways']);
    assert.deepEqual(await changed(r, 'remove', [], h.member), []);
  });

  test('replaced as a whole: what stays keeps its port, in the order of the request', async () => {
    const r = await router();
    const [a, b, c] = await changed(r, 'add', [{ network_id: one.id }, { network_id: one.id }, { network_id: two.id }]);
    const ports = await portsOf(r);
    const gateways = await changed(r, 'update', [
      c,
      { network_id: one.id, external_fixed_ips: b!.external_fixed_ips },
      at(two, '172.24.5.78'),
    ]);
    assert.deepEqual(gateways.slice(0, 2), [c, b]);
    assert.deepEqual((await shown(r)).external_gateway_info, { ...c, enable_snat: true });
    const after_ = await portsOf(r);
    assert.deepEqual([after_.get(address(c)), after_.get(address(b))], [ports.get(address(c)), ports.get(address(b))]);
    assert.deepEqual([after_.has(address(a)), after_.has('172.24.5.78'), after_.size], [false, true, 3]);
    assert.deepEqual(await changed(r, 'update', [c, gateways[2], gateways[1]]), [c, gateways[2], gateways[1]]);
    // Another address beside the one that says which.
    const wider = { network_id: two.id, external_fixed_ips: [{ ip_address: '172.24.5.78' }, { ip_address: '172.24.5.79' }] };
    const moved = await changed(r, 'update', [b, wider]);
    assert.deepEqual([moved[0], moved[1]!.external_fixed_ips.map(f => f.ip_address).sort()], [b, ['172.24.5.78', '172.24.5.79']]);
    assert.equal((await portsOf(r)).get('172.24.5.78'), after_.get('172.24.5.78'));
    assert.deepEqual(await changed(r, 'update', [], h.member), []);
    assert.deepEqual(await portsOf(r), new Map());
  });

  test('external_gateway_info is the first of them: moved, replaced, cleared; the others stay', async () => {
    const r = await router({ external_gateway_info: { network_id: one.id } });
    const [, second] = await changed(r, 'add', [{ network_id: two.id }]);
    await put(r, { external_gateway_info: at(one, '172.24.4.88') });
    const gateways = (await shown(r)).external_gateways as Gateway[];
    assert.deepEqual([address(gateways[0]), gateways[1]], ['172.24.4.88', second]);
    const third = await external('172.24.6.0/24');
    await put(r, { external_gateway_info: { network_id: third.id } });
    assert.deepEqual(networks((await shown(r)).external_gateways as Gateway[]), [third.id, two.id]);
    await put(r, { external_gateway_info: null });
    assert.deepEqual((await shown(r)).external_gateways, [second]);
    assert.deepEqual((await shown(r)).external_gateway_info, { ...second, enable_snat: true });
  });

  test('no addresses twice: networks that overlap, the next hop’s address, one that is taken', async () => {
    const r = await router();
    const overlapping = await external('172.24.4.128/25');
    const both = await act(h.member, r, 'add', [{ network_id: one.id }, { network_id: overlapping.id }]);
    assert.deepEqual([...(why(both) as unknown[]), /overlaps/.test(said(both))], [400, 'BadRequest', true]);
    const inner = await h.admin.make('networks', 'network', { project_id: h.member.project });
    const subnet = { network_id: inner.id, project_id: h.member.project, ip_version: 4, cidr: '172.24.5.0/25' };
    const { id } = await h.admin.make('subnets', 'subnet', subnet);
    assert.equal((await h.admin.request('PUT', `routers/${r.id}/add_router_interface`, { subnet_id: id })).status, 200);
    assert.deepEqual(why(await act(h.member, r, 'add', [{ network_id: one.id }, { network_id: two.id }])), [400, 'BadRequest']);
    const hop = await act(h.admin, r, 'add', [at(one, '172.24.4.1')]);
    assert.match(said(hop), /External IP 172.24.4.1 is the same as the gateway IP/);
    await changed(r, 'add', [at(one, '172.24.4.99')]);
    assert.deepEqual(why(await act(h.admin, r, 'add', [at(one, '172.24.4.99')])), [409, 'IpAddressAlreadyAllocated']);
    assert.equal(((await shown(r)).external_gateways as Gateway[]).length, 1);
    assert.deepEqual(why(await act(h.member, r, 'add', [{ network_id: inner.id }])), [400, 'BadRequest']);
  });

  test('a gateway stays as long as a floating IP comes in by it, unless another is on the same network', async () => {
    const r = await router();
    const gateways = await changed(r, 'add', [{ network_id: one.id }, { network_id: two.id }]);
    const inner = await h.admin.make('networks', 'network', { project_id: h.member.project });
    const own = { network_id: inner.id, project_id: h.member.project };
    const subnet = await h.admin.make('subnets', 'subnet', { ...own, ip_version: 4, cidr: '10.0.0.0/24' });
    await h.admin.request('PUT', `quotas/${h.member.project}`, { quota: { port: -1 } });
    const { id: port_id } = await h.member.make('ports', 'port', { network_id: inner.id });
    await h.member.request('PUT', `routers/${r.id}/add_router_interface`, { subnet_id: subnet.id });
    const fip = await h.member.make('floatingips', 'floatingip', { floating_network_id: two.id, port_id });
    assert.equal(fip.router_id, r.id);
    const inUse = [409, 'RouterExternalGatewayInUseByFloatingIp'];
    assert.deepEqual(why(await act(h.member, r, 'remove', [gateways[1]])), inUse);
    assert.deepEqual(why(await act(h.member, r, 'update', [{ network_id: one.id }])), inUse);
    assert.deepEqual(why(await act(h.member, r, 'update', [])), inUse);
    // The first is not in its way; then the second is the first.
    assert.deepEqual(await changed(r, 'remove', [gateways[0]], h.member), [gateways[1]]);
    assert.deepEqual(why(await put(r, { external_gateway_info: null })), inUse);
    await changed(r, 'add', [at(two, '172.24.5.80')]);
    assert.equal((await changed(r, 'remove', [gateways[1]], h.member)).length, 1);
    assert.deepEqual(why(await act(h.member, r, 'remove', [at(two, '172.24.5.80')])), inUse);
    await h.member.request('PUT', `floatingips/${fip.id}`, { floatingip: { port_id: null } });
    assert.deepEqual(await changed(r, 'remove', [at(two, '172.24.5.80')], h.member), []);
  });

  test('a network stays external, and shared with whom it is, for every gateway on it', async () => {
    const third = await h.admin.make('networks', 'network', {});
    await h.admin.make('subnets', 'subnet', { network_id: third.id, ip_version: 4, cidr: '172.24.7.0/24' });
    const entry = { object_type: 'network', object_id: third.id, action: 'access_as_external', target_tenant: h.member.project };
    const rbac = await h.admin.make('rbac-policies', 'rbac_policy', entry);
    const r = await router({ external_gateway_info: { network_id: one.id } });
    await changed(r, 'add', [{ network_id: third.id }], h.member);
    const internal = { network: { 'router:external': false } };
    assert.deepEqual(why(await h.admin.request('PUT', `networks/${third.id}`, internal)), [409, 'ExternalNetworkInUse']);
    assert.deepEqual(why(await h.admin.request('DELETE', `rbac-policies/${rbac.id}`)), [409, 'RbacPolicyInUse']);
    await changed(r, 'remove', [{ network_id: third.id }], h.member);
    assert.equal((await h.admin.request('DELETE', `rbac-policies/${rbac.id}`)).status, 204);
    assert.deepEqual(why(await act(h.member, r, 'add', [{ network_id: third.id }])), [404, 'NetworkNotFound']);
  });

  test('who may: addresses and source NAT are named by administrators; what is hidden stays hidden', async () => {
    const r = await router({ external_gateway_info: { network_id: one.id } });
    for (const verb of ['add', 'update'] as const) {
      for (const key of [{ enable_snat: true }, { external_fixed_ips: [] }])
        assert.deepEqual(why(await act(h.member, r, verb, [{ network_id: one.id, ...key }])), [403, 'PolicyNotAuthorized'], verb);
      const rule = `${verb}_external_gateways:external_gateways`;
      const refusal = await act(h.member, r, verb, [{ network_id: one.id, enable_snat: true }]);
      assert.equal(
        said(refusal),
        `(rule:${verb}_external_gateways and (rule:${rule} and (rule:${rule}:network_id and rule:${rule}:enable_snat))) is disallowed by policy`,
      );
    }
    for (const verb of ['add', 'update', 'remove']) {
      assert.deepEqual(why(await act(h.reader, r, verb, [{ network_id: two.id }])), [403, 'PolicyNotAuthorized']);
      assert.deepEqual(why(await act(h.other, r, verb, [{ network_id: two.id }])), [404, 'RouterNotFound']);
    }
    const { body } = await act(h.member, r, 'add', [{ network_id: two.id }]);
    assert.ok(!('ha' in (body.router as Body)) && !('distributed' in (body.router as Body)));
    assert.deepEqual(body.router, await shown(r));
  });

  test('bodies that are none', async () => {
    const r = await router();
    const bad: readonly unknown[] = [
      { router: {} },
      { router: { external_gateways: 'x' } },
      { router: { external_gateways: [{}] } },
      { router: { external_gateways: [{ network_id: one.id, qos_policy_id: null }] } },
      { router: { external_gateways: [{ network_id: one.id, external_fixed_ips: [{ ip_address: 'x' }] }] } },
      { router: { external_gateways: [], name: 'x' } },
      { external_gateways: [] },
      [],
    ];
    for (const verb of ['add', 'update', 'remove'])
      for (const body of bad)
        assert.equal((await h.admin.request('PUT', `routers/${r.id}/${verb}_external_gateways`, body)).status, 400, JSON.stringify(body));
    for (const verb of ['POST', 'PUT']) {
      const body = { router: { external_gateways: [{ network_id: one.id }] } };
      assert.equal((await h.admin.request(verb, verb === 'PUT' ? `routers/${r.id}` : 'routers', body)).status, 400);
    }
    assert.deepEqual((await shown(r)).external_gateways, []);
  });

  test('source NAT is an attribute of its own, to be read, asked for and sorted by', async () => {
    const plain = await router({ name: 'snat-a' });
    const r = await router({ name: 'snat-b' });
    assert.deepEqual([plain.enable_snat, (await shown(r)).enable_snat], [true, true]);
    await put(r, { external_gateway_info: { network_id: one.id, enable_snat: false } });
    const ids = async (query: string): Promise<unknown[]> => (await h.member.list(`routers?${query}`)).map(o => o.id);
    assert.deepEqual(await ids('name=snat-a&name=snat-b&enable_snat=False'), [r.id]);
    assert.deepEqual(await ids('name=snat-a&name=snat-b&enable_snat=true'), [plain.id]);
    assert.deepEqual(await ids('name=snat-a&name=snat-b&sort_key=enable_snat&sort_dir=asc'), [r.id, plain.id]);
    assert.deepEqual(await ids('name=snat-a&name=snat-b&sort_key=enable_snat&sort_dir=desc'), [plain.id, r.id]);
    for (const [method, path] of [
      ['PUT', `routers/${r.id}`],
      ['POST', 'routers'],
    ] as const)
      assert.equal((await h.admin.request(method, path, { router: { enable_snat: true } })).status, 400);
    await put(r, { external_gateway_info: null });
    assert.equal((await shown(r)).enable_snat, true);
  });

  test('bounds: so many, and one source NAT for all', async () => {
    const r = await router();
    const many = Array.from({ length: 16 }, () => ({ network_id: two.id }));
    assert.equal((await act(h.member, r, 'add', [...many, ...many])).status, 400);
    assert.equal((await changed(r, 'add', many, h.member)).length, 16);
    assert.deepEqual(why(await act(h.member, r, 'add', [{ network_id: two.id }])), [409, 'UnableToAddExtraGateways']);
    await changed(r, 'update', [{ network_id: one.id, enable_snat: false }]);
    const refusal = await act(h.admin, r, 'add', [{ network_id: two.id, enable_snat: true }]);
    assert.deepEqual(why(refusal), [409, 'UnableToAddExtraGateways']);
    assert.equal((await changed(r, 'add', [{ network_id: two.id, enable_snat: false }])).length, 2);
    assert.equal(((await shown(r)).external_gateway_info as Body).enable_snat, false);
  });

  test('default routes through all of them, and BFD: the server’s default, and an administrator’s', async () => {
    const names = ['enable_default_route_ecmp', 'enable_default_route_bfd'] as const;
    await using other = await start({ defaultRouteEcmp: true, defaultRouteBfd: true });
    for (const name of names) {
      const r = await router();
      assert.equal(r[name], false);
      assert.equal((await other.member.make('routers', 'router', {}))[name], true);
      assert.equal((await other.admin.make('routers', 'router', { [name]: false }))[name], false);
      for (const value of [true, false]) {
        assert.deepEqual(why(await h.member.request('POST', 'routers', { router: { [name]: value } })), [403, 'PolicyNotAuthorized']);
        assert.deepEqual(why(await h.member.request('PUT', `routers/${r.id}`, { router: { [name]: value } })), [
          403,
          'PolicyNotAuthorized',
        ]);
      }
      assert.equal((await put(r, { [name]: true })).status, 200);
      assert.equal((await shown(r))[name], true);
      assert.equal((await put(r, { [name]: null })).status, 200);
      assert.equal((await shown(r))[name], true);
    }
  });

  test('agents are given the first gateway and the floating IPs that come in by it', async () => {
    await beat(h, 'h1');
    const r = await router();
    const gateways = await changed(r, 'add', [{ network_id: one.id }, { network_id: two.id }]);
    const inner = await h.member.make('networks', 'network', {});
    const subnet = await h.member.make('subnets', 'subnet', { network_id: inner.id, ip_version: 4, cidr: '10.0.0.0/24' });
    await h.member.request('PUT', `routers/${r.id}/add_router_interface`, { subnet_id: subnet.id });
    const fips: string[] = [];
    for (const { id } of [one, two]) {
      const { id: port_id } = await h.member.make('ports', 'port', { network_id: inner.id });
      fips.push((await h.member.make('floatingips', 'floatingip', { floating_network_id: id, port_id })).id);
    }
    const told = async (): Promise<unknown> => {
      const all = (await h.rpc('q-l3-plugin', 'sync_routers', { host: 'h1', router_ids: [r.id] })) as unknown as Body[];
      const [dict] = all;
      const gateway = dict!.gw_port as Body;
      return [gateway.network_id, gateway.id === dict!.gw_port_id, (dict!._floatingips as Body[]).map(f => f.id)];
    };
    assert.deepEqual(await told(), [one.id, true, [fips[0]]]);
    await changed(r, 'update', [gateways[1], gateways[0]]);
    assert.deepEqual(await told(), [two.id, true, [fips[1]]]);
  });
});
