// Routers and floating IPs: gateways, interfaces, routes, associations, and what holds what.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Body, Made } from './client.ts';
import { type Harness, start } from './harness.ts';

interface FixedIp {
  readonly subnet_id: string;
  readonly ip_address: string;
}

describe('routing', () => {
  let h: Harness;
  let external: Made;
  let outside: Made;

  before(async () => {
    h = await start({ quotas: { router: -1, network: -1, subnet: -1, floatingip: -1 } });
    external = await h.admin.make('networks', 'network', { 'router:external': true });
    outside = await h.admin.make('subnets', 'subnet', {
      network_id: external.id,
      ip_version: 4,
      cidr: '172.24.4.0/24',
      enable_dhcp: false,
    });
  });
  after(() => h[Symbol.asyncDispose]());

  const inside = async (cidr: string, more: Body = {}, net?: Made): Promise<{ net: Made; subnet: Made }> => {
    const network = net ?? (await h.member.make('networks', 'network', {}));
    const ip_version = cidr.includes(':') ? 6 : 4;
    return { net: network, subnet: await h.member.make('subnets', 'subnet', { network_id: network.id, ip_version, cidr, ...more }) };
  };
  const router = (more: Body = {}): Promise<Made> => h.member.make('routers', 'router', more);
  const port = (net: Made, more: Body = {}): Promise<Made> => h.member.make('ports', 'port', { network_id: net.id, ...more });
  const act = (r: Made, action: string, body: unknown) => h.member.request('PUT', `routers/${r.id}/${action}`, body);
  const add = (r: Made, body: Body) => act(r, 'add_router_interface', body);
  const put = async (api: 'admin' | 'member', path: string, name: string, attributes: Body): Promise<Body> => {
    const { status, body } = await h[api].request('PUT', path, { [name]: attributes });
    assert.equal(status, 200, JSON.stringify(body));
    return body[name] as Body;
  };
  const why = (answer: { status: number; body: Body }): unknown => [answer.status, (answer.body.NeutronError as Body | undefined)?.type];
  const refused = async (method: string, path: string, body?: unknown): Promise<unknown> =>
    (await h.member.refused(method, path, body)).slice(0, 2);
  const gateway = (): Body => ({ external_gateway_info: { network_id: external.id } });

  test('a gateway: taken, moved to another address, given back; its port is nobody’s', async () => {
    const r = await router(gateway());
    const info = r.external_gateway_info as { enable_snat: boolean; external_fixed_ips: FixedIp[] };
    assert.deepEqual([info.enable_snat, info.external_fixed_ips[0]?.subnet_id], [true, outside.id]);
    const [held] = await h.admin.list(`ports?device_id=${r.id}`);
    assert.deepEqual([held?.project_id, held?.device_owner, held?.security_groups], ['', 'network:router_gateway', []]);
    const wanted = { network_id: external.id, enable_snat: false, external_fixed_ips: [{ ip_address: '172.24.4.77' }] };
    const moved = (await put('admin', `routers/${r.id}`, 'router', { external_gateway_info: wanted })).external_gateway_info as typeof info;
    assert.deepEqual([moved.enable_snat, moved.external_fixed_ips], [false, [{ subnet_id: outside.id, ip_address: '172.24.4.77' }]]);
    assert.equal((await h.admin.list(`ports?device_id=${r.id}`))[0]?.id, held?.id);
    for (const none of [null, {}]) {
      assert.equal((await put('member', `routers/${r.id}`, 'router', { external_gateway_info: none })).external_gateway_info, null);
      assert.deepEqual(await h.admin.list(`ports?device_id=${r.id}`), []);
      await put('member', `routers/${r.id}`, 'router', gateway());
    }
    assert.equal((await h.member.request('DELETE', `routers/${r.id}`)).status, 204);
    assert.deepEqual(await h.admin.list(`ports?device_id=${r.id}`), []);
    const plain = await h.member.make('networks', 'network', {});
    assert.deepEqual(await refused('POST', 'routers', { router: { external_gateway_info: { network_id: plain.id } } }), [
      400,
      'BadRequest',
    ]);
  });

  test('an interface by subnet has the gateway’s address, and the answer says so', async () => {
    const r = await router();
    const { net, subnet } = await inside('10.0.0.0/24');
    const { status, body } = await add(r, { subnet_id: subnet.id });
    assert.equal(status, 200);
    const { port_id, ...rest } = body;
    assert.deepEqual(rest, { id: r.id, tenant_id: h.member.project, network_id: net.id, subnet_id: subnet.id, subnet_ids: [subnet.id] });
    const made = (await h.member.request('GET', `ports/${port_id}`)).body.port as Body;
    assert.deepEqual(
      [made.device_owner, made.device_id, (made.fixed_ips as FixedIp[])[0]?.ip_address],
      ['network:router_interface', r.id, '10.0.0.1'],
    );
    assert.deepEqual(why(await add(r, { subnet_id: subnet.id })), [400, 'BadRequest']);
    assert.deepEqual(why(await add(r, {})), [400, 'BadRequest']);
    assert.deepEqual(why(await add(r, { subnet_id: subnet.id, port_id: String(port_id) })), [400, 'BadRequest']);
    const none = await inside('10.1.0.0/24', { gateway_ip: null });
    assert.deepEqual(why(await add(r, { subnet_id: none.subnet.id })), [400, 'BadRequest']);
    const overlapping = await inside('10.0.0.128/25');
    assert.deepEqual(why(await add(r, { subnet_id: overlapping.subnet.id })), [400, 'BadRequest']);
    assert.deepEqual(await refused('DELETE', `routers/${r.id}`), [409, 'RouterInUse']);
    assert.deepEqual(await refused('PUT', `subnets/${subnet.id}`, { subnet: { gateway_ip: '10.0.0.254' } }), [409, 'GatewayIpInUse']);
    assert.deepEqual(await refused('DELETE', `subnets/${subnet.id}`), [409, 'SubnetInUse']);
    const now = (await h.member.request('GET', `routers/${r.id}`)).body.router as Body;
    assert.equal(now.revision_number, Number(r.revision_number) + 1);
  });

  test('an interface by port: a port of one’s own that is nobody’s yet', async () => {
    const r = await router();
    const { net } = await inside('10.0.0.0/24');
    const used = await port(net, { device_id: 'vm' });
    assert.deepEqual(why(await add(r, { port_id: used.id })), [409, 'PortInUse']);
    const bare = await port(net, { fixed_ips: [] });
    assert.deepEqual(why(await add(r, { port_id: bare.id })), [400, 'BadRequest']);
    const made = await port(net, { fixed_ips: [{ ip_address: '10.0.0.9' }], allowed_address_pairs: [{ ip_address: '10.0.0.10' }] });
    assert.equal((await add(r, { port_id: made.id })).status, 200);
    const now = (await h.member.request('GET', `ports/${made.id}`)).body.port as Body;
    assert.deepEqual(
      [now.device_owner, now.port_security_enabled, now.security_groups, now.allowed_address_pairs],
      ['network:router_interface', false, [], []],
    );
    const other = await port(net);
    assert.deepEqual(why(await act(r, 'remove_router_interface', { port_id: other.id })), [404, 'RouterInterfaceNotFound']);
    assert.equal((await act(r, 'remove_router_interface', { port_id: made.id })).status, 200);
    assert.equal((await h.member.request('GET', `ports/${made.id}`)).status, 404);
  });

  test('IPv6 subnets of one network share a router port; IPv4 subnets do not', async () => {
    const r = await router();
    const mode = { ipv6_ra_mode: 'slaac', ipv6_address_mode: 'slaac' };
    const one = await inside('2001:db8:1::/64', mode);
    const two = await inside('2001:db8:2::/64', mode, one.net);
    const four = await inside('10.0.0.0/24', {}, one.net);
    const [a, b, c] = [
      await add(r, { subnet_id: one.subnet.id }),
      await add(r, { subnet_id: two.subnet.id }),
      await add(r, { subnet_id: four.subnet.id }),
    ];
    assert.equal(a.body.port_id, b.body.port_id);
    assert.notEqual(a.body.port_id, c.body.port_id);
    assert.deepEqual(b.body.subnet_ids, [one.subnet.id, two.subnet.id]);
    assert.equal((await act(r, 'remove_router_interface', { subnet_id: one.subnet.id })).status, 200);
    const left = (await h.member.request('GET', `ports/${a.body.port_id}`)).body.port as Body;
    assert.deepEqual(
      (left.fixed_ips as FixedIp[]).map(f => f.subnet_id),
      [two.subnet.id],
    );
    const extra = await h.member.make('ports', 'port', { network_id: one.net.id, fixed_ips: [{ subnet_id: one.subnet.id }] });
    assert.deepEqual(why(await add(r, { port_id: extra.id })), [400, 'BadRequest']);
    const foreign = await inside('2001:db8:9::/64', { ipv6_address_mode: 'slaac' });
    assert.deepEqual(why(await add(r, { subnet_id: foreign.subnet.id })), [400, 'BadRequest']);
  });

  test('several next hops for one destination are several routes', async () => {
    const r = await router();
    const { subnet } = await inside('10.5.0.0/24');
    await add(r, { subnet_id: subnet.id });
    const routes = ['10.5.0.7', '10.5.0.8'].map(nexthop => ({ destination: '192.0.2.0/24', nexthop }));
    assert.deepEqual((await put('member', `routers/${r.id}`, 'router', { routes })).routes, routes);
  });

  test('routes: neighbours only, replaced as a whole or changed one by one; an interface that they need stays', async () => {
    const r = await router();
    const { subnet } = await inside('10.0.0.0/24');
    await add(r, { subnet_id: subnet.id });
    const route = (n: number, nexthop = '10.0.0.9'): Body => ({ destination: `10.${n}.0.0/16`, nexthop });
    const change = (routes: unknown): Promise<unknown> => refused('PUT', `routers/${r.id}`, { router: { routes } });
    assert.deepEqual(await change([route(5, '192.0.2.1')]), [400, 'InvalidRoutes']);
    assert.deepEqual(await change([route(5, '10.0.0.1')]), [400, 'InvalidRoutes']);
    assert.deepEqual(await change([route(5), route(5)]), [400, 'HTTPBadRequest']);
    assert.deepEqual(await change(Array.from({ length: 31 }, (_, i) => route(i + 20))), [400, 'RoutesExhausted']);
    assert.deepEqual((await put('member', `routers/${r.id}`, 'router', { routes: [route(5)] })).routes, [route(5)]);
    const added = await act(r, 'add_extraroutes', { router: { routes: [route(5), route(6)] } });
    assert.deepEqual((added.body.router as Body).routes, [route(5), route(6)]);
    const before = (added.body.router as Body).revision_number;
    const same = await act(r, 'add_extraroutes', { router: { routes: [route(6)] } });
    assert.equal((same.body.router as Body).revision_number, before);
    const removed = await act(r, 'remove_extraroutes', {
      router: { routes: [route(5), route(99), { destination: 'junk', nexthop: 'x' }] },
    });
    assert.deepEqual((removed.body.router as Body).routes, [route(6)]);
    assert.deepEqual(why(await act(r, 'remove_router_interface', { subnet_id: subnet.id })), [409, 'RouterInterfaceInUseByRoute']);
    assert.deepEqual(why(await act(r, 'add_extraroutes', { routes: [] })), [400, 'HTTPBadRequest']);
    assert.deepEqual((await put('member', `routers/${r.id}`, 'router', { routes: null })).routes, []);
    assert.equal((await act(r, 'remove_router_interface', { subnet_id: subnet.id })).status, 200);
    assert.deepEqual(why(await act(r, 'remove_router_interface', { subnet_id: subnet.id })), [404, 'RouterInterfaceNotFoundForSubnet']);
  });

  describe('floating IPs', () => {
    let r: Made;
    let near: { net: Made; subnet: Made };
    const floating = (more: Body = {}): Promise<Made> =>
      h.member.make('floatingips', 'floatingip', { floating_network_id: external.id, ...more });
    const associate = (fip: Made, attributes: Body): Promise<Body> => put('member', `floatingips/${fip.id}`, 'floatingip', attributes);

    before(async () => {
      r = await router(gateway());
      near = await inside('10.0.0.0/24');
      await add(r, { subnet_id: near.subnet.id });
    });

    test('one stands for the only IPv4 address of a port, or for the one that is named', async () => {
      const made = await port(near.net, { name: 'vm' });
      const [address] = made.fixed_ips as FixedIp[];
      const fip = await floating({ port_id: made.id });
      assert.deepEqual([fip.fixed_ip_address, fip.router_id, fip.status], [address?.ip_address, r.id, 'DOWN']);
      assert.equal((fip.port_details as Body).name, 'vm');
      const [held] = await h.admin.list(`ports?device_id=${fip.id}`);
      assert.deepEqual([held?.project_id, held?.status, held?.device_owner], ['', 'N/A', 'network:floatingip']);
      const several = await port(near.net, { fixed_ips: [{ ip_address: '10.0.0.50' }, { ip_address: '10.0.0.51' }] });
      assert.deepEqual(await refused('PUT', `floatingips/${fip.id}`, { floatingip: { port_id: several.id } }), [400, 'BadRequest']);
      const named = await associate(fip, { port_id: several.id, fixed_ip_address: '10.0.0.51' });
      assert.deepEqual([named.port_id, named.fixed_ip_address], [several.id, '10.0.0.51']);
      assert.equal((await associate(fip, { description: 'd' })).port_id, several.id);
      assert.deepEqual(await refused('PUT', `ports/${several.id}`, { port: { fixed_ips: [{ ip_address: '10.0.0.50' }] } }), [
        400,
        'BadRequest',
      ]);
      for (const off of [{ port_id: null }, {}]) {
        assert.deepEqual([(await associate(fip, off)).port_id, (await associate(fip, off)).router_id], [null, null]);
        await associate(fip, { port_id: several.id, fixed_ip_address: '10.0.0.50' });
      }
      const second = await floating();
      const taken = { floatingip: { port_id: several.id, fixed_ip_address: '10.0.0.50' } };
      assert.deepEqual(await refused('PUT', `floatingips/${second.id}`, taken), [409, 'FloatingIPPortAlreadyAssociated']);
      assert.equal((await h.member.request('DELETE', `ports/${several.id}`)).status, 204);
      assert.equal(((await h.member.request('GET', `floatingips/${fip.id}`)).body.floatingip as Body).port_id, null);
      assert.equal((await h.member.request('DELETE', `floatingips/${fip.id}`)).status, 204);
      assert.deepEqual(await h.admin.list(`ports?device_id=${fip.id}`), []);
    });

    test('what it goes through stays: interface, gateway', async () => {
      const made = await port(near.net);
      const fip = await floating({ port_id: made.id });
      assert.deepEqual(why(await act(r, 'remove_router_interface', { subnet_id: near.subnet.id })), [
        409,
        'RouterInterfaceInUseByFloatingIP',
      ]);
      assert.deepEqual(await refused('PUT', `routers/${r.id}`, { router: { external_gateway_info: null } }), [
        409,
        'RouterExternalGatewayInUseByFloatingIp',
      ]);
      await h.member.request('DELETE', `floatingips/${fip.id}`);
    });

    test('what it cannot stand for', async () => {
      const far = await inside('10.9.0.0/24');
      const unreached = await port(far.net);
      const post = (more: Body): Promise<unknown> =>
        refused('POST', 'floatingips', { floatingip: { floating_network_id: external.id, ...more } });
      assert.deepEqual(await post({ port_id: unreached.id }), [404, 'ExternalGatewayForFloatingIPNotFound']);
      const v6 = await inside('2001:db8:5::/64');
      assert.deepEqual(await post({ port_id: (await port(v6.net)).id }), [400, 'BadRequest']);
      assert.deepEqual(await post({ fixed_ip_address: '10.0.0.9' }), [400, 'BadRequest']);
      assert.deepEqual(await post({ port_id: (await port(near.net)).id, fixed_ip_address: '10.0.0.99' }), [400, 'BadRequest']);
      assert.deepEqual(await post({ floating_ip_address: '172.24.4.9' }), [403, 'PolicyNotAuthorized']);
      assert.deepEqual(await refused('POST', 'floatingips', { floatingip: { floating_network_id: near.net.id } }), [400, 'BadRequest']);
      const empty = await h.admin.make('networks', 'network', { 'router:external': true });
      assert.deepEqual(await refused('POST', 'floatingips', { floatingip: { floating_network_id: empty.id } }), [400, 'BadRequest']);
      assert.deepEqual(await h.admin.list(`ports?device_owner=network:floatingip&network_id=${empty.id}`), []);
    });

    test('an external network takes those with it that stand for nothing, and only those', async () => {
      const own = await h.admin.make('networks', 'network', { 'router:external': true });
      await h.admin.make('subnets', 'subnet', { network_id: own.id, ip_version: 4, cidr: '198.51.100.0/24' });
      const second = await router({ external_gateway_info: { network_id: own.id } });
      const there = await inside('10.8.0.0/24');
      await add(second, { subnet_id: there.subnet.id });
      const fip = await h.member.make('floatingips', 'floatingip', { floating_network_id: own.id, port_id: (await port(there.net)).id });
      const idle = await h.member.make('floatingips', 'floatingip', { floating_network_id: own.id });
      const remove = async (): Promise<unknown> => (await h.admin.refused('DELETE', `networks/${own.id}`)).slice(0, 2);
      assert.deepEqual(await remove(), [409, 'NetworkInUse']);
      assert.equal((await h.member.request('GET', `floatingips/${idle.id}`)).status, 200);
      await associate(fip, { port_id: null });
      assert.deepEqual(await remove(), [409, 'NetworkInUse']);
      await put('member', `routers/${second.id}`, 'router', { external_gateway_info: null });
      assert.deepEqual(await remove(), [204, '']);
      for (const gone of [fip, idle]) assert.equal((await h.member.request('GET', `floatingips/${gone.id}`)).status, 404);
      assert.deepEqual(await h.admin.list(`ports?network_id=${own.id}`), []);
    });

    test('a port of another project, seen by the owner of its network, is refused for what it is', async () => {
      const fip = await h.member.make('floatingips', 'floatingip', { floating_network_id: external.id });
      const near = await inside('10.9.0.0/24');
      const theirs = await h.admin.make('ports', 'port', { network_id: near.net.id, project_id: h.other.project });
      const change = { floatingip: { port_id: theirs.id } };
      assert.deepEqual(await refused('PUT', `floatingips/${fip.id}`, change), [400, 'BadRequest']);
      const hidden = await h.other.make('ports', 'port', { network_id: (await h.other.make('networks', 'network', {})).id });
      assert.deepEqual(await refused('PUT', `floatingips/${fip.id}`, { floatingip: { port_id: hidden.id } }), [404, 'PortNotFound']);
    });

    test('an address that the administrator asks for', async () => {
      const attributes = { floating_network_id: external.id, project_id: h.member.project, floating_ip_address: '172.24.4.200' };
      const fip = await h.admin.make('floatingips', 'floatingip', attributes);
      assert.equal(fip.floating_ip_address, '172.24.4.200');
      assert.deepEqual((await h.admin.refused('POST', 'floatingips', { floatingip: attributes })).slice(0, 2), [
        409,
        'IpAddressAlreadyAllocated',
      ]);
      assert.ok((await h.member.list('floatingips?floating_ip_address=172.24.4.200')).length === 1);
    });
  });
});
