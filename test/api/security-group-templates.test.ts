// What new security groups start with: templates of their rules, and whether they follow connections.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Body, Made } from './client.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { type Harness, start } from './harness.ts';

const templates = 'default-security-group-rules';
const name = 'default_security_group_rule';
const settings = 'security-groups-default-statefulness';
const setting = 'security_groups_default_statefulness';
const unlimited = { security_group: -1, security_group_rule: -1 };

const rulesOf = (group: Made | undefined): Body[] => group?.security_group_rules as Body[];

describe('templates of security groups', () => {
  let h: Harness;
  before(async () => {
    h = await start({ quotas: unlimited });
  });
  after(() => h[Symbol.asyncDispose]());

  const tcp = (port: number, more: Body = {}): Body => ({
    direction: 'ingress',
    protocol: 'tcp',
    port_range_min: port,
    port_range_max: port,
    used_in_default_sg: false,
    used_in_non_default_sg: true,
    ...more,
  });
  const group = (as = h.member) => as.make('security-groups', 'security_group', { name: 'g' });

  test('four are there from the beginning', async () => {
    const all = await h.reader.list(templates);
    const shape = (t: Body) => [t.direction, t.ethertype, t.remote_group_id, t.used_in_default_sg, t.used_in_non_default_sg, t.description];
    assert.deepEqual(all.map(shape).sort(), [
      ['egress', 'IPv4', null, true, true, 'Legacy default SG rule for egress traffic'],
      ['egress', 'IPv6', null, true, true, 'Legacy default SG rule for egress traffic'],
      ['ingress', 'IPv4', 'PARENT', true, false, 'Legacy default SG rule for ingress traffic'],
      ['ingress', 'IPv6', 'PARENT', true, false, 'Legacy default SG rule for ingress traffic'],
    ]);
    assert.deepEqual(
      Object.keys(all[0] as Made).filter(k => k.includes('project') || k.includes('tenant') || k.includes('key')),
      [],
    );
  });

  test('a new group has the rules of the templates that are for it', async () => {
    const made = await h.admin.make(templates, name, tcp(22, { remote_ip_prefix: '10.0.0.7/8', description: 'ssh' }));
    assert.deepEqual([made.remote_ip_prefix, made.description], ['10.0.0.7/8', 'ssh']);
    assert.deepEqual((await h.member.request('GET', `${templates}/${made.id}`)).body, { [name]: made });
    assert.deepEqual(await h.member.list(`${templates}?used_in_non_default_sg=True&direction=ingress`), [made]);
    const self = await h.admin.make(templates, name, tcp(23, { remote_group_id: 'PARENT', ethertype: 'IPv6' }));
    const own = await group();
    const ssh = rulesOf(own).find(r => r.port_range_min === 22);
    assert.deepEqual([ssh?.remote_ip_prefix, ssh?.normalized_cidr, ssh?.belongs_to_default_sg], ['10.0.0.7/8', '10.0.0.0/8', false]);
    assert.equal(rulesOf(own).find(r => r.port_range_min === 23)?.remote_group_id, own.id);
    assert.equal(rulesOf(own).length, 4);
    assert.equal(rulesOf((await h.member.list('security-groups?name=default'))[0]).length, 4);
    for (const { id } of [made, self]) assert.equal((await h.admin.request('DELETE', `${templates}/${id}`)).status, 204);
    assert.equal(rulesOf(await group()).length, 2);
  });

  test('what was taken out stays out; the default group is made of what is there', async () => {
    const [gone] = await h.admin.list(`${templates}?direction=egress&ethertype=IPv6`);
    await h.admin.request('DELETE', `${templates}/${gone?.id}`);
    assert.equal(rulesOf(await group(h.other)).length, 1);
    assert.deepEqual(
      rulesOf((await h.other.list('security-groups?name=default'))[0])
        .map(r => r.ethertype)
        .sort(),
      ['IPv4', 'IPv4', 'IPv6'],
    );
    const { id: _, created_at: _c, updated_at: _u, revision_number: _r, description: _d, ...again } = gone as Made;
    await h.admin.make(templates, name, again);
  });

  test('a rule tells whether it is one of a default group', async () => {
    const own = await group();
    const shown = await h.member.list('security-group-rules?belongs_to_default_sg=True');
    assert.equal(shown.length, 4);
    assert.ok(shown.every(r => r.belongs_to_default_sg === true && r.security_group_id !== own.id));
    const others = await h.member.list(`security-group-rules?belongs_to_default_sg=False&security_group_id=${own.id}`);
    assert.deepEqual(
      others.map(r => r.belongs_to_default_sg),
      [false, false],
    );
    const embedded = rulesOf((await h.member.list('security-groups?name=default'))[0]);
    assert.ok(embedded.every(r => r.belongs_to_default_sg === true));
  });

  test('what is refused', async () => {
    const refused = (more: Body) => h.admin.refused('POST', templates, { [name]: tcp(80, more) });
    const both = await h.admin.make(templates, name, tcp(80, { used_in_default_sg: true }));
    const exists = [409, 'DefaultSecurityGroupRuleExists', `Default Security group rule already exists. Rule id is ${both.id}.`];
    // One of the two uses in common is enough.
    assert.deepEqual(await refused({}), exists);
    assert.deepEqual(await refused({ protocol: '6', used_in_default_sg: true, used_in_non_default_sg: false, description: 'x' }), exists);
    await h.admin.request('DELETE', `${templates}/${both.id}`);
    const one = await h.admin.make(templates, name, tcp(80));
    const other = await h.admin.make(templates, name, tcp(80, { used_in_default_sg: true, used_in_non_default_sg: false }));
    for (const { id } of [one, other]) await h.admin.request('DELETE', `${templates}/${id}`);
    const twice = await h.admin.refused('POST', templates, { [`${name}s`]: [tcp(81), tcp(81)] });
    assert.deepEqual(twice.slice(0, 2), [409, 'DuplicateDefaultSgRuleInPost']);
    assert.deepEqual((await refused({ port_range_max: 8 })).slice(0, 2), [400, 'SecurityGroupInvalidPortRange']);
    const remotes = { remote_group_id: 'PARENT', remote_ip_prefix: '10.0.0.0/8' };
    assert.deepEqual((await refused(remotes)).slice(0, 2), [400, 'SecurityGroupMultipleRemoteEntites']);
    assert.equal((await refused({ remote_group_id: both.id }))[1], 'SecurityGroupNotFound');
    assert.equal((await refused({ remote_address_group_id: both.id }))[1], 'AddressGroupNotFound');
    const { used_in_default_sg: _, ...without } = tcp(82);
    assert.equal((await h.admin.refused('POST', templates, { [name]: without }))[0], 400);
    assert.equal((await h.member.refused('POST', templates, { [name]: tcp(83) }))[0], 403);
    assert.equal((await h.admin.refused('PUT', `${templates}/${both.id}`, { [name]: { description: 'x' } }))[0], 405);
    assert.deepEqual(await h.admin.refused('DELETE', `${templates}/${both.id}`), [
      404,
      'DefaultSecurityGroupRuleNotFound',
      `Default Security Group rule ${both.id} does not exist`,
    ]);
  });

  test('a group or address group that a template names: the one takes the template with it, the other stays', async () => {
    const named = await group(h.admin);
    const addresses = await h.admin.make('address-groups', 'address_group', { addresses: ['10.0.0.0/8'] });
    await h.admin.make(templates, name, tcp(90, { remote_group_id: named.id }));
    const byAddress = await h.admin.make(templates, name, tcp(91, { remote_address_group_id: addresses.id }));
    assert.deepEqual(
      rulesOf(await group())
        .flatMap(r => r.remote_group_id ?? r.remote_address_group_id ?? [])
        .sort(),
      [named.id, addresses.id].sort(),
    );
    for (const g of await h.admin.list('security-groups?name=g')) await h.admin.request('DELETE', `security-groups/${g.id}`);
    assert.deepEqual(await h.admin.list(`${templates}?remote_group_id=${named.id}`), []);
    assert.equal((await h.admin.refused('DELETE', `address-groups/${addresses.id}`))[1], 'AddressGroupInUse');
    await h.admin.request('DELETE', `${templates}/${byAddress.id}`);
    assert.equal((await h.admin.request('DELETE', `address-groups/${addresses.id}`)).status, 204);
  });

  test('a new group follows connections unless its project, or the cloud, is set otherwise', async () => {
    const stateful = async (more: Body = {}) => (await h.member.make('security-groups', 'security_group', { name: 's', ...more })).stateful;
    assert.equal(await stateful(), true);
    const cloud = await h.admin.make(settings, setting, { stateful: false });
    assert.deepEqual([cloud.project_id, cloud.stateful], [null, false]);
    assert.deepEqual([await stateful(), await stateful({ stateful: true })], [false, true]);
    const mine = await h.admin.make(settings, setting, { project_id: h.member.project });
    assert.deepEqual(mine, { id: mine.id, project_id: h.member.project, tenant_id: h.member.project, stateful: true });
    assert.equal(await stateful(), true);
    assert.deepEqual(await h.member.list(settings), [mine]);
    assert.equal((await h.admin.list(settings)).length, 2);
    const twice = await h.admin.refused('POST', settings, { [setting]: { project_id: h.member.project } });
    const text = `A security group default statefulness setting already exists for project '${h.member.project}'.`;
    assert.deepEqual(twice, [409, 'SecurityGroupDefaultStatefulnessAlreadyExists', text]);
    assert.match((await h.admin.refused('POST', settings, { [setting]: {} }))[2], /project 'system-wide'/);
    await h.admin.request('PUT', `${settings}/${mine.id}`, { [setting]: { stateful: false } });
    assert.equal(await stateful(), false);
    for (const { id } of [mine, cloud]) assert.equal((await h.admin.request('DELETE', `${settings}/${id}`)).status, 204);
    assert.equal(await stateful(), true);
    assert.equal((await h.member.refused('POST', settings, { [setting]: { stateful: false } }))[0], 403);
  });
});

test('a group whose rules do not fit the quota is not made', async () => {
  await using h = await start({ quotas: { security_group_rule: 7 } });
  await h.member.make('security-groups', 'security_group', { name: 'a' });
  const refused = await h.member.refused('POST', 'security-groups', { security_group: { name: 'b' } });
  assert.deepEqual(refused, [409, 'OverQuota', "Quota exceeded for resources: ['security_group_rule']."]);
  assert.equal((await h.member.list('security-groups')).length, 2);
});

describe('templates, with two servers', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster(2, { quotas: unlimited });
  });
  after(() => cluster[Symbol.asyncDispose]());

  test('two servers that start on a new state make one set of templates, and a third none', async () => {
    await using fresh = await startCluster(0);
    const [first] = await Promise.all([fresh.join(), fresh.join()]);
    assert.equal((await first.as('member').list(templates)).length, 4);
    await fresh.join();
    assert.equal((await first.as('member').list(templates)).length, 4);
  });

  test('equal templates at once: one; equal settings: one', async () => {
    const rule = { direction: 'ingress', protocol: 'tcp', used_in_default_sg: true, used_in_non_default_sg: true };
    const made = await Promise.all(cluster.spread('admin', 8).map(api => api.request('POST', templates, { [name]: rule })));
    assert.deepEqual(made.map(a => a.status).sort(), [201, ...Array(7).fill(409)]);
    const set = await Promise.all(cluster.spread('admin', 8).map(api => api.request('POST', settings, { [setting]: {} })));
    assert.deepEqual(set.map(a => a.status).sort(), [201, ...Array(7).fill(409)]);
  });
});
