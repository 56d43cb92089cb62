// Where several things are wrong with a request, Neutron always says the same one first; whoever only looks at the type of an error depends on it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Body, Made } from './client.ts';
import { type Harness, start } from './harness.ts';

const nobodys = '00000000-0000-4000-8000-000000000000';

describe('which refusal is told', () => {
  let h: Harness;
  let net: Made;
  let subnet: Made;
  before(async () => {
    h = await start();
    net = await h.member.make('networks', 'network', {});
    subnet = await h.member.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr: '10.0.0.0/24' });
  });
  after(() => h[Symbol.asyncDispose]());

  const refused = async (who: 'member' | 'admin' | 'other', method: string, path: string, body?: unknown): Promise<unknown> =>
    (await h[who].refused(method, path, body)).slice(0, 2);

  test('a body that is wrong before a parent that is not there; a right one is refused for the parent', async () => {
    const below: readonly (readonly [path: string, key: string, good: Body, bad: Body, missing: string])[] = [
      [`qos/policies/${nobodys}/dscp_marking_rules`, 'dscp_marking_rule', { dscp_mark: 10 }, { dscp_mark: 1 }, 'QosPolicyNotFound'],
      [
        `routers/${nobodys}/conntrack_helpers`,
        'conntrack_helper',
        { protocol: 'udp', port: 69, helper: 'tftp' },
        { protocol: 'udp', port: 0, helper: 'tftp' },
        'RouterNotFound',
      ],
    ];
    for (const [path, key, good, bad, missing] of below) {
      assert.deepEqual(await refused('admin', 'POST', path, { [key]: bad }), [400, 'HTTPBadRequest']);
      assert.deepEqual(await refused('admin', 'POST', path, { [key]: good }), [404, missing]);
      assert.deepEqual(await refused('admin', 'PUT', `${path}/${nobodys}`, { [key]: bad }), [400, 'HTTPBadRequest']);
      assert.deepEqual(await refused('admin', 'PUT', `${path}/${nobodys}`, { [key]: good }), [404, missing]);
    }
  });

  test('of a port forwarding, what is no number is refused as an attribute, and in the order of its attributes', async () => {
    const wanted = {
      protocol: 'bogus',
      internal_port_id: nobodys,
      internal_ip_address: '10.0.0.9',
      external_port: 80,
      internal_port: 'abc',
    };
    const path = `floatingips/${nobodys}/port_forwardings`;
    const answer = await h.member.refused('POST', path, { port_forwarding: wanted });
    assert.deepEqual(answer, [400, 'HTTPBadRequest', "Invalid input for internal_port. Reason: 'abc' is not an integer."]);
    const right = { ...wanted, protocol: 'tcp', internal_port: 80 };
    assert.deepEqual(await refused('member', 'POST', path, { port_forwarding: right }), [404, 'FloatingIPNotFound']);
  });

  test('who may not make rules of metering is told that before whether the label is there', async () => {
    const body = { metering_label_rule: { metering_label_id: nobodys, direction: 'ingress', remote_ip_prefix: '10.6.0.0/24' } };
    assert.deepEqual(await refused('member', 'POST', 'metering/metering-label-rules', body), [403, 'PolicyNotAuthorized']);
    assert.deepEqual(await refused('admin', 'POST', 'metering/metering-label-rules', body), [404, 'MeteringLabelNotFound']);
  });

  test('who may not set quotas is told that before what is wrong with them; details of others are for administrators', async () => {
    const path = `quotas/${h.other.project}`;
    assert.deepEqual(await refused('member', 'PUT', path, { quota: { bogus: 1 } }), [403, 'PolicyNotAuthorized']);
    assert.deepEqual(await refused('admin', 'PUT', path, { quota: { bogus: 1 } }), [400, 'HTTPBadRequest']);
    assert.deepEqual(await refused('member', 'GET', path), [403, 'PolicyNotAuthorized']);
    assert.deepEqual(await refused('member', 'GET', `${path}/details`), [403, 'AdminRequired']);
    assert.equal((await h.admin.request('GET', `${path}/details`)).status, 200);
  });

  test('a subnet that is not there before the interface on it', async () => {
    const router = await h.member.make('routers', 'router', {});
    const remove = (subnet_id: string) => refused('member', 'PUT', `routers/${router.id}/remove_router_interface`, { subnet_id });
    assert.deepEqual(await remove(nobodys), [404, 'SubnetNotFound']);
    assert.deepEqual(await remove(subnet.id), [404, 'RouterInterfaceNotFoundForSubnet']);
    await h.member.request('PUT', `routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
    assert.equal((await h.member.request('PUT', `routers/${router.id}/remove_router_interface`, { subnet_id: subnet.id })).status, 200);
  });

  test('addresses of a port before its groups, a network before the pool of its subnet', async () => {
    const port = (more: Body) => refused('member', 'POST', 'ports', { port: { network_id: net.id, security_groups: [nobodys], ...more } });
    assert.deepEqual(await port({ fixed_ips: [{ foo: 'bar' }] }), [400, 'InvalidInput']);
    assert.deepEqual(await port({}), [404, 'SecurityGroupNotFound']);
    const fromPool = (network_id: string) =>
      refused('admin', 'POST', 'subnets', { subnet: { network_id, ip_version: 4, subnetpool_id: nobodys } });
    assert.deepEqual(await fromPool(nobodys), [404, 'NetworkNotFound']);
    assert.deepEqual(await fromPool(net.id), [404, 'SubnetPoolNotFound']);
    const nowhere = (gateway_ip: string) =>
      refused('admin', 'POST', 'subnets', { subnet: { network_id: nobodys, ip_version: 6, cidr: '2001:db8::/64', gateway_ip } });
    assert.deepEqual(await nowhere('192.0.2.1'), [400, 'InvalidInput']);
    assert.deepEqual(await nowhere('2001:db8::1'), [404, 'NetworkNotFound']);
  });

  test('numbers that are too small are told so where there are bounds on both sides, but of quotas of pools', async () => {
    const policy = await h.admin.make('qos/policies', 'policy', {});
    const [, , rule] = await h.admin.refused('POST', `qos/policies/${policy.id}/bandwidth_limit_rules`, {
      bandwidth_limit_rule: { max_kbps: -1 },
    });
    assert.match(rule, /'-1' is too small - must be at least '0'\./);
    const pool = { name: 'p', prefixes: ['10.20.0.0/16'], default_quota: -1 };
    assert.match((await h.member.refused('POST', 'subnetpools', { subnetpool: pool }))[2], /'-1' should be non-negative\./);
  });

  test('a body that has nothing is told so, but of networks, subnets and ports', async () => {
    for (const body of [{}, undefined]) {
      const message = async (path: string) => (await h.member.refused('POST', path, body))[2];
      assert.equal(await message('routers'), 'Resource body required');
      assert.equal(await message('subnetpools'), 'Resource body required');
      assert.equal(await message('ports'), "Unable to find 'port' in request body");
    }
  });

  test('of several rules of a group, what each says is looked at before what it means', async () => {
    const group = await h.member.make('security-groups', 'security_group', {});
    const rule = { security_group_id: group.id, direction: 'ingress', protocol: 'tcp' };
    const make = (...more: readonly Body[]) =>
      refused('member', 'POST', 'security-group-rules', { security_group_rules: more.map(m => ({ ...rule, ...m })) });
    const turned = { port_range_min: 80, port_range_max: 22 };
    assert.deepEqual(await make(turned, { ethertype: [] }), [400, 'SecurityGroupRuleInvalidEtherType']);
    assert.deepEqual(await make(turned, {}), [400, 'SecurityGroupInvalidPortRange']);
    assert.deepEqual(await make({ protocol: 'foo', description: true }), [400, 'SecurityGroupRuleInvalidProtocol']);
    assert.deepEqual(await make({ remote_group_id: nobodys, port_range_min: 'x' }), [400, 'SecurityGroupInvalidPortValue']);
    assert.deepEqual(await make({ remote_ip_prefix: 'x', description: true }), [400, 'InvalidCIDR']);
  });

  test('what is missing or fixed is told in the order of the attributes', async () => {
    const message = async (path: string, body: unknown, method = 'POST') => (await h.member.refused(method, path, body))[2];
    assert.match(await message('subnets', { subnet: { cidr: '10.1.0.0/24' } }), /Required attribute 'ip_version' not specified/);
    const shared = { object_type: 'network', object_id: net.id };
    assert.match(await message('rbac-policies', { rbac_policy: shared }), /Required attribute 'target_tenant' not specified/);
    const pairs = [{ ip_address: '10.9.9.9' }, { ip_address: '10.9.9.9' }];
    const wrong = { port: { network_id: net.id, security_groups: ['bad'], allowed_address_pairs: pairs } };
    assert.match(await message('ports', wrong), /duplicate address pair/);
    assert.match(await message('ports', { port: { ...wrong.port, allowed_address_pairs: [] } }), /security_groups/);
    const twins = { port: { network_id: net.id, extra_dhcp_opts: ['a', 'a'] } };
    assert.match(await message('ports', twins), /Duplicate items in the list: 'a'/);
    const group = await h.member.make('address-groups', 'address_group', {});
    const owner = { address_group: { tenant_id: h.member.project } };
    assert.match(await message(`address-groups/${group.id}`, owner, 'PUT'), /read-only attribute project_id$/);
    assert.match(
      await message(`networks/${net.id}`, { network: { tenant_id: h.member.project } }, 'PUT'),
      /read-only attribute tenant_id$/,
    );
    assert.match(await message(`networks/${net.id}`, { network: { tenant_id: h.other.project } }, 'PUT'), /requires admin or advsvc/);
  });

  test('what is seen and may not be changed as asked for is not found, as in Neutron, by another name', async () => {
    const outside = await h.admin.make('networks', 'network', { 'router:external': true });
    const put = (network: Body) => refused('other', 'PUT', `networks/${outside.id}`, { network });
    assert.deepEqual(await put({ 'router:external': false }), [404, 'HTTPNotFound']);
    assert.deepEqual(await put({ name: 'x' }), [403, 'PolicyNotAuthorized']);
  });
});

describe('floating IPs of another project', () => {
  test('a subnet that is not there; only an administrator gives one to a port that is not its project\u2019s, and the way there is asked for first', async () => {
    await using h = await start();
    const outside = await h.admin.make('networks', 'network', { 'router:external': true });
    await h.admin.make('subnets', 'subnet', { network_id: outside.id, ip_version: 4, cidr: '172.30.0.0/24' });
    const net = await h.member.make('networks', 'network', {});
    const subnet = await h.member.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr: '10.0.0.0/24' });
    const port = await h.member.make('ports', 'port', { network_id: net.id });
    const theirs = await h.admin.make('ports', 'port', { network_id: net.id, project_id: h.other.project });
    const fip = await h.member.make('floatingips', 'floatingip', { floating_network_id: outside.id });
    const on = async (subnet_id: string) =>
      (await h.member.refused('POST', 'floatingips', { floatingip: { floating_network_id: outside.id, subnet_id } })).slice(0, 2);
    assert.deepEqual(await on(nobodys), [404, 'SubnetNotFound']);
    assert.deepEqual(await on(subnet.id), [400, 'InvalidInput']);
    const give = (who: 'member' | 'admin', port_id: string) =>
      h[who].request('PUT', `floatingips/${fip.id}`, { floatingip: { port_id } }).then(reply => [reply.status, typeOf(reply.body)]);
    const typeOf = (body: Body) => (body.NeutronError as { type?: string } | undefined)?.type;
    assert.deepEqual(await give('admin', theirs.id), [404, 'ExternalGatewayForFloatingIPNotFound']);
    assert.deepEqual(await give('member', theirs.id), [400, 'BadRequest']);
    const router = await h.member.make('routers', 'router', { external_gateway_info: { network_id: outside.id } });
    await h.member.request('PUT', `routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
    assert.deepEqual(await give('member', port.id), [200, undefined]);
    assert.deepEqual(await give('member', theirs.id), [400, 'BadRequest']);
    assert.deepEqual(await give('admin', theirs.id), [200, undefined]);
  });
});
