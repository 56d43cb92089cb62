// Security groups and their rules: the default group, what a rule may say, duplicates, and what holds a group.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Query } from '../../src/contracts/store.ts';
import { type Body, client, type Made } from './client.ts';
import { type Harness, start } from './harness.ts';

describe('security groups', () => {
  let h: Harness;
  let group: Made;

  before(async () => {
    h = await start({ quotas: { security_group: -1, security_group_rule: -1 } });
    group = await h.member.make('security-groups', 'security_group', { name: 'g' });
  });
  after(() => h[Symbol.asyncDispose]());

  const refused = async (method: string, path: string, body?: unknown): Promise<unknown> =>
    (await h.member.refused(method, path, body)).slice(0, 2);
  const rulesOf = (g: Body): Body[] => g.security_group_rules as Body[];
  const rule = (more: Body): Promise<Made> =>
    h.member.make('security-group-rules', 'security_group_rule', { security_group_id: group.id, direction: 'ingress', ...more });
  const refusedRule = (more: Body): Promise<unknown> =>
    refused('POST', 'security-group-rules', { security_group_rule: { security_group_id: group.id, direction: 'ingress', ...more } });

  test('the default group comes with the project: four rules, its name and its life are not its own', async () => {
    const [first] = await h.other.list('security-groups');
    assert.deepEqual([first?.name, first?.description], ['default', 'Default security group']);
    const shapes = rulesOf(first as Body).map(r => [r.direction, r.ethertype, r.remote_group_id === first?.id]);
    assert.deepEqual(shapes.sort(), [
      ['egress', 'IPv4', false],
      ['egress', 'IPv6', false],
      ['ingress', 'IPv4', true],
      ['ingress', 'IPv6', true],
    ]);
    assert.ok(rulesOf(first as Body).every(r => r.description === null));
    const change = { security_group: { name: 'mine' } };
    assert.deepEqual((await h.other.refused('PUT', `security-groups/${first?.id}`, change)).slice(0, 2), [
      409,
      'SecurityGroupCannotUpdateDefault',
    ]);
    assert.deepEqual((await h.other.refused('DELETE', `security-groups/${first?.id}`)).slice(0, 2), [
      409,
      'SecurityGroupCannotRemoveDefault',
    ]);
    assert.equal((await h.other.request('PUT', `security-groups/${first?.id}`, { security_group: { description: 'x' } })).status, 200);
    assert.equal((await h.admin.request('DELETE', `security-groups/${first?.id}`)).status, 204);
    const [again] = await h.other.list('security-groups');
    assert.ok(again && again.id !== first?.id);
  });

  test('a group of one’s own: two rules, a name that is not default', async () => {
    assert.deepEqual(
      rulesOf(group)
        .map(r => [r.direction, r.ethertype])
        .sort(),
      [
        ['egress', 'IPv4'],
        ['egress', 'IPv6'],
      ],
    );
    const named = { security_group: { name: 'Default' } };
    assert.deepEqual(await refused('PUT', `security-groups/${group.id}`, named), [409, 'SecurityGroupDefaultAlreadyExists']);
  });

  test('a rule is kept as it was meant', async () => {
    const tcp = await rule({ protocol: 'TCP', port_range_min: '22', port_range_max: 22, remote_ip_prefix: '10.0.0.5' });
    assert.deepEqual(
      [tcp.protocol, tcp.port_range_min, tcp.remote_ip_prefix, tcp.normalized_cidr],
      ['tcp', 22, '10.0.0.5/32', '10.0.0.5/32'],
    );
    const wide = await rule({ protocol: 'udp', remote_ip_prefix: '10.0.0.5/8' });
    assert.deepEqual([wide.remote_ip_prefix, wide.normalized_cidr, wide.port_range_min], ['10.0.0.5/8', '10.0.0.0/8', null]);
    const ping = await rule({ protocol: 'icmp', port_range_min: 8, port_range_max: 0 });
    assert.deepEqual([ping.port_range_min, ping.port_range_max], [8, 0]);
    assert.equal((await rule({ protocol: 'icmp', ethertype: 'ipv6' })).protocol, 'ipv6-icmp');
    assert.equal((await rule({ protocol: 'any' })).protocol, null);
    assert.equal((await rule({ protocol: 132, port_range_min: 1, port_range_max: 9 })).protocol, '132');
    const shown = (await h.member.request('GET', `security-groups/${group.id}`)).body.security_group as Body;
    assert.ok(rulesOf(shown).some(r => r.id === tcp.id));
    assert.equal(shown.revision_number, Number(group.revision_number) + 6);
  });

  test('what a rule cannot say', async () => {
    const cases: readonly (readonly [Body, string])[] = [
      [{ protocol: 'tcp', port_range_min: 22 }, 'SecurityGroupInvalidPortRange'],
      [{ protocol: 'tcp', port_range_min: 23, port_range_max: 22 }, 'SecurityGroupInvalidPortRange'],
      [{ protocol: 'tcp', port_range_min: 1, port_range_max: 65_536 }, 'SecurityGroupInvalidPortValue'],
      [{ protocol: 'tcp', port_range_min: 0, port_range_max: 5 }, 'SecurityGroupInvalidPortValue'],
      [{ port_range_min: 1, port_range_max: 2 }, 'SecurityGroupProtocolRequiredWithPorts'],
      [{ protocol: 'icmp', port_range_max: 0 }, 'SecurityGroupMissingIcmpType'],
      [{ protocol: 'icmp', port_range_min: 256 }, 'SecurityGroupInvalidIcmpValue'],
      [{ protocol: 'gre', port_range_min: 1, port_range_max: 2 }, 'SecurityGroupInvalidProtocolForPort'],
      [{ protocol: 'nonsense' }, 'SecurityGroupRuleInvalidProtocol'],
      [{ ethertype: 'ARP' }, 'SecurityGroupRuleInvalidEtherType'],
      [{ ethertype: 'IPv4', protocol: 'ipv6-icmp' }, 'SecurityGroupEthertypeConflictWithProtocol'],
      [{ ethertype: 'IPv6', remote_ip_prefix: '10.0.0.0/8' }, 'SecurityGroupRuleParameterConflict'],
      [{ remote_ip_prefix: '10.0.0.0/8', remote_group_id: group.id }, 'SecurityGroupMultipleRemoteEntites'],
    ];
    for (const [attributes, type] of cases) assert.deepEqual(await refusedRule(attributes), [400, type], JSON.stringify(attributes));
    assert.deepEqual(await refused('PUT', `security-group-rules/${rulesOf(group)[0]?.id}`, { security_group_rule: { description: 'x' } }), [
      400,
      'HTTPBadRequest',
    ]);
  });

  test('a group that a rule names must be there', async () => {
    for (const remote_group_id of ['no-id', '00000000-0000-0000-0000-000000000000'])
      assert.deepEqual(await refusedRule({ remote_group_id }), [404, 'SecurityGroupNotFound']);
    assert.deepEqual(await refusedRule({ security_group_id: 'no-id' }), [404, 'SecurityGroupNotFound']);
  });

  test('the same rule twice, in one request or in two', async () => {
    await rule({ protocol: 'tcp', port_range_min: 80, port_range_max: 80 });
    const twin = { protocol: '6', port_range_min: 80, port_range_max: 80, description: 'another', remote_ip_prefix: '0.0.0.0/0' };
    assert.deepEqual(await refusedRule(twin), [409, 'SecurityGroupRuleExists']);
    const one = { security_group_id: group.id, direction: 'ingress', protocol: 'tcp', port_range_min: 81, port_range_max: 81 };
    assert.deepEqual(await refused('POST', 'security-group-rules', { security_group_rules: [one, one] }), [
      409,
      'DuplicateSecurityGroupRuleInPost',
    ]);
    const second = await h.member.make('security-groups', 'security_group', { name: 'second' });
    const mixed = [one, { ...one, security_group_id: second.id }];
    assert.deepEqual(await refused('POST', 'security-group-rules', { security_group_rules: mixed }), [
      400,
      'SecurityGroupNotSingleGroupRules',
    ]);
    assert.deepEqual(await h.member.list('security-group-rules?port_range_min=81'), []);
  });

  test('what many of one request are compared with is read once', async () => {
    const { store } = h.server;
    const { select, selectAll } = store;
    const read: string[] = [];
    let mostRules = 0;
    const note = ({ table }: Query, rows: readonly unknown[]): void => {
      read.push(table);
      if (table === 'security_group_rules') mostRules = Math.max(mostRules, rows.length);
    };
    store.select = async query => {
      const rows = await select.call(store, query);
      note(query, rows);
      return rows;
    };
    store.selectAll = async queries => {
      const answers = await selectAll.call(store, queries);
      for (const [i, query] of queries.entries()) note(query, answers[i]!);
      return answers;
    };
    const times = (table: string): number => read.splice(0).filter(name => name === table).length;
    const numbered = (port: number): Body => ({ protocol: 'udp', port_range_min: port, port_range_max: port });
    const rules = Array.from({ length: 20 }, (_, i) => ({ security_group_id: group.id, direction: 'ingress', ...numbered(5000 + i) }));
    const made = await h.member.request('POST', 'security-group-rules', { security_group_rules: rules });
    // Those like the first, then all of the group for the others.
    assert.deepEqual([made.status, times('security_group_rules')], [201, 2]);
    mostRules = 0;
    const one = { security_group_id: group.id, direction: 'ingress', ...numbered(5100) };
    assert.equal((await h.member.request('POST', 'security-group-rules', { security_group_rule: one })).status, 201);
    assert.deepEqual(
      [times('security_group_rules'), mostRules],
      [1, 0],
      'one rule is compared with those like it, not with all of its group',
    );
    const groups = Array.from({ length: 20 }, () => ({ name: 'many' }));
    assert.equal((await h.member.request('POST', 'security-groups', { security_groups: groups })).status, 201);
    assert.equal(times('default_security_group_rules'), 1);
    Object.assign(store, { select, selectAll });
    for (const one of await h.member.list('security-groups?name=many')) await h.member.request('DELETE', `security-groups/${one.id}`);
  });

  test('a group that ports have stays and stays stateful; rules about a group go with it', async () => {
    const net = await h.member.make('networks', 'network', {});
    const used = await h.member.make('security-groups', 'security_group', { name: 'used' });
    const port = await h.member.make('ports', 'port', { network_id: net.id, security_groups: [used.id] });
    assert.deepEqual(await refused('DELETE', `security-groups/${used.id}`), [409, 'SecurityGroupInUse']);
    assert.deepEqual(await refused('PUT', `security-groups/${used.id}`, { security_group: { stateful: false } }), [
      409,
      'SecurityGroupInUse',
    ]);
    const about = await rule({ remote_group_id: used.id });
    const before = (await h.member.request('GET', `security-groups/${group.id}`)).body.security_group as Body;
    await h.member.request('DELETE', `ports/${port.id}`);
    assert.equal((await h.member.request('PUT', `security-groups/${used.id}`, { security_group: { stateful: false } })).status, 200);
    assert.equal((await h.member.request('DELETE', `security-groups/${used.id}`)).status, 204);
    assert.equal((await h.member.request('GET', `security-group-rules/${about.id}`)).status, 404);
    const after = (await h.member.request('GET', `security-groups/${group.id}`)).body.security_group as Body;
    assert.equal(after.revision_number, Number(before.revision_number) + 1);
    const { quota } = (await h.member.request('GET', `quotas/${h.member.project}/details`)).body as { quota: Record<string, Body> };
    assert.equal(quota.security_group_rule?.used, (await h.member.list('security-group-rules')).length);
  });

  test('the rules that a new group begins with count against the quota of rules; what nobody asked for is not refused', async () => {
    const project = 'd'.repeat(32);
    const newcomer = client(h.server.url, `member@${project}`);
    const limit = (quota: Body): Promise<unknown> => h.admin.request('PUT', `quotas/${project}`, { quota });
    const make = async (): Promise<unknown> =>
      (await newcomer.refused('POST', 'security-groups', { security_group: { name: 'x' } })).slice(0, 2);
    await limit({ security_group_rule: 1, security_group: 1 });
    assert.deepEqual(await make(), [409, 'OverQuota']);
    await newcomer.make('networks', 'network', {});
    const { quota } = (await newcomer.request('GET', `quotas/${project}/details`)).body as { quota: Record<string, Body> };
    assert.deepEqual([quota.security_group?.used, quota.security_group_rule?.used], [1, 4], 'the default group came with the network');
    await limit({ security_group_rule: 5, security_group: 2 });
    assert.deepEqual(await make(), [409, 'OverQuota'], 'two rules are one too many');
    await limit({ security_group_rule: 6 });
    assert.equal((await newcomer.request('POST', 'security-groups', { security_group: { name: 'x' } })).status, 201);
    assert.deepEqual(await make(), [409, 'OverQuota']);
  });

  test('a first group is within a quota of one: the default group does not take its place', async () => {
    const project = 'e'.repeat(32);
    await h.admin.request('PUT', `quotas/${project}`, { quota: { security_group: 1 } });
    const body = { security_group: { name: 'x', project_id: project } };
    assert.equal((await h.admin.request('POST', 'security-groups', body)).status, 201);
    assert.deepEqual((await h.admin.refused('POST', 'security-groups', body)).slice(0, 2), [409, 'OverQuota']);
  });
});
