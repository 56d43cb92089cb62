// What went wrong in Neutron before, and must not go wrong here: one test for each advisory that concerns the API.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { getHeapSnapshot } from 'node:v8';
import type { Api, Body, Made } from './client.ts';
import { type Harness, start } from './harness.ts';

/** How many texts of this process have a text in them. */
async function inHeap(text: string): Promise<number> {
  let found = 0;
  let rest = '';
  for await (const chunk of getHeapSnapshot().setEncoding('latin1')) {
    const parts = (rest + String(chunk)).split(text);
    found += parts.length - 1;
    rest = (parts.at(-1) as string).slice(1 - text.length);
  }
  return found;
}

describe('advisories', () => {
  let h: Harness;
  let net: Made;
  let shared: Made;
  let sharedSubnet: Made;
  let external: Made;

  before(async () => {
    h = await start({ quotas: { port: -1, network: -1, router: -1 } });
    net = await h.member.make('networks', 'network', { name: 'own' });
    await h.member.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr: '10.0.0.0/24' });
    shared = await h.admin.make('networks', 'network', { name: 'shared', shared: true });
    sharedSubnet = await h.admin.make('subnets', 'subnet', { network_id: shared.id, ip_version: 4, cidr: '10.1.0.0/24' });
    external = await h.admin.make('networks', 'network', { name: 'external', 'router:external': true });
    await h.admin.make('subnets', 'subnet', { network_id: external.id, ip_version: 4, cidr: '172.24.4.0/24' });
  });
  after(() => h[Symbol.asyncDispose]());

  const status = async (api: Api, method: string, path: string, body?: unknown): Promise<number> =>
    (await api.request(method, path, body)).status;
  const typeOf = async (api: Api, method: string, path: string, body?: unknown): Promise<unknown> =>
    (await api.refused(method, path, body)).slice(0, 2);

  test("OSSA-2014-008: a port with another project's router as its device does not cross", async () => {
    const foreign = await h.other.make('routers', 'router', {});
    const own = await h.member.make('routers', 'router', {});
    for (const device_owner of ['network:router_interface', 'network:router_gateway', 'network:router_interface_distributed']) {
      const port = { network_id: net.id, device_owner, device_id: foreign.id };
      assert.deepEqual(await typeOf(h.member, 'POST', 'ports', { port }), [409, 'DeviceIDNotOwnedByTenant']);
      const { id } = await h.member.make('ports', 'port', { network_id: net.id, device_owner });
      assert.deepEqual(await typeOf(h.member, 'PUT', `ports/${id}`, { port: { device_id: foreign.id } }), [
        409,
        'DeviceIDNotOwnedByTenant',
      ]);
      const named = await h.member.make('ports', 'port', { network_id: net.id, device_id: foreign.id });
      assert.deepEqual(await typeOf(h.member, 'PUT', `ports/${named.id}`, { port: { device_owner } }), [409, 'DeviceIDNotOwnedByTenant']);
    }
    const made = await h.member.make('ports', 'port', { network_id: net.id, device_owner: 'network:router_interface', device_id: own.id });
    // Calling itself an interface makes it none: the router knows its own.
    assert.equal(await status(h.member, 'DELETE', `routers/${own.id}`), 204);
    assert.equal(made.device_id, own.id);
  });

  test('OSSA-2014-031: an attribute that is for administrators is not reset by sending its default', async () => {
    const mine = await h.admin.make('networks', 'network', { project_id: h.member.project, shared: true, 'router:external': true });
    for (const network of [{ shared: false }, { 'router:external': false }, { name: 'x', shared: true }])
      assert.deepEqual(await typeOf(h.member, 'PUT', `networks/${mine.id}`, { network }), [403, 'PolicyNotAuthorized']);
    const router = await h.member.make('routers', 'router', { external_gateway_info: { network_id: external.id } });
    const info = { network_id: external.id, enable_snat: true };
    const refused = await typeOf(h.member, 'PUT', `routers/${router.id}`, { router: { external_gateway_info: info } });
    assert.deepEqual(refused, [403, 'PolicyNotAuthorized']);
    const port = await h.member.make('ports', 'port', { network_id: net.id });
    for (const value of [{ 'binding:host_id': '' }, { 'binding:profile': {} }])
      assert.deepEqual(await typeOf(h.member, 'PUT', `ports/${port.id}`, { port: value }), [403, 'PolicyNotAuthorized']);
    assert.equal(await status(h.member, 'PUT', `networks/${mine.id}`, { network: { name: 'x' } }), 200);
  });

  test('OSSA-2014-038: long URLs and long filters are refused, and clearly', async () => {
    const addresses = (count: number): string =>
      Array.from({ length: count }, (_, i) => `fixed_ips=ip_address%3D10.0.${i >> 8}.${i & 255}`).join('&');
    assert.deepEqual(await typeOf(h.member, 'GET', `ports?${addresses(1000)}`), [400, 'HTTPBadRequest']);
    assert.match((await h.member.refused('GET', `ports?name=${'n'.repeat(17_000)}`))[2], /longer than 16384/);
    assert.deepEqual(await typeOf(h.member, 'GET', `ports?${'id=1&'.repeat(1001)}`), [400, 'HTTPBadRequest']);
    assert.deepEqual(await typeOf(h.member, 'GET', `ports?tags=${Array.from({ length: 51 }, (_, i) => i).join()}`), [
      400,
      'HTTPBadRequest',
    ]);
    assert.equal(await status(h.member, 'GET', `ports?${addresses(300)}`), 200);
    const sorts = Array.from({ length: 400 }, () => 'sort_key=name&sort_dir=asc').join('&');
    assert.equal(await status(h.member, 'GET', `ports?${sorts}`), 200);
  });

  test('OSSA-2014-025: a port has ten address pairs at most; other lists have an end too', async () => {
    const pairs = (count: number): Body[] => Array.from({ length: count }, (_, i) => ({ ip_address: `10.9.${i >> 8}.${i & 255}` }));
    const make = (attributes: Body): Promise<unknown> => typeOf(h.member, 'POST', 'ports', { port: { network_id: net.id, ...attributes } });
    assert.deepEqual(await make({ allowed_address_pairs: pairs(11) }), [400, 'AllowedAddressPairExhausted']);
    const port = await h.member.make('ports', 'port', { network_id: net.id, allowed_address_pairs: pairs(10) });
    const more = { port: { allowed_address_pairs: pairs(11) } };
    assert.deepEqual(await typeOf(h.member, 'PUT', `ports/${port.id}`, more), [400, 'AllowedAddressPairExhausted']);
    assert.deepEqual(await make({ fixed_ips: pairs(257) }), [400, 'InvalidInput']);
    assert.deepEqual(await make({ security_groups: Array.from({ length: 1001 }, () => net.id) }), [400, 'HTTPBadRequest']);
    const pools = Array.from({ length: 1001 }, () => ({ start: '10.2.0.1', end: '10.2.0.2' }));
    const subnet = { network_id: net.id, ip_version: 4, cidr: '10.2.0.0/16', allocation_pools: pools };
    assert.deepEqual(await typeOf(h.member, 'POST', 'subnets', { subnet }), [400, 'HTTPBadRequest']);
    const types = (service_types: string[]): Body => ({ subnet: { ...subnet, allocation_pools: [], service_types } });
    const many = Array.from({ length: 1001 }, (_, i) => `compute:${i}`);
    assert.deepEqual(await typeOf(h.member, 'POST', 'subnets', types(many)), [400, 'HTTPBadRequest']);
    const long = types([`compute:${'x'.repeat(300)}`]);
    assert.deepEqual(await typeOf(h.member, 'POST', 'subnets', long), [400, 'HTTPBadRequest']);
    // Options of DHCP are added to those that a port has.
    const options = (from: number, count: number): Body[] =>
      Array.from({ length: count }, (_, i) => ({ opt_name: `${from + i}`, opt_value: 'x' }));
    assert.deepEqual(await make({ extra_dhcp_opts: options(0, 257) }), [400, 'InvalidInput']);
    const full = await h.member.make('ports', 'port', { network_id: net.id, extra_dhcp_opts: options(0, 256) });
    const another = { port: { extra_dhcp_opts: options(256, 1) } };
    assert.deepEqual(await typeOf(h.member, 'PUT', `ports/${full.id}`, another), [400, 'InvalidInput']);
    const instead = { port: { extra_dhcp_opts: [...options(256, 1), { opt_name: '0', opt_value: null }] } };
    assert.equal(await status(h.member, 'PUT', `ports/${full.id}`, instead), 200);
  });

  test('a body that nests without end is refused like any other that is wrong', async () => {
    for (const name of ['name', 'admin_state_up', 'mtu', 'provider:physical_network']) {
      const deep = `{"network":{"${name}":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`;
      assert.deepEqual(await typeOf(h.member, 'POST', 'networks', deep), [400, 'HTTPBadRequest']);
    }
  });

  test('OSSA-2015-018, CVE-2026-50266: the owners that are trusted need the network', async () => {
    for (const device_owner of ['network:dhcp', 'network:router_interface', 'network:routed', 'network:']) {
      const port = { network_id: shared.id, device_owner };
      assert.deepEqual(await typeOf(h.member, 'POST', 'ports', { port }), [403, 'PolicyNotAuthorized'], device_owner);
      const guest = await h.member.make('ports', 'port', { network_id: shared.id });
      assert.deepEqual(await typeOf(h.member, 'PUT', `ports/${guest.id}`, { port: { device_owner } }), [403, 'PolicyNotAuthorized']);
      const bulk = { ports: [{ network_id: shared.id }, port] };
      assert.deepEqual(await typeOf(h.member, 'POST', 'ports', bulk), [403, 'PolicyNotAuthorized']);
    }
    const guest = await h.member.make('ports', 'port', { network_id: shared.id });
    for (const change of [
      { port_security_enabled: false },
      { allowed_address_pairs: [{ ip_address: '10.1.0.1' }] },
      { mac_address: 'fa:16:3e:00:00:77' },
    ])
      assert.deepEqual(await typeOf(h.member, 'PUT', `ports/${guest.id}`, { port: change }), [403, 'PolicyNotAuthorized']);
    // On a network of one's own it is allowed.
    await h.member.make('ports', 'port', { network_id: net.id, device_owner: 'network:dhcp' });
  });

  test('on a shared network whoever only reads, or has no role, makes no ports', async () => {
    const port = { network_id: shared.id };
    for (const api of [h.reader, h.nobody]) assert.deepEqual(await typeOf(api, 'POST', 'ports', { port }), [403, 'PolicyNotAuthorized']);
    await h.member.make('ports', 'port', port);
  });

  test('CVE-2026-50266: managers of a project are trusted with networks of their own alone', async () => {
    const manager = h.as('manager');
    const trusted = { device_owner: 'network:dhcp' };
    const beyond: readonly Body[] = [
      trusted,
      { mac_address: 'fa:16:3e:00:00:78' },
      { port_security_enabled: false },
      { allowed_address_pairs: [{ ip_address: '10.1.0.1' }] },
      { fixed_ips: [{ subnet_id: sharedSubnet.id, ip_address: '10.1.0.99' }] },
    ];
    const guest = await manager.make('ports', 'port', { network_id: shared.id });
    for (const attributes of beyond) {
      const refused = [403, 'PolicyNotAuthorized'];
      assert.deepEqual(await typeOf(manager, 'POST', 'ports', { port: { network_id: shared.id, ...attributes } }), refused);
      assert.deepEqual(await typeOf(manager, 'PUT', `ports/${guest.id}`, { port: attributes }), refused, Object.keys(attributes)[0]);
    }
    const own = await manager.make('ports', 'port', { network_id: net.id, ...trusted });
    assert.equal(await status(manager, 'PUT', `ports/${own.id}`, { port: { mac_address: 'fa:16:3e:00:00:79' } }), 200);
  });

  test('OSSA-2015-018: a port of a router is not talked out of being one', async () => {
    const router = await h.member.make('routers', 'router', {});
    const other = await h.member.make('networks', 'network', {});
    const subnet = await h.member.make('subnets', 'subnet', { network_id: other.id, ip_version: 4, cidr: '10.3.0.0/24' });
    const added = await h.member.request('PUT', `routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
    const id = String(added.body.port_id);
    for (const port of [{ device_owner: 'compute:nova' }, { device_id: '' }])
      assert.deepEqual(await typeOf(h.member, 'PUT', `ports/${id}`, { port }), [409, 'UnsupportedPortDeviceOwner']);
    const moved = { port: { fixed_ips: [{ ip_address: '10.3.0.77' }] } };
    assert.deepEqual(await typeOf(h.member, 'PUT', `ports/${id}`, moved), [400, 'IPAddressChangeNotAllowed']);
    assert.deepEqual(await typeOf(h.member, 'DELETE', `ports/${id}`), [409, 'ServicePortInUse']);
    assert.equal(await status(h.member, 'PUT', `ports/${id}`, { port: { name: 'x', fixed_ips: [{ subnet_id: subnet.id }] } }), 200);
  });

  test('CVE-2018-14635: on a shared network a router takes no address that its owner did not give out', async () => {
    const router = await h.member.make('routers', 'router', {});
    const add = (body: Body): Promise<unknown> => typeOf(h.member, 'PUT', `routers/${router.id}/add_router_interface`, body);
    assert.deepEqual(await add({ subnet_id: sharedSubnet.id }), [400, 'BadRequest']);
    const gateway = { network_id: shared.id, fixed_ips: [{ ip_address: '10.1.0.1' }] };
    assert.deepEqual(await typeOf(h.member, 'POST', 'ports', { port: gateway }), [403, 'PolicyNotAuthorized']);
    const given = await h.admin.make('ports', 'port', { ...gateway, project_id: h.member.project });
    assert.deepEqual(await add({ port_id: given.id }), [400, 'BadRequest']);
    const guest = await h.member.make('ports', 'port', { network_id: shared.id });
    assert.deepEqual(await add({ port_id: guest.id }), [200, '']);
  });

  test('OSSA-2021-006: junk URLs leave nothing behind', async () => {
    const mark = randomUUID();
    const count = 3000;
    for (let i = 0; i < count; i++) {
      const name = `${mark}x${i}`.padEnd(120, 'y');
      const paths = [
        `${name}`,
        `networks/${name}/${name}`,
        `networks?${name}=1`,
        `ports/${name}`,
        `networks/${net.id}/${name}`,
        `extensions/${name}`,
      ];
      await h.member.request('GET', paths[i % paths.length] as string);
    }
    // Whatever holds one of them holds its name. Those of the last requests, some three hundred, are still about.
    const kept = await inHeap(`${mark}x`);
    assert.ok(kept < 1000, `${kept} of ${count} names`);
    const held = Array.from({ length: count }, (_, i) => Buffer.from(`${mark}x${i}`).toString());
    assert.ok((await inHeap(`${mark}x`)) >= held.length, 'what is held is found');
  });

  test("OSSA-2024-005: tags of another project's objects cannot be seen, set or cleared", async () => {
    await h.member.request('PUT', `networks/${net.id}/tags`, { tags: ['mine'] });
    const requests: readonly (readonly [string, string, unknown?])[] = [
      ['GET', 'tags'],
      ['GET', 'tags/mine'],
      ['PUT', 'tags', { tags: ['theirs'] }],
      ['POST', 'tags', { tags: ['theirs'] }],
      ['PUT', 'tags/theirs'],
      ['DELETE', 'tags/mine'],
      ['DELETE', 'tags'],
    ];
    for (const [method, below, body] of requests)
      assert.deepEqual(
        await typeOf(h.other, method, `networks/${net.id}/${below}`, body),
        [404, 'TagResourceNotFound'],
        `${method} ${below}`,
      );
    // Seen, but not owned.
    assert.deepEqual(await typeOf(h.member, 'PUT', `networks/${shared.id}/tags/x`), [403, 'PolicyNotAuthorized']);
    assert.deepEqual((await h.member.request('GET', `networks/${net.id}/tags`)).body, { tags: ['mine'] });
  });

  test('CVE-2022-3277, CVE-2023-3637: to list groups of arbitrary projects makes none', async () => {
    const before = (await h.admin.list('security-groups')).length;
    for (let i = 0; i < 20; i++) {
      await h.admin.list(`security-groups?project_id=junk${i}`);
      await h.member.list(`security-groups?tenant_id=junk${i}`);
      await h.admin.list(`security-group-rules?project_id=junk${i}`);
    }
    assert.equal((await h.admin.list('security-groups')).length, before);
  });

  test('OSSA-2014-039, CVE-2014-7821: crafted name servers and other texts are refused in no time', async () => {
    const started = process.cpuUsage();
    for (const text of [`${'1.'.repeat(20_000)}x`, `${'a-'.repeat(20_000)}!`, `${':'.repeat(60_000)}`, `${'1'.repeat(60_000)}.1.1.1`]) {
      const subnet = { network_id: net.id, ip_version: 4, cidr: '10.4.0.0/24' };
      assert.equal(await status(h.member, 'POST', 'subnets', { subnet: { ...subnet, dns_nameservers: [text] } }), 400);
      assert.equal(await status(h.member, 'POST', 'subnets', { subnet: { ...subnet, cidr: text } }), 400);
      assert.equal(await status(h.member, 'POST', 'ports', { port: { network_id: net.id, mac_address: text } }), 400);
      assert.equal(await status(h.member, 'POST', 'ports', { port: { network_id: net.id, fixed_ips: [{ ip_address: text }] } }), 400);
    }
    // The server is in this process.
    assert.ok(process.cpuUsage(started).user < 3_000_000);
  });

  test('OSSA-2019-001, OSSA-2014-014: rules that agents could not compile are not taken', async () => {
    const group = await h.member.make('security-groups', 'security_group', { name: 'g' });
    const make = (rule: Body): Promise<unknown> =>
      typeOf(h.member, 'POST', 'security-group-rules', {
        security_group_rule: { security_group_id: group.id, direction: 'ingress', ...rule },
      });
    for (const protocol of ['vrrp', '112', 'esp', 51, 'igmp'])
      assert.deepEqual(
        await make({ protocol, port_range_min: 1, port_range_max: 9 }),
        [400, 'SecurityGroupInvalidProtocolForPort'],
        `${protocol}`,
      );
    for (const remote_ip_prefix of ['10.0.0.0/33', '10.0.0.0/-1', '10.0.0.1/24\n', '::/129', 'x/8', '10.0.0.0/08', '0.0.0.0/0 -j ACCEPT'])
      assert.equal(((await make({ remote_ip_prefix })) as number[])[0], 400, remote_ip_prefix);
    assert.equal(((await make({ ethertype: 'IPv6', remote_ip_prefix: '10.0.0.0/8' })) as number[])[0], 400);
    assert.deepEqual(await make({ protocol: 'vrrp' }), [201, '']);
  });

  test('OSSA-2021-005: nothing that ends a line gets into what becomes a configuration', async () => {
    for (const end of ['\n', '\r', '\u0000', '\u2028', '\u0085']) {
      const text = `x${end}dhcp-script=/bin/sh`;
      for (const opt of [
        { opt_name: 'server-ip-address', opt_value: text },
        { opt_name: text, opt_value: 'x' },
      ])
        assert.equal(await status(h.member, 'POST', 'ports', { port: { network_id: net.id, extra_dhcp_opts: [opt] } }), 400);
      const subnet = { network_id: net.id, ip_version: 4, cidr: '10.5.0.0/24' };
      for (const more of [
        { dns_nameservers: [`8.8.8.8${end}`] },
        { host_routes: [{ destination: '10.6.0.0/24', nexthop: `10.5.0.2${end}` }] },
      ])
        assert.equal(await status(h.member, 'POST', 'subnets', { subnet: { ...subnet, ...more } }), 400);
    }
  });

  test('OSSA-2017-001: a request that fails gives away neither its token nor what went wrong inside', async () => {
    const { store } = h.server;
    const select = store.select.bind(store);
    store.select = () => Promise.reject(new Error('secret state of the database'));
    const answer = await h.member.request('GET', 'networks', undefined, { 'x-auth-token': 'member' });
    store.select = select;
    assert.equal(answer.status, 500);
    assert.equal((answer.body.NeutronError as Body).type, 'HTTPInternalServerError');
    assert.doesNotMatch(JSON.stringify(answer.body), /secret/);
    const request = answer.headers.get('x-openstack-request-id') ?? 'none';
    const lines = h.logged.filter(line => line.includes(request));
    assert.ok(lines.some(line => line.includes('secret state')));
    assert.ok(h.logged.every(line => !line.includes('x-auth-token')));
  });

  test('objects of other projects are no parts of one’s own', async () => {
    const foreignNet = await h.other.make('networks', 'network', {});
    const foreignSubnet = await h.other.make('subnets', 'subnet', { network_id: foreignNet.id, ip_version: 4, cidr: '10.8.0.0/24' });
    const foreignPort = await h.other.make('ports', 'port', { network_id: foreignNet.id });
    const [foreignGroup] = await h.other.list('security-groups');
    const group = await h.member.make('security-groups', 'security_group', { name: 'own' });
    const router = await h.member.make('routers', 'router', { external_gateway_info: { network_id: external.id } });
    const port = await h.member.make('ports', 'port', { network_id: net.id });
    const fip = await h.member.make('floatingips', 'floatingip', { floating_network_id: external.id });
    const rule = { security_group_id: group.id, direction: 'ingress', remote_group_id: foreignGroup?.id };
    const requests: readonly (readonly [string, string, unknown, string])[] = [
      ['POST', 'security-group-rules', { security_group_rule: rule }, 'SecurityGroupNotFound'],
      ['POST', 'security-group-rules', { security_group_rule: { ...rule, security_group_id: foreignGroup?.id } }, 'SecurityGroupNotFound'],
      ['POST', 'ports', { port: { network_id: net.id, security_groups: [foreignGroup?.id] } }, 'SecurityGroupNotFound'],
      ['PUT', `ports/${port.id}`, { port: { security_groups: [foreignGroup?.id] } }, 'SecurityGroupNotFound'],
      ['POST', 'ports', { port: { network_id: net.id, fixed_ips: [{ subnet_id: foreignSubnet.id }] } }, 'SubnetNotFound'],
      ['PUT', `routers/${router.id}/add_router_interface`, { subnet_id: foreignSubnet.id }, 'SubnetNotFound'],
      ['PUT', `routers/${router.id}/add_router_interface`, { port_id: foreignPort.id }, 'PortNotFound'],
      ['PUT', `routers/${router.id}`, { router: { external_gateway_info: { network_id: foreignNet.id } } }, 'NetworkNotFound'],
      ['POST', 'floatingips', { floatingip: { floating_network_id: foreignNet.id } }, 'NetworkNotFound'],
      ['PUT', `floatingips/${fip.id}`, { floatingip: { port_id: foreignPort.id } }, 'PortNotFound'],
    ];
    for (const [method, path, body, type] of requests)
      assert.deepEqual(await typeOf(h.member, method, path, body), [404, type], `${method} ${path} ${JSON.stringify(body)}`);
  });
});
