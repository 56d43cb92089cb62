// Address groups, rules that name them, and what agents are told of both.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Answer, Api, Body, Made } from './client.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { beat, type Harness, start, until } from './harness.ts';

const groups = 'address-groups';
const name = 'address_group';
const unlimited = { security_group: -1, security_group_rule: -1, rbac_policy: -1 };

describe('address groups', () => {
  let h: Harness;
  let secured: Made;
  before(async () => {
    h = await start({ quotas: unlimited });
    secured = await h.member.make('security-groups', 'security_group', { name: 'g' });
  });
  after(() => h[Symbol.asyncDispose]());

  const change = async (id: string, verb: 'add' | 'remove', addresses: unknown, who: Api = h.member): Promise<Answer> =>
    who.request('PUT', `${groups}/${id}/${verb}_addresses`, { addresses });
  const refusedRule = (more: Body, who: Api = h.member): Promise<readonly [number, string, string]> =>
    who.refused('POST', 'security-group-rules', { security_group_rule: { security_group_id: secured.id, direction: 'ingress', ...more } });

  test('made, shown, listed, changed and removed', async () => {
    const made = await h.member.make(groups, name, { name: 'a', addresses: ['10.0.0.5/24', '2001:DB8::1/128'] });
    assert.deepEqual(made.addresses, ['10.0.0.0/24', '2001:db8::1/128']);
    const keys = ['addresses', 'created_at', 'description', 'id', 'name', 'project_id', 'revision_number', 'tenant_id', 'updated_at'];
    assert.deepEqual(Object.keys(made).sort(), keys);
    assert.deepEqual((await h.member.request('GET', `${groups}/${made.id}`)).body, { [name]: made });
    assert.deepEqual(await h.member.list(`${groups}?name=a`), [made]);
    assert.deepEqual(await h.other.list(groups), []);
    const renamed = await h.member.request('PUT', `${groups}/${made.id}`, { [name]: { name: 'b', description: 'x' } });
    assert.deepEqual([(renamed.body[name] as Body).name, (renamed.body[name] as Body).revision_number], ['b', 2]);
    const more = (await change(made.id, 'add', ['10.9.0.9', '10.8.0.0/16'])).body[name] as Body;
    assert.deepEqual(more.addresses, ['10.0.0.0/24', '10.8.0.0/16', '10.9.0.9/32', '2001:db8::1/128']);
    assert.equal(more.revision_number, 3);
    const less = (await change(made.id, 'remove', ['10.9.0.9/32', '10.0.0.77/24'])).body[name] as Body;
    assert.deepEqual(less.addresses, ['10.8.0.0/16', '2001:db8::1/128']);
    assert.equal((await change(made.id, 'add', [])).status, 200);
    assert.equal((await h.member.request('DELETE', `${groups}/${made.id}`)).status, 204);
    assert.deepEqual(await h.member.make(groups, name, { addresses: null }).then(g => g.addresses), []);
  });

  test('what is refused', async () => {
    const { id } = await h.member.make(groups, name, { addresses: ['10.0.0.1/32'] });
    const post = (more: Body) => h.member.refused('POST', groups, { [name]: more });
    const put = (verb: string, addresses: unknown) => h.member.refused('PUT', `${groups}/${id}/${verb}_addresses`, { addresses });
    const bare = "Invalid input for addresses. Reason: '10.0.0.1' isn't a recognized IP subnet cidr, '10.0.0.1/32' is recommended.";
    assert.deepEqual(await post({ addresses: ['10.0.0.1'] }), [400, 'HTTPBadRequest', bare]);
    assert.deepEqual(await post({ addresses: ['x'] }), [
      400,
      'HTTPBadRequest',
      "Invalid input for addresses. Reason: 'x' is not a valid IP subnet.",
    ]);
    assert.deepEqual(await post({ addresses: ['10.0.0.1/32', '10.0.0.1/32'] }), [
      400,
      'HTTPBadRequest',
      "Invalid input for addresses. Reason: Duplicate items in the list: '10.0.0.1/32'.",
    ]);
    assert.equal((await post({ shared: true }))[2], "Attribute 'shared' not allowed in POST");
    const update = await h.member.refused('PUT', `${groups}/${id}`, { [name]: { addresses: [] } });
    assert.equal(update[2], 'Cannot update read-only attribute addresses');
    assert.deepEqual(await put('add', ['10.0.0.1/32', '10.5.0.0/16']), [
      400,
      'AddressesAlreadyExist',
      `Addresses ['10.0.0.1/32'] already exist in the address group ${id}.`,
    ]);
    assert.deepEqual(await put('remove', ['10.0.0.1/32', '10.9.9.9/32']), [
      404,
      'AddressesNotFound',
      `Addresses ['10.9.9.9/32'] not found in the address group ${id}.`,
    ]);
    assert.deepEqual(await put('add', ['zz']), [400, 'AddrFormatError', 'invalid IPNetwork zz']);
    // However it is filled, it has an end.
    const thousand = (k: number, count = 1000): string[] =>
      Array.from({ length: count }, (_, i) => `10.${100 + k}.${i >> 8}.${i & 255}/32`);
    for (let k = 0; k < 9; k++) assert.equal((await put('add', thousand(k)))[0], 200);
    assert.deepEqual(await put('add', thousand(9)), [400, 'HTTPBadRequest', 'An address group has at most 10000 addresses']);
    assert.equal((await put('add', thousand(9, 999)))[0], 200);
    assert.equal((await put('add', undefined))[0], 400);
    assert.equal((await change(id, 'add', ['10.1.0.0/16'], h.other)).status, 404);
    assert.equal((await change(id, 'add', ['10.1.0.0/16'], h.reader)).status, 403);
    assert.deepEqual(await h.member.refused('GET', `${groups}/abc`), [
      404,
      'AddressGroupNotFound',
      'Address group abc could not be found.',
    ]);
  });

  test('a rule names one, which then is in use', async () => {
    const group = await h.member.make(groups, name, { addresses: ['10.0.0.0/8'] });
    const remote = { remote_address_group_id: group.id };
    const rule = await h.member.make('security-group-rules', 'security_group_rule', {
      security_group_id: secured.id,
      direction: 'ingress',
      ...remote,
    });
    assert.deepEqual([rule.remote_address_group_id, rule.remote_group_id, rule.remote_ip_prefix], [group.id, null, null]);
    assert.deepEqual(
      (await h.member.list(`security-group-rules?remote_address_group_id=${group.id}`)).map(r => r.id),
      [rule.id],
    );
    assert.deepEqual((await refusedRule(remote)).slice(0, 2), [409, 'SecurityGroupRuleExists']);
    for (const more of [{ remote_group_id: secured.id }, { remote_ip_prefix: '10.0.0.0/8' }])
      assert.deepEqual((await refusedRule({ ...remote, ...more })).slice(0, 2), [400, 'SecurityGroupMultipleRemoteEntites']);
    const unknown = { remote_address_group_id: secured.id };
    assert.deepEqual(await refusedRule(unknown), [404, 'AddressGroupNotFound', `Address group ${secured.id} could not be found.`]);
    const inUse = `Address group ${group.id} is in use on one or more security group rules.`;
    assert.deepEqual(await h.member.refused('DELETE', `${groups}/${group.id}`), [409, 'AddressGroupInUse', inUse]);
    await h.member.request('DELETE', `security-group-rules/${rule.id}`);
    assert.equal((await h.member.request('DELETE', `${groups}/${group.id}`)).status, 204);
  });

  test('another project uses one that is shared with it, and does not change it', async () => {
    const group = await h.other.make(groups, name, { addresses: ['10.0.0.0/8'] });
    const rule = { security_group_id: secured.id, direction: 'ingress', remote_address_group_id: group.id };
    assert.equal((await refusedRule(rule))[1], 'AddressGroupNotFound');
    const policy = await h.other.make('rbac-policies', 'rbac_policy', {
      object_type: name,
      object_id: group.id,
      action: 'access_as_shared',
      target_tenant: h.member.project,
    });
    assert.deepEqual((await h.member.list(groups)).filter(g => g.id === group.id).length, 1);
    for (const path of ['', '/add_addresses', '/remove_addresses'])
      assert.equal((await h.member.request('PUT', `${groups}/${group.id}${path}`, { [name]: { name: 'x' }, addresses: [] })).status, 404);
    const { id } = await h.member.make('security-group-rules', 'security_group_rule', rule);
    assert.equal((await h.other.refused('DELETE', `rbac-policies/${policy.id}`))[1], 'RbacPolicyInUse');
    await h.member.request('DELETE', `security-group-rules/${id}`);
    assert.equal((await h.other.request('DELETE', `${groups}/${group.id}`)).status, 204);
    assert.deepEqual(await h.admin.list(`rbac-policies?object_id=${group.id}`), []);
  });

  test('agents are told of the rules, of the addresses, and when these change', async () => {
    await beat(h, 'h1');
    const group = await h.member.make(groups, name, { addresses: ['10.0.0.0/8', '2001:db8::/32'] });
    const mine = await h.member.make('security-groups', 'security_group', { name: 'told' });
    await h.member.make('security-group-rules', 'security_group_rule', {
      security_group_id: mine.id,
      direction: 'ingress',
      remote_address_group_id: group.id,
    });
    const net = await h.member.make('networks', 'network', {});
    const port = await h.member.make('ports', 'port', { network_id: net.id, security_groups: [mine.id] });
    const told = async (more: Body = {}) => {
      const answer = await h.rpc(
        'q-plugin',
        'security_group_info_for_devices',
        { devices: [`tap${port.id.slice(0, 11)}`], ...more },
        '1.3',
      );
      const { devices, security_groups, sg_member_ips } = answer as unknown as Record<string, Record<string, Body>>;
      return {
        device: devices?.[port.id] as Body,
        rules: security_groups?.[mine.id] as unknown as Body[],
        members: sg_member_ips?.[group.id],
      };
    };
    const info = await told({ call_version: '1.3' });
    assert.deepEqual(info.device.security_group_remote_address_groups, [group.id]);
    assert.deepEqual(info.device.security_group_source_groups, []);
    // By both names: agents that know only groups of ports let in whom they do not understand.
    const named = { remote_address_group_id: group.id, remote_group_id: group.id };
    const shape = { direction: 'ingress', ethertype: 'IPv4', stateful: true, ...named };
    assert.deepEqual(
      info.rules.filter(r => r.direction === 'ingress'),
      [shape],
    );
    assert.deepEqual(info.members, { IPv4: [['10.0.0.0/8', null]], IPv6: [['2001:db8::/32', null]] });
    assert.deepEqual((await told()).members, { IPv4: ['10.0.0.0/8'], IPv6: ['2001:db8::/32'] });
    const heard: unknown[] = [];
    const methods = { security_groups_rule_updated: (args: Body) => void heard.push(args.security_groups) };
    const topic = 'q-agent-notifier-security_group-update';
    await using _ = await h.bus.serve({ topic, server: 'h1', endpoints: [{ version: '1.1', methods }] });
    await h.member.request('PUT', `${groups}/${group.id}`, { [name]: { description: 'of no interest to agents' } });
    await change(group.id, 'remove', ['10.0.0.0/8']);
    await until('agents hear of it', async () => heard.length > 0);
    assert.deepEqual(heard, [[mine.id]]);
    assert.deepEqual((await told()).members, { IPv4: [], IPv6: ['2001:db8::/32'] });
  });
});

describe('address groups, with two servers', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster(2, { quotas: unlimited });
    await cluster.as('member').list('security-groups');
  });
  after(() => cluster[Symbol.asyncDispose]());

  test('addresses that are added at once: each is there, and an equal one once', async () => {
    const { id } = await cluster.as('member').make(groups, name, {});
    const add = (api: Api, address: string) => api.request('PUT', `${groups}/${id}/add_addresses`, { addresses: [address] });
    const answers = await Promise.all(cluster.spread('member', 8).map((api, i) => add(api, `10.0.${i >> 1}.0/24`)));
    assert.deepEqual(answers.map(a => a.status).sort(), [200, 200, 200, 200, 400, 400, 400, 400]);
    const [group] = await cluster.as('member').list(`${groups}?id=${id}`);
    assert.deepEqual([(group?.addresses as string[]).length, group?.revision_number], [4, 5]);
  });

  test('a group that goes while rules name it: never a rule about a group that is gone', async () => {
    const member = cluster.as('member');
    const secured = await member.make('security-groups', 'security_group', { name: 'g' });
    for (let round = 0; round < 8; round++) {
      const { id } = await member.make(groups, name, { addresses: ['10.0.0.0/8'] });
      const [a, b] = cluster.spread('member', 2).toSorted(() => (round % 2 === 0 ? 1 : -1)) as [Api, Api];
      const rule = { security_group_id: secured.id, direction: 'ingress', remote_address_group_id: id };
      const [gone, made] = await Promise.all([
        a.request('DELETE', `${groups}/${id}`),
        b.request('POST', 'security-group-rules', { security_group_rule: rule }),
      ]);
      assert.ok([204, 409].includes(gone.status) && [201, 404].includes(made.status), `${gone.status} ${made.status}`);
      assert.equal(gone.status === 204, made.status === 404);
    }
  });
});
