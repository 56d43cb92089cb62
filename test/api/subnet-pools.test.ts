// Subnet pools: what they are, who sees them, and the subnets that come from them.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Api, Body, Made } from './client.ts';
import { type Harness, start } from './harness.ts';

describe('subnet pools', () => {
  let h: Harness;

  before(async () => {
    h = await start({ quotas: { network: -1, subnet: -1 } });
  });
  after(() => h[Symbol.asyncDispose]());

  const pool = (api: Api, attributes: Body): Promise<Made> =>
    api.make('subnetpools', 'subnetpool', { name: 'p', prefixes: ['10.0.0.0/8'], ...attributes });
  const network = (api: Api, attributes: Body = {}): Promise<Made> => api.make('networks', 'network', attributes);
  const subnetOn = (api: Api, net: Made, attributes: Body): Promise<Made> =>
    api.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, ...attributes });
  const subnet = async (api: Api, attributes: Body): Promise<Made> => subnetOn(api, await network(api), attributes);
  const refusedSubnet = async (api: Api, attributes: Body, net?: Made) =>
    api.refused('POST', 'subnets', { subnet: { network_id: (net ?? (await network(api))).id, ip_version: 4, ...attributes } });
  const put = async (api: Api, id: string, attributes: Body): Promise<Body> => {
    const { status, body } = await api.request('PUT', `subnetpools/${id}`, { subnetpool: attributes });
    assert.equal(status, 200, JSON.stringify(body));
    return body.subnetpool as Body;
  };
  const removed = async (api: Api, path: string): Promise<void> => assert.equal((await api.request('DELETE', path)).status, 204, path);

  test('shown as from Neutron, filtered, tagged, counted, and one of the resources at the root', async () => {
    const made = await pool(h.member, { prefixes: ['10.0.1.0/24', '10.0.0.9/24'], default_prefixlen: '26' });
    const { id, created_at, updated_at, ...rest } = made;
    assert.deepEqual(rest, {
      name: 'p',
      project_id: h.member.project,
      tenant_id: h.member.project,
      prefixes: ['10.0.0.0/23'],
      ip_version: 4,
      min_prefixlen: '8',
      max_prefixlen: '32',
      default_prefixlen: '26',
      default_quota: null,
      is_default: false,
      shared: false,
      address_scope_id: null,
      description: '',
      revision_number: 0,
      tags: [],
    });
    assert.ok(created_at && updated_at);
    for (const query of ['min_prefixlen=8', 'ip_version=4', 'is_default=False', 'shared=False', 'name=p']) {
      assert.deepEqual((await h.member.list(`subnetpools?${query}&id=${id}`)).length, 1, query);
    }
    assert.deepEqual(await h.member.list(`subnetpools?ip_version=6&id=${id}`), []);
    assert.equal((await h.member.refused('GET', 'subnetpools?prefixes=10.0.0.0/23'))[0], 400);
    assert.equal((await h.member.request('PUT', `subnetpools/${id}/tags/red`)).status, 201);
    assert.deepEqual(
      (await h.member.list('subnetpools?tags=red')).map(p => p.id),
      [id],
    );
    const { resources } = (await h.member.request('GET', '')).body as { resources: { name: string }[] };
    assert.deepEqual(
      resources.map(r => r.name),
      ['network', 'subnet', 'subnetpool', 'port'],
    );
    const { quota } = (await h.member.request('GET', `quotas/${h.member.project}/details`)).body as { quota: Record<string, Body> };
    assert.deepEqual(quota.subnetpool, { limit: -1, used: 1, reserved: 0 });
    await removed(h.member, `subnetpools/${id}`);
  });

  test('what is no pool', async () => {
    const refused = (attributes: Body) =>
      h.member.refused('POST', 'subnetpools', { subnetpool: { name: 'p', prefixes: ['10.0.0.0/8'], ...attributes } });
    const cases: readonly (readonly [Body, string, RegExp])[] = [
      [{ name: '' }, 'HTTPBadRequest', /^Invalid input for name\. Reason: '' Blank strings are not permitted\.$/],
      [{ prefixes: [] }, 'EmptySubnetPoolPrefixList', /^Empty/],
      [
        { prefixes: ['10.0.0.0'] },
        'HTTPBadRequest',
        /'10\.0\.0\.0' isn't a recognized IP subnet cidr, '10\.0\.0\.0\/32' is recommended\.$/,
      ],
      [{ prefixes: ['x'] }, 'HTTPBadRequest', /'x' is not a valid IP subnet\.$/],
      [{ prefixes: null }, 'HTTPBadRequest', /'None' is not a list\.$/],
      [{ prefixes: ['10.0.0.0/8', '10.0.0.0/8'] }, 'HTTPBadRequest', /Duplicate items in the list: '10\.0\.0\.0\/8'\.$/],
      [{ prefixes: ['10.0.0.0/8', 'fd00::/8'] }, 'PrefixVersionMismatch', /mix/],
      [{ min_prefixlen: 33 }, 'IllegalSubnetPoolPrefixBounds', /min_prefixlen=33, max_prefixlen=32/],
      [{ min_prefixlen: -1 }, 'HTTPBadRequest', /should be non-negative/],
      [{ default_quota: null }, 'InvalidInput', /'None' is not an integer/],
      [{ ip_version: 4 }, 'HTTPBadRequest', /Attribute 'ip_version' not allowed in POST/],
      [{ address_scope_id: 'x' }, 'HTTPBadRequest', /'x' is not a valid UUID/],
    ];
    for (const [attributes, type, message] of cases) {
      const answer = await refused(attributes);
      assert.deepEqual(answer.slice(0, 2), [400, type], JSON.stringify(attributes));
      assert.match(answer[2], message);
    }
    for (const attribute of ['shared', 'is_default']) {
      assert.deepEqual((await refused({ [attribute]: true })).slice(0, 2), [403, 'PolicyNotAuthorized']);
    }
  });

  test('changed: prefixes only grow, bounds stay in order, version and sharing are fixed', async () => {
    const { id } = await pool(h.member, { prefixes: ['10.0.0.0/24'] });
    const refused = (attributes: Body) => h.member.refused('PUT', `subnetpools/${id}`, { subnetpool: attributes });
    const grown = await put(h.member, id, {
      prefixes: ['10.0.0.0/25', '10.0.0.128/25', '10.9.0.0/16'],
      default_prefixlen: 24,
      max_prefixlen: 26,
      default_quota: 10,
    });
    assert.deepEqual(
      [grown.prefixes, grown.default_prefixlen, grown.max_prefixlen, grown.default_quota, grown.revision_number],
      [['10.0.0.0/24', '10.9.0.0/16'], '24', '26', 10, 1],
    );
    assert.deepEqual((await refused({ prefixes: ['10.9.0.0/16'] })).slice(0, 2), [400, 'IllegalSubnetPoolPrefixUpdate']);
    assert.deepEqual((await refused({ prefixes: ['10.0.0.0/8', 'fd00::/8'] })).slice(0, 2), [400, 'PrefixVersionMismatch']);
    assert.deepEqual((await refused({ min_prefixlen: 27 })).slice(0, 2), [400, 'IllegalSubnetPoolPrefixBounds']);
    assert.deepEqual((await refused({ max_prefixlen: 23 })).slice(0, 2), [400, 'IllegalSubnetPoolPrefixBounds']);
    for (const attribute of ['ip_version', 'shared']) {
      assert.deepEqual((await refused({ [attribute]: 6 }))[2], `Cannot update read-only attribute ${attribute}`);
    }
    await removed(h.member, `subnetpools/${id}`);
  });

  test('one default pool for each version, for whoever sees it', async () => {
    assert.match((await refusedSubnet(h.member, { use_default_subnetpool: true }))[2], /No default subnetpool found for IPv4/);
    const four = await pool(h.admin, { prefixes: ['10.0.0.0/16'], is_default: true, default_prefixlen: 24 });
    const six = await pool(h.admin, { prefixes: ['fd00::/48'], is_default: true, shared: true });
    const second = await h.admin.refused('POST', 'subnetpools', { subnetpool: { name: 'p', prefixes: ['10.0.0.0/8'], is_default: true } });
    const already =
      'Invalid input for operation: A default subnetpool for this IP family has already been set. Only one default may exist per IP family.';
    assert.deepEqual(second, [400, 'InvalidInput', already]);
    const third = await pool(h.admin, {});
    assert.deepEqual((await h.admin.refused('PUT', `subnetpools/${third.id}`, { subnetpool: { is_default: true } })).slice(0, 2), [
      400,
      'InvalidInput',
    ]);
    const both = { name: 'p', prefixes: ['10.0.0.0/8'], is_default: true };
    await put(h.admin, four.id, { is_default: true });
    // The member does not see the first.
    assert.match((await refusedSubnet(h.member, { use_default_subnetpool: true }))[2], /No default subnetpool found for IPv4/);
    const made = await subnet(h.admin, { use_default_subnetpool: true });
    assert.deepEqual([made.cidr, made.subnetpool_id], ['10.0.0.0/24', four.id]);
    assert.ok(!Object.hasOwn(made, 'use_default_subnetpool') && !Object.hasOwn(made, 'prefixlen'));
    assert.equal((await subnet(h.member, { use_default_subnetpool: true, ip_version: 6 })).cidr, 'fd00::/64');
    assert.match((await refusedSubnet(h.admin, { use_default_subnetpool: true, subnetpool_id: four.id }))[2], /cannot both be specified/);
    await put(h.admin, four.id, { is_default: false });
    const twins = await h.admin.refused('POST', 'subnetpools', { subnetpools: [both, both] });
    assert.deepEqual(twins.slice(0, 2), [400, 'InvalidInput']);
    await put(h.admin, six.id, { is_default: false });
  });

  test('subnets take prefixes, gateways and pools as from Neutron', async () => {
    const p = await pool(h.member, { prefixes: ['10.0.0.0/16'], default_prefixlen: 24, min_prefixlen: 20, max_prefixlen: 28 });
    const from = async (attributes: Body) => {
      const s = await subnet(h.member, { subnetpool_id: p.id, ...attributes });
      return [s.cidr, s.gateway_ip, (s.allocation_pools as { start: string; end: string }[]).map(r => `${r.start}-${r.end}`).join(' ')];
    };
    assert.deepEqual(await from({}), ['10.0.0.0/24', '10.0.0.1', '10.0.0.2-10.0.0.254']);
    assert.deepEqual(await from({ prefixlen: 26 }), ['10.0.1.0/26', '10.0.1.1', '10.0.1.2-10.0.1.62']);
    assert.deepEqual(await from({ prefixlen: 26, gateway_ip: null }), ['10.0.1.64/26', null, '10.0.1.65-10.0.1.126']);
    assert.deepEqual(await from({ gateway_ip: '10.0.77.5' }), ['10.0.77.0/24', '10.0.77.5', '10.0.77.1-10.0.77.4 10.0.77.6-10.0.77.254']);
    assert.deepEqual(await from({ cidr: '10.0.81.5/25', gateway_ip: null }), ['10.0.81.0/25', null, '10.0.81.1-10.0.81.126']);
    const own = { cidr: '10.0.84.0/25', allocation_pools: [{ start: '10.0.84.9', end: '10.0.84.20' }] };
    assert.deepEqual(await from(own), ['10.0.84.0/25', '10.0.84.1', '10.0.84.9-10.0.84.20']);
    const refusals: readonly (readonly [Body, number, string, RegExp])[] = [
      [{ cidr: '10.0.0.128/25' }, 409, 'SubnetAllocationError', /available set of prefixes/],
      [{ cidr: '11.0.0.0/24' }, 409, 'SubnetAllocationError', /available set of prefixes/],
      [{ gateway_ip: '10.0.77.9' }, 409, 'SubnetAllocationError', /available set of prefixes/],
      [{ cidr: '10.0.0.0/16' }, 400, 'MinPrefixSubnetAllocationError', /length 16, minimum allowed prefix is 20/],
      [{ prefixlen: 29 }, 400, 'MaxPrefixSubnetAllocationError', /length 29, maximum allowed prefix is 28/],
      [{ prefixlen: 24, cidr: '10.0.9.0/24' }, 400, 'BadRequest', /cidr and prefixlen must not be supplied together/],
      [{ allocation_pools: own.allocation_pools }, 400, 'BadRequest', /allocation_pools allowed only for specific subnet requests/],
      [{ ip_version: 6 }, 400, 'BadRequest', /Cannot allocate IPv6 subnet from IPv4 subnet pool/],
      [{ cidr: '10.0.85.0/25', allocation_pools: own.allocation_pools }, 400, 'OutOfBoundsAllocationPool', /10\.0\.84\.9/],
      // What Neutron does not look at when a pool is named.
      [{ dns_nameservers: ['fd00::1'] }, 400, 'InvalidInput', /dns_nameserver/],
      [{ ipv6_ra_mode: 'slaac' }, 400, 'InvalidInput', /ip_version is 4/],
    ];
    for (const [attributes, status, type, message] of refusals) {
      const answer = await refusedSubnet(h.member, { subnetpool_id: p.id, ...attributes });
      assert.deepEqual(answer.slice(0, 2), [status, type], JSON.stringify(attributes));
      assert.match(answer[2], message);
    }
    assert.deepEqual((await refusedSubnet(h.member, { subnetpool_id: 'x' })).slice(0, 2), [400, 'HTTPBadRequest']);
    assert.deepEqual(
      (await refusedSubnet(h.member, { prefixlen: 24 }))[2],
      'Bad subnets request: a subnetpool must be specified in the absence of a cidr.',
    );
    const six = await pool(h.member, { prefixes: ['fd10::/48'] });
    const slaac = { ip_version: 6, ipv6_ra_mode: 'slaac', ipv6_address_mode: 'slaac' };
    assert.equal((await subnet(h.member, { subnetpool_id: six.id, ...slaac })).gateway_ip, 'fd10::1');
    assert.equal((await subnet(h.member, { subnetpool_id: six.id, ip_version: 6, cidr: 'fd10:0:0:9::/64' })).gateway_ip, 'fd10:0:0:9::');
    const deleted = await h.member.refused('DELETE', `subnetpools/${p.id}`);
    assert.deepEqual(deleted, [400, 'SubnetPoolDeleteError', 'Unable to delete subnet pool: Subnet pool has existing allocations.']);
  });

  test("another project's pool is not there; a shared one is used and not changed; its quota is per project", async () => {
    const p = await pool(h.admin, { prefixes: ['10.0.0.0/24'], min_prefixlen: 28, default_quota: 16 });
    assert.deepEqual((await refusedSubnet(h.member, { subnetpool_id: p.id })).slice(0, 2), [404, 'SubnetPoolNotFound']);
    const missing = '11111111-1111-1111-1111-111111111111';
    const none = await refusedSubnet(h.member, { subnetpool_id: missing });
    assert.deepEqual(none, [404, 'SubnetPoolNotFound', `Subnet pool ${missing} could not be found.`]);
    const policy = { object_type: 'subnetpool', object_id: p.id, action: 'access_as_shared', target_tenant: h.member.project };
    const { id: policyId } = await h.admin.make('rbac-policies', 'rbac_policy', policy);
    assert.equal(((await h.member.list(`subnetpools?id=${p.id}`))[0] as Made).shared, true);
    assert.deepEqual(await h.other.list(`subnetpools?id=${p.id}`), []);
    assert.equal((await subnet(h.member, { subnetpool_id: p.id })).cidr, '10.0.0.0/28');
    assert.deepEqual((await refusedSubnet(h.member, { subnetpool_id: p.id })).slice(0, 2), [409, 'SubnetPoolQuotaExceeded']);
    assert.equal((await subnet(h.admin, { subnetpool_id: p.id })).cidr, '10.0.0.16/28');
    const foreign = [
      h.member.refused('PUT', `subnetpools/${p.id}`, { subnetpool: { name: 'mine' } }),
      h.member.refused('PUT', `subnetpools/${p.id}/add_prefixes`, { prefixes: ['10.5.0.0/16'] }),
      h.member.refused('DELETE', `subnetpools/${p.id}`),
    ];
    for (const answer of await Promise.all(foreign)) assert.deepEqual(answer.slice(0, 2), [403, 'PolicyNotAuthorized']);
    assert.deepEqual((await h.admin.refused('DELETE', `rbac-policies/${policyId}`)).slice(0, 2), [409, 'RbacPolicyInUse']);
  });

  test('subnets of one version on a network come from one pool', async () => {
    const [a, b] = [await pool(h.member, { prefixes: ['10.1.0.0/16'] }), await pool(h.member, { prefixes: ['10.2.0.0/16'] })];
    const net = await network(h.member);
    await subnetOn(h.member, net, { subnetpool_id: a.id, prefixlen: 24 });
    await subnetOn(h.member, net, { subnetpool_id: a.id, prefixlen: 24 });
    await subnetOn(h.member, net, { ip_version: 6, cidr: 'fd00::/64' });
    const affinity = [400, 'NetworkSubnetPoolAffinityError'];
    assert.deepEqual((await refusedSubnet(h.member, { subnetpool_id: b.id, prefixlen: 24 }, net)).slice(0, 2), affinity);
    assert.deepEqual((await refusedSubnet(h.member, { cidr: '192.168.0.0/24' }, net)).slice(0, 2), affinity);
    const plain = await network(h.member);
    await subnetOn(h.member, plain, { cidr: '192.168.0.0/24' });
    assert.deepEqual((await refusedSubnet(h.member, { subnetpool_id: b.id, prefixlen: 24 }, plain)).slice(0, 2), affinity);
    const bulk = (from: readonly (Body | undefined)[]) =>
      h.member.refused('POST', 'subnets', { subnets: from.map(f => ({ network_id: bare.id, ip_version: 4, prefixlen: 24, ...f })) });
    const bare = await network(h.member);
    assert.deepEqual((await bulk([{ subnetpool_id: a.id }, { subnetpool_id: b.id }])).slice(0, 2), affinity);
    assert.deepEqual(await h.member.list(`subnets?network_id=${bare.id}`), []);
    assert.equal((await bulk([{ subnetpool_id: b.id }, { subnetpool_id: b.id }]))[0], 201);
    assert.deepEqual(
      (await h.member.list(`subnets?network_id=${bare.id}&sort_key=cidr&sort_dir=asc`)).map(s => s.cidr),
      ['10.2.0.0/24', '10.2.1.0/24'],
    );
  });

  test('delegated prefixes: what is refused; one that is named is not delegated', async () => {
    const pd = { subnetpool_id: 'prefix_delegation', ip_version: 6 };
    const modes = { ipv6_ra_mode: 'slaac', ipv6_address_mode: 'slaac' };
    assert.match((await refusedSubnet(h.member, { ...pd, ip_version: 4 }))[2], /can only be used with IPv6 subnets/);
    assert.match((await refusedSubnet(h.member, pd))[2], /IPv6 RA Mode must be SLAAC or Stateless/);
    assert.match(
      (await refusedSubnet(h.member, { ...pd, ...modes, ipv6_address_mode: 'dhcpv6-stateful' }))[2],
      /IPv6 Address Mode must be/,
    );
    assert.equal((await subnet(h.member, { ...pd, ...modes })).cidr, '::/64');
    assert.equal((await subnet(h.member, { ...pd, cidr: 'fd00::/64' })).subnetpool_id, null);
  });

  test('prefixes one by one', async () => {
    const p = await pool(h.member, { prefixes: ['10.2.0.0/16'] });
    const act = async (what: string, body?: unknown) => (await h.member.request('PUT', `subnetpools/${p.id}/${what}_prefixes`, body)).body;
    const refused = (what: string, body?: unknown) => h.member.refused('PUT', `subnetpools/${p.id}/${what}_prefixes`, body);
    assert.deepEqual(await act('add', { prefixes: ['10.3.0.0/16', '10.4.0.0/24', '10.4.0.7'] }), {
      prefixes: ['10.2.0.0/15', '10.4.0.0/24'],
    });
    await subnet(h.member, { subnetpool_id: p.id, cidr: '10.3.9.0/24' });
    assert.deepEqual(await act('remove', { prefixes: ['10.2.0.0/16', '10.4.0.0/25'] }), { prefixes: ['10.3.0.0/16', '10.4.0.128/25'] });
    assert.deepEqual(await act('remove', { prefixes: ['99.0.0.0/8', 'fd00::/8'] }), { prefixes: ['10.3.0.0/16', '10.4.0.128/25'] });
    const used = 'Illegal update to prefixes: One or more the prefixes to be removed is in use by a subnet..';
    assert.deepEqual(await refused('remove', { prefixes: ['10.3.9.128/25'] }), [400, 'IllegalSubnetPoolPrefixUpdate', used]);
    for (const what of ['add', 'remove']) {
      for (const body of [{}, { prefixes: [] }, { prefixes: '10.0.0.0/8' }, undefined]) {
        assert.deepEqual(await refused(what, body), [400, 'HTTPBadRequest', 'Request body contains invalid data'], JSON.stringify(body));
      }
      assert.deepEqual(await refused(what, { prefixes: ['x'] }), [400, 'AddrFormatError', 'invalid IPNetwork x']);
    }
    assert.deepEqual((await refused('add', { prefixes: ['fd00::/64'] })).slice(0, 2), [400, 'PrefixVersionMismatch']);
    assert.deepEqual((await h.other.refused('PUT', `subnetpools/${p.id}/add_prefixes`, { prefixes: ['10.5.0.0/16'] }))[0], 404);
  });

  test('subnets that are there join a pool', async () => {
    const p = await pool(h.member, { prefixes: ['10.50.0.0/16'] });
    const net = await network(h.member);
    const inside = await subnetOn(h.member, net, { cidr: '10.50.1.0/24' });
    const outside = await subnetOn(h.member, net, { cidr: '10.60.0.0/24' });
    await subnetOn(h.member, net, { ip_version: 6, cidr: 'fd00::/64' });
    const onboard = (body: unknown) => h.member.request('PUT', `subnetpools/${p.id}/onboard_network_subnets`, body);
    const { status, body } = await onboard({ network_id: net.id });
    const joined = [inside, outside].map(({ id, cidr }) => ({ id, cidr }));
    assert.deepEqual([status, (body as unknown as Made[]).map(s => s.id).sort()], [200, joined.map(s => s.id).sort()]);
    assert.deepEqual((await h.member.list(`subnets?subnetpool_id=${p.id}`)).length, 2);
    const [now] = await h.member.list(`subnetpools?id=${p.id}`);
    assert.deepEqual(now?.prefixes, ['10.50.0.0/16', '10.60.0.0/24']);
    assert.equal((await subnetOn(h.member, net, { subnetpool_id: p.id, prefixlen: 24 })).cidr, '10.50.0.0/24');
    const again = await h.member.refused('PUT', `subnetpools/${p.id}/onboard_network_subnets`, { network_id: net.id });
    assert.deepEqual(again.slice(0, 2), [400, 'IllegalSubnetPoolUpdate']);
    assert.match(again[2], /conflicts with allocated prefixes in subnet pool/);
    const refused = async (b: unknown) => (await h.member.refused('PUT', `subnetpools/${p.id}/onboard_network_subnets`, b)).slice(0, 2);
    assert.deepEqual(await refused({}), [400, 'InvalidInput']);
    assert.deepEqual(await refused(undefined), [400, 'InvalidInput']);
    assert.deepEqual(await refused({ network_id: 'x' }), [404, 'NetworkNotFound']);
  });

  test('N fdf0943dbe: a shared network is seen and its subnets stay where their project put them', async () => {
    const p = await pool(h.member, { prefixes: ['10.50.0.0/16'] });
    const shared = await network(h.admin, { shared: true });
    const s = await subnetOn(h.admin, shared, { cidr: '10.70.0.0/24' });
    const hidden = await network(h.admin);
    const path = `subnetpools/${p.id}/onboard_network_subnets`;
    assert.deepEqual(await h.member.refused('PUT', path, { network_id: shared.id }), [403, 'NotAuthorized', 'Not authorized.']);
    assert.deepEqual((await h.member.refused('PUT', path, { network_id: hidden.id })).slice(0, 2), [404, 'NetworkNotFound']);
    assert.equal((await h.admin.list(`subnets?id=${s.id}`))[0]?.subnetpool_id, null);
    assert.deepEqual((await h.member.list(`subnetpools?id=${p.id}`))[0]?.prefixes, ['10.50.0.0/16']);
    assert.equal((await h.admin.request('PUT', path, { network_id: shared.id })).status, 200);
  });
});
