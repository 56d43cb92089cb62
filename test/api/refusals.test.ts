// Bad input: Neutron's status and error type, and nothing written.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Body, type Harness, start } from './harness.ts';

describe('refusals', () => {
  let h: Harness;
  let net: Body & { id: string };
  let subnet: Body & { id: string };

  before(async () => {
    h = await start({ maxRequestBody: 4096, vlanRanges: { phys: [[100, 101]] } });
    net = await h.member.make('networks', 'network', { name: 'n' });
    subnet = await h.member.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr: '10.0.0.5/24' });
  });
  after(() => h[Symbol.asyncDispose]());

  const cases: readonly (readonly [string, 'member' | 'admin' | 'other', string, string, unknown, number, string, RegExp])[] = [
    ['junk JSON', 'member', 'POST', 'networks', '{junk', 400, 'HTTPBadRequest', /Body contains invalid data/],
    ['a body that is a list', 'member', 'POST', 'networks', [], 400, 'HTTPBadRequest', /Body contains invalid data/],
    [
      'a body without its resource',
      'member',
      'POST',
      'networks',
      { net: {} },
      400,
      'HTTPBadRequest',
      /Unable to find 'network' in request body/,
    ],
    ['a resource that is null', 'member', 'POST', 'networks', { network: null }, 400, 'HTTPBadRequest', /Unable to find 'network'/],
    ['no body', 'member', 'POST', 'networks', undefined, 400, 'HTTPBadRequest', /Body contains invalid data|Unable to find 'network'/],
    [
      'an unknown attribute',
      'member',
      'POST',
      'networks',
      { network: { bogus: 1, more: 2 } },
      400,
      'HTTPBadRequest',
      /Unrecognized attribute\(s\) 'bogus, more'/,
    ],
    [
      'a wrong type',
      'member',
      'POST',
      'networks',
      { network: { name: 7 } },
      400,
      'HTTPBadRequest',
      /Invalid input for name\. Reason: '7' is not a valid string\./,
    ],
    [
      'a name too long',
      'member',
      'POST',
      'networks',
      { network: { name: 'n'.repeat(256) } },
      400,
      'HTTPBadRequest',
      /exceeds maximum length of 255/,
    ],
    [
      'a boolean that is none',
      'member',
      'POST',
      'networks',
      { network: { admin_state_up: 'maybe' } },
      400,
      'InvalidInput',
      /'maybe' cannot be converted to boolean/,
    ],
    ['an empty bulk', 'member', 'POST', 'networks', { networks: [] }, 400, 'HTTPBadRequest', /Resources required/],
    [
      'a foreign project',
      'member',
      'POST',
      'networks',
      { network: { project_id: 'x' } },
      400,
      'HTTPBadRequest',
      /other than the authenticated project/,
    ],
    [
      'a required attribute missing',
      'member',
      'POST',
      'ports',
      { port: {} },
      400,
      'HTTPBadRequest',
      /Required attribute 'network_id' not specified/,
    ],
    [
      'a read-only attribute',
      'member',
      'POST',
      'networks',
      { network: { id: 'x' } },
      400,
      'HTTPBadRequest',
      /Attribute 'id' not allowed in POST/,
    ],
    [
      'a VNI out of range',
      'admin',
      'POST',
      'networks',
      { network: { 'provider:network_type': 'vxlan', 'provider:segmentation_id': 16777216 } },
      400,
      'InvalidInput',
      /out of range/,
    ],
    [
      'a VLAN on an unknown physical network',
      'admin',
      'POST',
      'networks',
      { network: { 'provider:network_type': 'vlan', 'provider:physical_network': 'nope', 'provider:segmentation_id': 5 } },
      400,
      'InvalidInput',
      /physical_network 'nope' unknown for VLAN provider network/,
    ],
    [
      'a flat network without a physical one',
      'admin',
      'POST',
      'networks',
      { network: { 'provider:network_type': 'flat' } },
      400,
      'InvalidInput',
      /physical_network required for flat provider network/,
    ],
    [
      'an MTU too big',
      'member',
      'POST',
      'networks',
      { network: { mtu: 1500 } },
      400,
      'InvalidInput',
      /Requested MTU is too big, maximum is 1450/,
    ],
    [
      'sharing by a member',
      'member',
      'POST',
      'networks',
      { network: { shared: true } },
      403,
      'PolicyNotAuthorized',
      /\(rule:create_network and rule:create_network:shared\) is disallowed by policy/,
    ],
    [
      'an unknown network',
      'member',
      'GET',
      'networks/00000000-0000-0000-0000-000000000000',
      undefined,
      404,
      'NetworkNotFound',
      /could not be found/,
    ],
    ['an unknown URL', 'member', 'GET', 'nonsense', undefined, 404, 'HTTPNotFound', /could not be found/],
    [
      'an unknown filter',
      'member',
      'GET',
      'networks?bogus=1',
      undefined,
      400,
      'HTTPBadRequest',
      /\['bogus'\] is invalid attribute for filtering/,
    ],
    ['a sort key without a direction', 'member', 'GET', 'networks?sort_key=name', undefined, 400, 'HTTPBadRequest', /must be same/],
    ['a bad limit', 'member', 'GET', 'networks?limit=x', undefined, 400, 'BadRequest', /Limit must be an integer 0 or greater and not 'x'/],
    [
      'an unknown marker',
      'member',
      'GET',
      'networks?limit=1&marker=00000000-0000-0000-0000-000000000000',
      undefined,
      404,
      'NetworkNotFound',
      /could not be found/,
    ],
    ['PATCH', 'member', 'PATCH', 'networks', undefined, 405, 'HTTPMethodNotAllowed', /./],
    [
      'two groups of rules in one',
      'member',
      'POST',
      'security-group-rules',
      { security_group_rule: { security_group_id: 'x', direction: 'up' } },
      400,
      'HTTPBadRequest',
      /up is not in valid_values/,
    ],
    [
      'a second default group',
      'member',
      'POST',
      'security-groups',
      { security_group: { name: 'DEFAULT' } },
      409,
      'SecurityGroupDefaultAlreadyExists',
      /./,
    ],
    ['an agent by POST', 'admin', 'POST', 'agents', { agent: {} }, 405, 'HTTPMethodNotAllowed', /./],
    ['agents by a member', 'member', 'GET', 'networks/x/dhcp-agents', undefined, 403, 'PolicyNotAuthorized', /disallowed by policy/],
    [
      'a quota by a member',
      'member',
      'PUT',
      `quotas/${'b'.repeat(32)}`,
      { quota: { network: 5 } },
      403,
      'PolicyNotAuthorized',
      /update_quota/,
    ],
    ['a quota that is none', 'admin', 'PUT', `quotas/${'b'.repeat(32)}`, { quota: { bogus: 5 } }, 400, 'HTTPBadRequest', /bogus/],
    ['POST of quotas', 'admin', 'POST', 'quotas', { quota: {} }, 501, 'HTTPNotImplemented', /./],
  ];

  for (const [what, who, method, path, body, status, type, message] of cases) {
    test(`${what}: ${status} ${type}`, async () => {
      const refusal = await h[who].refused(method, path, body);
      assert.deepEqual(refusal.slice(0, 2), [status, type]);
      assert.match(refusal[2], message);
    });
  }

  test('nothing of all that was written', async () => {
    const { body } = await h.admin.request('GET', 'networks');
    assert.deepEqual(
      (body.networks as Body[]).map(n => n.id),
      [net.id],
    );
  });

  test('subnets: overlap, version, gateway and pools', async () => {
    const refused = (attributes: Body) =>
      h.member.refused('POST', 'subnets', { subnet: { network_id: net.id, ip_version: 4, ...attributes } });
    assert.equal(subnet.cidr, '10.0.0.0/24');
    assert.deepEqual((await refused({ cidr: '10.0.0.128/25' })).slice(0, 2), [400, 'InvalidInput']);
    assert.match((await refused({ cidr: '2001:db8::/64' }))[2], /does not match the ip_version '4'/);
    assert.deepEqual(
      (await refused({ cidr: '10.2.0.0/24', gateway_ip: '10.2.0.9', allocation_pools: [{ start: '10.2.0.2', end: '10.2.0.20' }] })).slice(
        0,
        2,
      ),
      [409, 'GatewayConflictWithAllocationPools'],
    );
    assert.deepEqual((await refused({ cidr: '10.2.0.0/24', allocation_pools: [{ start: '10.3.0.2', end: '10.3.0.20' }] })).slice(0, 2), [
      400,
      'OutOfBoundsAllocationPool',
    ]);
    assert.match((await refused({ cidr: '10.2.0.0/31' }))[2], /incompatible with DHCP/);
    const other = await h.other.refused('POST', 'subnets', { subnet: { network_id: net.id, ip_version: 4, cidr: '10.9.0.0/24' } });
    assert.ok(other[0] === 404 || other[0] === 403, String(other));
  });

  test('ports: addresses taken, outside, of another subnet; a MAC twice', async () => {
    const make = (attributes: Body) => h.member.make('ports', 'port', { network_id: net.id, ...attributes });
    const refused = (attributes: Body) => h.member.refused('POST', 'ports', { port: { network_id: net.id, ...attributes } });
    const first = await make({ fixed_ips: [{ ip_address: '10.0.0.77' }], mac_address: 'fa:16:3e:00:00:01' });
    assert.deepEqual((await refused({ fixed_ips: [{ ip_address: '10.0.0.77' }] })).slice(0, 2), [409, 'IpAddressAlreadyAllocated']);
    assert.deepEqual((await refused({ fixed_ips: [{ ip_address: '10.7.0.1' }] })).slice(0, 2), [400, 'InvalidIpForNetwork']);
    assert.deepEqual((await refused({ mac_address: 'fa:16:3e:00:00:01' })).slice(0, 2), [409, 'MacAddressInUse']);
    assert.deepEqual(
      (await refused({ allowed_address_pairs: [{ ip_address: '0.0.0.0/0' }, { ip_address: '0.0.0.0/0' }] })).slice(0, 1),
      [400],
    );
    assert.deepEqual((await refused({ extra_dhcp_opts: [{ opt_name: 'x', opt_value: 'a\nb' }] })).slice(0, 1), [400]);
    assert.deepEqual(
      (await refused({ port_security_enabled: false, security_groups: ['00000000-0000-0000-0000-000000000000'] })).slice(0, 1),
      [400],
    );
    assert.equal((await h.member.request('DELETE', `ports/${first.id}`)).status, 204);
  });

  test('a tag too long, and too many', async () => {
    assert.equal((await h.member.request('PUT', `networks/${net.id}/tags/${'t'.repeat(256)}`)).status, 400);
    assert.equal(
      (await h.member.request('PUT', `networks/${net.id}/tags`, { tags: Array.from({ length: 51 }, (_, i) => `t${i}`) })).status,
      400,
    );
    assert.deepEqual((await h.member.request('GET', `networks/${net.id}/tags`)).body, { tags: [] });
  });

  test('a body over max_request_body_size: 413', async () => {
    const answer = await h.member.request('POST', 'networks', { network: { description: 'd'.repeat(5000) } });
    assert.equal(answer.status, 413);
    assert.equal((answer.body.NeutronError as Body).type, 'HTTPRequestEntityTooLarge');
  });

  test('a message does not repeat all of a long text', async () => {
    const [status, , message] = await h.member.refused('POST', 'networks', { network: { name: 'x'.repeat(4020) } });
    assert.equal(status, 400);
    assert.ok(message.length < 4010 && message.endsWith('…'), `${message.length}`);
  });

  test('what names a prototype is a name like any other', async () => {
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      assert.equal((await h.member.refused('GET', `networks?${name}=1`))[0], 400, name);
      assert.equal((await h.member.refused('GET', `networks?sort_key=${name}&sort_dir=asc`))[0], 400, name);
      assert.equal((await h.member.refused('POST', 'networks', `{"network":{"${name}":1}}`))[0], 400, name);
      assert.equal((await h.member.refused('PUT', `networks/${net.id}/${name}`, {}))[0], 404, name);
      assert.equal((await h.member.refused('GET', name))[0], 404, name);
      assert.equal((await h.admin.refused('PUT', `quotas/${h.member.project}`, `{"quota":{"${name}":1}}`))[0], 400, name);
    }
  });

  test('If-Match: 412 for another revision, and the change for the right one', async () => {
    const { revision_number } = (await h.member.request('GET', `networks/${net.id}`)).body.network as Body;
    const wrong = await h.member.request('PUT', `networks/${net.id}`, { network: { name: 'x' } }, { 'if-match': 'revision_number=99' });
    assert.equal(wrong.status, 412);
    assert.deepEqual(wrong.body.NeutronError, {
      type: 'RevisionNumberConstraintFailed',
      message: `Constrained to 99, but current revision is ${revision_number}`,
      detail: '',
    });
    const right = await h.member.request(
      'PUT',
      `networks/${net.id}`,
      { network: { name: 'y' } },
      { 'if-match': `revision_number=${revision_number}` },
    );
    assert.equal(right.status, 200);
    assert.equal((right.body.network as Body).revision_number, Number(revision_number) + 1);
  });

  test('every answer carries a request id; a missing token is 401', async () => {
    const answer = await h.member.request('GET', 'networks');
    assert.match(String(answer.headers.get('x-openstack-request-id')), /^req-[0-9a-f-]{36}$/);
    const none = await fetch(`${h.server.url}/v2.0/networks`);
    assert.equal(none.status, 401);
    assert.match(String(none.headers.get('www-authenticate')), /^Keystone uri="/);
  });

  test('a segment in use is refused by name, and exhaustion is exact', async () => {
    const vlan = (id?: number) => ({
      network: { 'provider:network_type': 'vlan', 'provider:physical_network': 'phys', ...(id ? { 'provider:segmentation_id': id } : {}) },
    });
    assert.equal((await h.admin.request('POST', 'networks', vlan(100))).status, 201);
    assert.deepEqual((await h.admin.refused('POST', 'networks', vlan(100))).slice(0, 2), [409, 'VlanIdInUse']);
    assert.equal((await h.admin.request('POST', 'networks', vlan())).status, 201);
    assert.deepEqual((await h.admin.refused('POST', 'networks', vlan())).slice(0, 2), [503, 'NoNetworkAvailable']);
  });
});
