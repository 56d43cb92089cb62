// Networks, subnets and ports: MTU, sharing, address modes, which addresses a port gets, and what follows a change.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Body, Made } from './client.ts';
import { beat, type Harness, start } from './harness.ts';

interface FixedIp {
  readonly subnet_id: string;
  readonly ip_address: string;
}

describe('addressing', () => {
  let h: Harness;

  before(async () => {
    h = await start({ vlanRanges: { phys: [[100, 199]] }, quotas: { network: -1, subnet: -1 } });
    await beat(h, 'h1');
  });
  after(() => h[Symbol.asyncDispose]());

  const network = (attributes: Body = {}): Promise<Made> => h.member.make('networks', 'network', attributes);
  const subnet = (net: Made, cidr: string, more: Body = {}): Promise<Made> =>
    h.member.make('subnets', 'subnet', { network_id: net.id, ip_version: cidr.includes(':') ? 6 : 4, cidr, ...more });
  const port = (net: Made, more: Body = {}): Promise<Made> => h.member.make('ports', 'port', { network_id: net.id, ...more });
  const ips = (p: Body): string[] => (p.fixed_ips as FixedIp[]).map(f => f.ip_address);
  const put = async (path: string, name: string, attributes: Body): Promise<Body> => {
    const { status, body } = await h.member.request('PUT', path, { [name]: attributes });
    assert.equal(status, 200, JSON.stringify(body));
    return body[name] as Body;
  };
  const refused = async (method: string, path: string, body: unknown): Promise<unknown> =>
    (await h.member.refused(method, path, body)).slice(0, 2);
  const slaac = { ipv6_ra_mode: 'slaac', ipv6_address_mode: 'slaac' };
  const mac = 'fa:16:3e:12:34:56';

  test('the MTU follows the type, and may be smaller', async () => {
    assert.equal((await network()).mtu, 1450);
    const vlan = await h.admin.make('networks', 'network', { 'provider:network_type': 'vlan' });
    assert.deepEqual([vlan.mtu, vlan['provider:physical_network']], [1500, 'phys']);
    const net = await network({ mtu: 1300 });
    assert.equal((await put(`networks/${net.id}`, 'network', { mtu: 1280 })).mtu, 1280);
    await subnet(net, '2001:db8::/64');
    assert.deepEqual(await refused('PUT', `networks/${net.id}`, { network: { mtu: 1279 } }), [409, 'NetworkMTUSubnetConflict']);
    assert.deepEqual(await refused('PUT', `networks/${net.id}`, { network: { mtu: 1451 } }), [400, 'InvalidInput']);
    assert.equal((await put(`networks/${net.id}`, 'network', { mtu: 0 })).mtu, 1450);
  });

  test('sharing and being external end only when nobody depends on it', async () => {
    const net = await h.admin.make('networks', 'network', { shared: true, 'router:external': true });
    await h.admin.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr: '172.24.4.0/24' });
    const guest = await port(net);
    const router = await h.member.make('routers', 'router', { external_gateway_info: { network_id: net.id } });
    const change = async (attributes: Body): Promise<unknown> =>
      (await h.admin.refused('PUT', `networks/${net.id}`, { network: attributes })).slice(0, 2);
    assert.deepEqual(await change({ shared: false }), [409, 'InvalidSharedSetting']);
    assert.deepEqual(await change({ 'router:external': false }), [409, 'ExternalNetworkInUse']);
    await h.member.request('DELETE', `ports/${guest.id}`);
    await h.member.request('DELETE', `routers/${router.id}`);
    assert.deepEqual(await change({ shared: false, 'router:external': false }), [200, '']);
    assert.equal((await h.member.request('GET', `networks/${net.id}`)).status, 404);
  });

  test('defaults of subnets: gateway, pools, and what null and an empty list mean', async () => {
    const net = await network();
    const v4 = await subnet(net, '10.0.0.9/29');
    assert.deepEqual([v4.cidr, v4.gateway_ip], ['10.0.0.8/29', '10.0.0.9']);
    assert.deepEqual(v4.allocation_pools, [{ start: '10.0.0.10', end: '10.0.0.14' }]);
    const v6 = await subnet(net, '2001:db8::/64');
    assert.deepEqual(
      [v6.gateway_ip, v6.allocation_pools],
      ['2001:db8::', [{ start: '2001:db8::1', end: '2001:db8::ffff:ffff:ffff:ffff' }]],
    );
    const none = await subnet(net, '10.1.0.0/29', { gateway_ip: null, allocation_pools: [] });
    assert.deepEqual([none.gateway_ip, none.allocation_pools], [null, [{ start: '10.1.0.1', end: '10.1.0.6' }]]);
    const middle = await subnet(net, '10.2.0.0/29', { gateway_ip: '10.2.0.3' });
    assert.deepEqual(middle.allocation_pools, [
      { start: '10.2.0.1', end: '10.2.0.2' },
      { start: '10.2.0.4', end: '10.2.0.6' },
    ]);
    const outside = await subnet(net, '10.3.0.0/29', { gateway_ip: '192.0.2.1' });
    assert.equal(outside.gateway_ip, '192.0.2.1');
    const two = await subnet(net, '10.4.0.0/31', { enable_dhcp: false, gateway_ip: null });
    assert.deepEqual(two.allocation_pools, [{ start: '10.4.0.0', end: '10.4.0.1' }]);
    assert.equal(v4.revision_number, 0);
    assert.equal(((await h.member.request('GET', `networks/${net.id}`)).body.network as Body).revision_number, 7);
  });

  test('IPv6 modes: legal combinations, and nothing else', async () => {
    const net = await network();
    const make = (more: Body): Promise<unknown> =>
      refused('POST', 'subnets', { subnet: { network_id: net.id, ip_version: 6, cidr: '2001:db8:f::/64', ...more } });
    assert.deepEqual(await make({ ipv6_ra_mode: 'slaac', ipv6_address_mode: 'dhcpv6-stateful' }), [400, 'InvalidInput']);
    assert.deepEqual(await make({ ...slaac, enable_dhcp: false }), [400, 'InvalidInput']);
    assert.deepEqual(await make({ ...slaac, cidr: '2001:db8:f::/63' }), [400, 'InvalidInput']);
    assert.deepEqual(await make({ ip_version: 4, cidr: '10.9.0.0/24', ipv6_ra_mode: 'slaac' }), [400, 'InvalidInput']);
    for (const mode of ['slaac', 'dhcpv6-stateless', 'dhcpv6-stateful'])
      await subnet(await network(), '2001:db8::/64', { ipv6_ra_mode: mode, ipv6_address_mode: mode });
  });

  test('a port gets one IPv4 address, one that IPAM hands out, and one of every automatic subnet', async () => {
    const net = await network();
    const [a, s1, s2, six] = [
      await subnet(net, '10.0.0.0/24'),
      await subnet(net, '2001:db8:1::/64', slaac),
      await subnet(net, '2001:db8:2::/64', { ipv6_ra_mode: 'dhcpv6-stateless', ipv6_address_mode: 'dhcpv6-stateless' }),
      await subnet(net, '2001:db8:3::/64'),
    ];
    const b = await subnet(net, '10.1.0.0/24');
    const made = await port(net, { mac_address: mac });
    const got = (made.fixed_ips as FixedIp[]).map(f => f.subnet_id);
    // Two subnets of one second have no order.
    const four = got.filter(id => id === a.id || id === b.id);
    assert.equal(four.length, 1);
    assert.deepEqual(got.sort(), [...four, s1.id, s2.id, six.id].sort());
    for (const prefix of ['2001:db8:1:0', '2001:db8:2:0']) assert.ok(ips(made).includes(`${prefix}:f816:3eff:fe12:3456`), prefix);
    const bare = await port(net, { fixed_ips: [] });
    assert.deepEqual((bare.fixed_ips as FixedIp[]).map(f => f.subnet_id).sort(), [s1.id, s2.id].sort());
    const late = await subnet(net, '2001:db8:4::/64', slaac);
    const now = (await h.member.request('GET', `ports/${made.id}`)).body.port as Body;
    assert.ok((now.fixed_ips as FixedIp[]).some(f => f.subnet_id === late.id));
    assert.equal(now.revision_number, Number(made.revision_number) + 1);
    assert.equal((await h.member.request('DELETE', `subnets/${late.id}`)).status, 204);
    assert.equal((await h.member.request('DELETE', `subnets/${four[0]}`)).status, 409);
    assert.deepEqual(
      await refused('POST', 'ports', { port: { network_id: net.id, fixed_ips: [{ subnet_id: s1.id, ip_address: '2001:db8:1::5' }] } }),
      [400, 'AllocationOnAutoAddressSubnet'],
    );
  });

  test('addresses of a port change as a whole; what stays the same stays', async () => {
    const net = await network();
    const [a, b] = [await subnet(net, '10.0.0.0/24'), await subnet(net, '10.1.0.0/24')];
    const made = await port(net, { fixed_ips: [{ subnet_id: a.id }, { ip_address: '10.1.0.7' }] });
    const [kept = ''] = ips(made);
    const moved = await put(`ports/${made.id}`, 'port', { fixed_ips: [{ subnet_id: a.id }, { subnet_id: b.id, ip_address: '10.1.0.8' }] });
    assert.deepEqual(ips(moved), [kept, '10.1.0.8']);
    assert.deepEqual(ips(await port(net, { fixed_ips: [{ ip_address: '10.1.0.7' }] })), ['10.1.0.7']);
    assert.deepEqual(ips(await put(`ports/${made.id}`, 'port', { fixed_ips: [] })), []);
    const change = (fixed_ips: Body[]): Promise<unknown> => refused('PUT', `ports/${made.id}`, { port: { fixed_ips } });
    assert.deepEqual(await change([{ ip_address: '10.1.0.7' }]), [409, 'IpAddressAlreadyAllocated']);
    assert.deepEqual(await change([{ subnet_id: a.id, ip_address: '10.1.0.9' }]), [400, 'InvalidIpForSubnet']);
    assert.deepEqual(await change([{ subnet_id: a.id, ip_address: '10.0.0.255' }]), [400, 'InvalidIpForSubnet']);
    assert.deepEqual(await change([{ ip_address: '10.0.0.5' }, { ip_address: '10.0.0.5' }]), [400, 'HTTPBadRequest']);
  });

  test('a DHCP port has the lowest free address', async () => {
    const net = await network();
    await subnet(net, '10.0.0.0/24');
    assert.deepEqual(ips(await port(net, { device_owner: 'network:dhcp' })), ['10.0.0.2']);
    assert.deepEqual(ips(await port(net, { device_owner: 'network:dhcp' })), ['10.0.0.3']);
  });

  test('a MAC: one of ours, one’s own, a new one for null, none that is used; automatic addresses follow it', async () => {
    const net = await network();
    await subnet(net, '2001:db8::/64', slaac);
    const made = await port(net);
    assert.match(String(made.mac_address), /^fa:16:3e:/);
    const changed = await h.admin.request('PUT', `ports/${made.id}`, { port: { mac_address: 'FA-16-3E-00-00-05' } });
    const after = changed.body.port as Body;
    assert.deepEqual([after.mac_address, ips(after)], ['fa:16:3e:00:00:05', ['2001:db8::f816:3eff:fe00:5']]);
    assert.notEqual(
      ((await h.admin.request('PUT', `ports/${made.id}`, { port: { mac_address: null } })).body.port as Body).mac_address,
      after.mac_address,
    );
    await port(net, { mac_address: mac });
    assert.deepEqual(await refused('POST', 'ports', { port: { network_id: net.id, mac_address: mac } }), [409, 'MacAddressInUse']);
    assert.deepEqual((await h.admin.refused('PUT', `ports/${made.id}`, { port: { mac_address: mac } })).slice(0, 2), [
      409,
      'MacAddressInUse',
    ]);
    await port(await network(), { mac_address: mac });
    const bulk = { ports: [1, 2].map(() => ({ network_id: net.id, mac_address: 'fa:16:3e:00:00:aa' })) };
    assert.deepEqual(await refused('POST', 'ports', bulk), [409, 'MacAddressInUse']);
    const bound = await h.admin.make('ports', 'port', { network_id: net.id, 'binding:host_id': 'h1' });
    assert.equal(bound['binding:vif_type'], 'bridge');
    assert.deepEqual((await h.admin.refused('PUT', `ports/${bound.id}`, { port: { mac_address: null } })).slice(0, 2), [409, 'PortBound']);
  });

  test('a create of several is all or nothing', async () => {
    const net = await network();
    await subnet(net, '10.0.0.0/29');
    const before = (await h.member.list('ports')).length;
    const six = { ports: Array.from({ length: 6 }, () => ({ network_id: net.id })) };
    assert.deepEqual(await refused('POST', 'ports', six), [409, 'IpAddressGenerationFailure']);
    assert.equal((await h.member.list('ports')).length, before);
    const five = await h.member.request('POST', 'ports', { ports: six.ports.slice(1) });
    assert.deepEqual([five.status, new Set((five.body.ports as Body[]).flatMap(ips)).size], [201, 5]);
    const both = { subnets: ['10.1.0.0/24', '10.1.0.128/25'].map(cidr => ({ network_id: net.id, ip_version: 4, cidr })) };
    assert.deepEqual(await refused('POST', 'subnets', both), [400, 'InvalidInput']);
    assert.equal((await h.member.list(`subnets?network_id=${net.id}`)).length, 1);
  });

  test('port security, groups and address pairs go together', async () => {
    const net = await network({ port_security_enabled: false });
    const open = await port(net);
    assert.deepEqual([open.port_security_enabled, open.security_groups], [false, []]);
    assert.deepEqual(await refused('PUT', `ports/${open.id}`, { port: { allowed_address_pairs: [{ ip_address: '10.0.0.1' }] } }), [
      409,
      'AddressPairAndPortSecurityRequired',
    ]);
    const [group] = await h.member.list('security-groups?name=default');
    const closed = await put(`ports/${open.id}`, 'port', { port_security_enabled: true, security_groups: [group?.id] });
    assert.deepEqual(closed.security_groups, [group?.id]);
    assert.deepEqual(await refused('PUT', `ports/${open.id}`, { port: { port_security_enabled: false } }), [
      409,
      'PortSecurityPortHasSecurityGroup',
    ]);
    assert.deepEqual((await put(`ports/${open.id}`, 'port', { port_security_enabled: false, security_groups: [] })).security_groups, []);
  });

  test('removal takes all that belonged to an object, and leaves no row behind', async () => {
    const rows = async (): Promise<Record<string, number>> => {
      const out: Record<string, number> = {};
      for (const table of [
        'networks',
        'subnets',
        'ports',
        'ip_allocations',
        'port_bindings',
        'port_security_groups',
        'segments',
        'tags',
        'rbac_entries',
      ])
        out[table] = await h.server.store.count(table);
      return out;
    };
    const before = await rows();
    const net = await h.admin.make('networks', 'network', { project_id: h.member.project, shared: true });
    const range = await subnet(net, '10.0.0.0/24');
    const made = await port(net, { tags: ['t'] });
    await h.member.request('PUT', `networks/${net.id}/tags/a`);
    await h.member.request('PUT', `subnets/${range.id}/tags/b`);
    assert.deepEqual(await refused('DELETE', `networks/${net.id}`, undefined), [409, 'NetworkInUse']);
    assert.equal((await h.member.request('DELETE', `ports/${made.id}`)).status, 204);
    assert.equal((await h.member.request('DELETE', `networks/${net.id}`)).status, 204);
    assert.deepEqual(await rows(), before);
    const { quota } = (await h.member.request('GET', `quotas/${h.member.project}/details`)).body as { quota: Record<string, Body> };
    assert.equal(quota.port?.used, (await h.member.list(`ports?project_id=${h.member.project}`)).length);
    assert.equal(quota.subnet?.used, (await h.member.list(`subnets?project_id=${h.member.project}`)).length);
  });

  test('service types are prefixes of device owners, also of services that nobody here knows of', async () => {
    const net = await h.admin.make('networks', 'network', {});
    const make = (service_types: unknown): Promise<readonly [number, string, string]> =>
      h.admin.refused('POST', 'subnets', { subnet: { network_id: net.id, ip_version: 4, cidr: '10.77.0.0/24', service_types } });
    assert.deepEqual(await make(['foo']), [
      400,
      'InvalidSubnetServiceType',
      'Subnet service type foo does not correspond to a valid device owner.',
    ]);
    assert.deepEqual((await make([5])).slice(0, 2), [400, 'InvalidInputSubnetServiceType']);
    assert.deepEqual(await make('x'), [400, 'HTTPBadRequest', 'Subnet service types must be a list.']);
    assert.equal((await make(['test:type_1', 'network:floatingip', 'compute:'])).at(0), 201);
  });

  test('what is wrong with several attributes is told of the first in the resource’s order; without subnets, none is looked for', async () => {
    const net = await h.member.make('networks', 'network', {});
    const port = { network_id: net.id, fixed_ips: [{ subnet_id: '00000000-0000-4000-8000-000000000000' }] };
    assert.deepEqual((await h.member.refused('POST', 'ports', { port })).slice(1), [
      'InvalidInput',
      'Invalid input for operation: IP allocation requires subnets for network.',
    ]);
    const subnet = await h.member.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr: '10.78.0.0/24' });
    assert.deepEqual((await h.member.refused('POST', 'ports', { port })).slice(0, 2), [404, 'SubnetNotFound']);
    const change = { dns_nameservers: ['bad'], gateway_ip: 'bad' };
    const [, , message] = await h.member.refused('PUT', `subnets/${subnet.id}`, { subnet: change });
    assert.match(message, /Invalid input for gateway_ip/);
  });

  test('what is no list, or a list of something else, is refused in Neutron’s words', async () => {
    const net = await h.admin.make('networks', 'network', {});
    const subnet = { network_id: net.id, ip_version: 4, cidr: '10.79.0.0/24' };
    const cases: readonly (readonly [string, string, Body, RegExp])[] = [
      ['subnets', 'subnet', { ...subnet, allocation_pools: null }, /Invalid data format for IP pool: 'None'\./],
      ['subnets', 'subnet', { ...subnet, dns_nameservers: 5 }, /Invalid data format for nameserver: '5'\./],
      ['subnets', 'subnet', { ...subnet, host_routes: 'x' }, /Invalid data format for hostroute: 'x'\./],
      [
        'subnets',
        'subnet',
        { ...subnet, host_routes: ['a'] },
        /Invalid input\. 'a' must be a dictionary with keys: \['destination', 'nexthop'\]\./,
      ],
      ['ports', 'port', { network_id: net.id, fixed_ips: null }, /Reason: Invalid data format for fixed IP: 'None'\./],
      ['ports', 'port', { network_id: net.id, fixed_ips: ['a'] }, /Reason: Invalid data format for fixed IP: 'a'\./],
      ['ports', 'port', { network_id: net.id, security_groups: ['a', 'a'] }, /Reason: Duplicate items in the list: 'a'\./],
      [
        'ports',
        'port',
        { network_id: net.id, allowed_address_pairs: ['a'] },
        /Invalid input for allowed_address_pairs\. Reason: 'a' is not a dict/,
      ],
      ['ports', 'port', { network_id: net.id, extra_dhcp_opts: 5 }, /Invalid input for operation: '5' is not a list\.$/],
      ['ports', 'port', { network_id: net.id, tags: 5 }, /Invalid input for tags\. Reason: '5' is not a list\.$/],
      ['ports', 'port', { network_id: net.id, tags: ['a', 'a'] }, /Invalid input for tags\. Reason: Duplicate items in the list: 'a'\.$/],
      ['ports', 'port', { network_id: net.id, 'binding:host_id': {} }, /Invalid input for binding:host_id/],
      ['networks', 'network', { project_id: 5 }, /Invalid input for tenant_id\. Reason: '5' is not a valid string\.$/],
    ];
    for (const [path, name, attributes, message] of cases) {
      const [status, , text] = await h.admin.refused('POST', path, { [name]: attributes });
      assert.equal(status, 400, JSON.stringify(attributes));
      assert.match(text, message);
    }
    const update = async (network: Body): Promise<string> => (await h.admin.refused('PUT', `networks/${net.id}`, { network }))[2];
    assert.match(await update({ project_id: 'x' }), /Cannot update read-only attribute tenant_id$/);
    assert.match(await update({ tenant_id: 'x', status: 'UP' }), /Cannot update read-only attribute status$/);
    assert.match(await update({ tenant_id: 'x', project_id: 'y' }), /do not match/);
    assert.match(await update({ tenant_id: 'x', bogus: 1 }), /Unrecognized attribute\(s\) 'bogus'/);
  });
});

test('a MAC that chance gives twice is drawn again, and nobody hears that its automatic address is taken', async () => {
  const random = (): number => Math.floor(Math.random() * 16) / 16;
  await using h = await start({}, undefined, { random });
  const net = await h.member.make('networks', 'network', {});
  const slaac = { ip_version: 6, cidr: '2001:db8::/64', ipv6_ra_mode: 'slaac', ipv6_address_mode: 'slaac' };
  const subnet = await h.member.make('subnets', 'subnet', { network_id: net.id, ...slaac });
  const bulk = await h.member.request('POST', 'ports', { ports: Array.from({ length: 6 }, () => ({ network_id: net.id })) });
  assert.equal(bulk.status, 201, JSON.stringify(bulk.body));
  const made = [...(bulk.body.ports as Made[])];
  for (let i = 0; i < 6; i++) made.push(await h.member.make('ports', 'port', { network_id: net.id }));
  assert.equal(new Set(made.map(p => p.mac_address)).size, made.length);
  const [one, other] = made as [Made, Made];
  const another = await h.admin.request('PUT', `ports/${one.id}`, { port: { mac_address: null } });
  assert.equal(another.status, 200, JSON.stringify(another.body));
  // Whoever asks for what is taken is told so.
  const [{ ip_address }] = other.fixed_ips as [{ ip_address: string }];
  const asked = { network_id: net.id, mac_address: other.mac_address, fixed_ips: [{ subnet_id: subnet.id, ip_address }] };
  assert.equal((await h.admin.request('POST', 'ports', { port: asked })).status, 409);
});
