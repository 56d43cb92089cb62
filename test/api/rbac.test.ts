// Shared access: who sees and uses what is shared, what is refused, and what of it two servers at once cannot break.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { Answer, Api, Made } from './client.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { type Harness, start } from './harness.ts';

const name = 'rbac_policy';
const policies = 'rbac-policies';

/** A policy that shares an object with a project, or with `*`. */
const sharing = (object_type: string, object: Made, target_tenant: string, action = 'access_as_shared') => ({
  object_type,
  object_id: object.id,
  action,
  target_tenant,
});

describe('rbac policies', () => {
  let h: Harness;
  before(async () => {
    h = await start({ quotas: { rbac_policy: -1, network: -1, security_group: -1, router: -1 } });
  });
  after(() => h[Symbol.asyncDispose]());

  const sees = async (who: Api, path: string): Promise<boolean> => (await who.request('GET', path)).status === 200;

  test('made, shown, listed, changed and removed', async () => {
    const net = await h.member.make('networks', 'network', {});
    const made = await h.member.make(policies, name, sharing(' Network ', net, h.other.project));
    const expected = {
      ...sharing('network', net, h.other.project),
      id: made.id,
      project_id: h.member.project,
      tenant_id: h.member.project,
    };
    assert.deepEqual(made, expected);
    assert.deepEqual((await h.member.request('GET', `${policies}/${made.id}`)).body, { [name]: made });
    for (const filter of [`object_id=${net.id}`, `target_tenant=${h.other.project}`, 'object_type=network', 'action=access_as_shared'])
      assert.deepEqual(await h.member.list(`${policies}?${filter}`), [made]);
    assert.deepEqual(await h.member.list(`${policies}?target_tenant=*`), []);
    const third = '9'.repeat(32);
    const changed = await h.member.request('PUT', `${policies}/${made.id}`, { [name]: { target_tenant: third } });
    assert.deepEqual(changed.body, { [name]: { ...made, target_tenant: third } });
    assert.equal(await sees(h.other, `${policies}/${made.id}`), false);
    assert.equal((await h.other.request('DELETE', `${policies}/${made.id}`)).status, 404);
    assert.equal((await h.member.request('DELETE', `${policies}/${made.id}`)).status, 204);
    assert.deepEqual(await h.member.list(policies), []);
  });

  test('a network is seen and used by whom it is shared with, and shown as shared to him alone', async () => {
    const net = await h.member.make('networks', 'network', {});
    await h.member.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr: '10.0.0.0/24' });
    assert.equal(await sees(h.other, `networks/${net.id}`), false);
    const policy = await h.member.make(policies, name, sharing('network', net, h.other.project));
    const shared = async (who: Api): Promise<unknown> => (await who.list(`networks?id=${net.id}`))[0]?.shared;
    assert.deepEqual([await shared(h.member), await shared(h.other), await shared(h.admin)], [false, true, false]);
    assert.equal((await h.other.list(`networks?id=${net.id}&shared=True`)).length, 1);
    assert.equal((await h.member.list(`networks?id=${net.id}&shared=True`)).length, 0);
    assert.equal((await h.other.list(`subnets?network_id=${net.id}`)).length, 1);
    const port = await h.other.make('ports', 'port', { network_id: net.id });
    const inUse = `RBAC policy on object ${net.id} cannot be removed because other objects depend on it.\nDetails: Unable to reconfigure sharing settings for network ${net.id}. Multiple projects are using it.`;
    assert.deepEqual(await h.member.refused('DELETE', `${policies}/${policy.id}`), [409, 'RbacPolicyInUse', inUse]);
    const elsewhere = { [name]: { target_tenant: '9'.repeat(32) } };
    assert.deepEqual((await h.member.refused('PUT', `${policies}/${policy.id}`, elsewhere)).slice(0, 2), [409, 'RbacPolicyInUse']);
    // Shared with everyone as well, the policy for one is not needed; and then that for everyone is.
    const all = await h.admin.make(policies, name, sharing('network', net, '*'));
    assert.equal((await h.member.request('DELETE', `${policies}/${policy.id}`)).status, 204);
    assert.deepEqual((await h.admin.refused('DELETE', `${policies}/${all.id}`)).slice(0, 2), [409, 'RbacPolicyInUse']);
    assert.deepEqual((await h.admin.refused('PUT', `networks/${net.id}`, { network: { shared: false } })).slice(0, 2), [
      409,
      'InvalidSharedSetting',
    ]);
    const one = { [name]: { target_tenant: h.other.project } };
    assert.deepEqual((await h.admin.refused('PUT', `${policies}/${all.id}`, one)).slice(0, 2), [409, 'RbacPolicyInUse']);
    assert.equal((await h.other.request('DELETE', `ports/${port.id}`)).status, 204);
    assert.equal((await h.admin.request('DELETE', `${policies}/${all.id}`)).status, 204);
    assert.equal(await sees(h.other, `networks/${net.id}`), false);
  });

  test('shared and router:external are policies, and policies are they', async () => {
    const net = await h.admin.make('networks', 'network', { shared: true, 'router:external': true });
    const all = await h.admin.list(`${policies}?object_id=${net.id}`);
    assert.deepEqual(all.map(p => [p.action, p.target_tenant, p.project_id]).sort(), [
      ['access_as_external', '*', h.admin.project],
      ['access_as_shared', '*', h.admin.project],
    ]);
    for (const p of all) assert.equal((await h.admin.request('DELETE', `${policies}/${p.id}`)).status, 204);
    const [now] = await h.admin.list(`networks?id=${net.id}`);
    assert.deepEqual([now?.shared, now?.['router:external']], [false, false]);
    for (let i = 0; i < 2; i++) await h.admin.request('PUT', `networks/${net.id}`, { network: { shared: true, 'router:external': true } });
    assert.equal((await h.admin.list(`${policies}?object_id=${net.id}`)).length, 2);
    await h.admin.request('PUT', `networks/${net.id}`, { network: { shared: false, 'router:external': false } });
    assert.equal((await h.admin.list(`${policies}?object_id=${net.id}`)).length, 0);
  });

  test('external for one project', async () => {
    const net = await h.admin.make('networks', 'network', {});
    await h.admin.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr: '203.0.113.0/24' });
    const policy = await h.admin.make(policies, name, sharing('network', net, h.other.project, 'access_as_external'));
    const [shown] = await h.other.list(`networks?id=${net.id}&router:external=True`);
    assert.deepEqual([shown?.['router:external'], shown?.shared], [true, false]);
    assert.equal((await h.admin.list(`networks?id=${net.id}`))[0]?.['router:external'], true);
    assert.equal(await sees(h.member, `networks/${net.id}`), false);
    assert.equal((await h.other.refused('POST', 'ports', { port: { network_id: net.id } }))[0], 403);
    const router = await h.other.make('routers', 'router', { external_gateway_info: { network_id: net.id } });
    const details = 'Details: There are routers attached to this network that depend on this policy for access.';
    const refused = await h.admin.refused('DELETE', `${policies}/${policy.id}`);
    assert.equal(refused[1], 'RbacPolicyInUse');
    assert.match(refused[2], new RegExp(details));
    // For all, and then for the one again, it stays what it is for him.
    for (const target_tenant of ['*', h.other.project])
      assert.equal((await h.admin.request('PUT', `${policies}/${policy.id}`, { [name]: { target_tenant } })).status, 200);
    const elsewhere = { [name]: { target_tenant: h.member.project } };
    assert.equal((await h.admin.refused('PUT', `${policies}/${policy.id}`, elsewhere))[1], 'RbacPolicyInUse');
    await h.other.request('PUT', `routers/${router.id}`, { router: { external_gateway_info: {} } });
    const fip = await h.other.make('floatingips', 'floatingip', { floating_network_id: net.id });
    assert.equal((await h.admin.request('DELETE', `${policies}/${policy.id}`)).status, 409);
    await h.other.request('DELETE', `floatingips/${fip.id}`);
    assert.equal((await h.admin.request('PUT', `networks/${net.id}`, { network: { is_default: true } })).status, 200);
    assert.equal((await h.admin.request('DELETE', `${policies}/${policy.id}`)).status, 204);
    assert.equal((await h.admin.list(`networks?id=${net.id}`))[0]?.['router:external'], false);
    // It is not the default one any more either: another may be.
    const next = await h.admin.make('networks', 'network', { 'router:external': true, is_default: true });
    await h.admin.request('DELETE', `networks/${next.id}`);
  });

  test('a security group is put on ports of whom it is shared with', async () => {
    const group = await h.member.make('security-groups', 'security_group', { name: 'shared' });
    const policy = await h.member.make(policies, name, sharing('security_group', group, h.other.project));
    assert.deepEqual(
      (await h.other.list(`security-groups?id=${group.id}`)).map(g => g.shared),
      [true],
    );
    const net = await h.other.make('networks', 'network', {});
    const port = await h.other.make('ports', 'port', { network_id: net.id, security_groups: [group.id] });
    assert.equal((await h.other.request('DELETE', `security-groups/${group.id}`)).status, 403);
    assert.equal(
      (
        await h.other.request('POST', 'security-group-rules', {
          security_group_rule: { security_group_id: group.id, direction: 'ingress' },
        })
      ).status,
      403,
    );
    const refused = await h.member.refused('DELETE', `${policies}/${policy.id}`);
    assert.match(refused[2], new RegExp(`Details: project_id=${h.other.project}$`));
    await h.other.request('DELETE', `ports/${port.id}`);
    assert.equal((await h.member.request('DELETE', `security-groups/${group.id}`)).status, 204);
    assert.deepEqual(await h.admin.list(`${policies}?object_id=${group.id}`), []);
  });

  test('what is for everyone stays so while anybody uses it, the owner included; for the owner alone it may end', async () => {
    const group = await h.member.make('security-groups', 'security_group', { name: 'own' });
    const net = await h.member.make('networks', 'network', {});
    const all = await h.admin.make(policies, name, sharing('security_group', group, '*'));
    const own = await h.member.make(policies, name, sharing('security_group', group, h.member.project));
    const port = await h.member.make('ports', 'port', { network_id: net.id, security_groups: [group.id] });
    assert.equal((await h.member.request('DELETE', `${policies}/${own.id}`)).status, 204);
    assert.equal((await h.admin.refused('DELETE', `${policies}/${all.id}`))[1], 'RbacPolicyInUse');
    await h.member.request('DELETE', `ports/${port.id}`);
    assert.equal((await h.admin.request('DELETE', `${policies}/${all.id}`)).status, 204);
    // A network's own ports do not hold its sharing.
    const everyones = await h.admin.make(policies, name, sharing('network', net, '*'));
    await h.member.make('ports', 'port', { network_id: net.id });
    assert.equal((await h.admin.request('DELETE', `${policies}/${everyones.id}`)).status, 204);
  });

  test('what is refused', async () => {
    const net = await h.member.make('networks', 'network', {});
    const foreign = await h.admin.make('networks', 'network', { shared: true });
    const group = await h.member.make('security-groups', 'security_group', { name: 'x' });
    const refused = (policy: object, who: Api = h.member) => who.refused('POST', policies, { [name]: policy });
    const input = (text: string) => [400, 'InvalidInput', `Invalid input for operation: ${text}.`];
    await h.member.make(policies, name, sharing('network', net, h.other.project));
    assert.deepEqual(await refused(sharing('network', net, h.other.project)), [
      409,
      'DuplicateRbacPolicy',
      'An RBAC policy already exists with those values.',
    ]);
    assert.deepEqual(await refused(sharing('netwxork', net, h.other.project)), input("'netwxork' is not a valid RBAC object type"));
    assert.deepEqual(await refused(sharing('constructor', net, h.other.project)), input("'constructor' is not a valid RBAC object type"));
    assert.deepEqual(await refused(sharing('security_group', group, h.other.project, 'access_as_external')), [
      400,
      'InvalidActionForType',
      "Invalid action 'access_as_external' for object type 'security_group'. Valid actions: ('access_as_shared',)",
    ]);
    const notMine = input('Only admins can manipulate policies on networks they do not own');
    assert.deepEqual(await refused(sharing('network', foreign, h.member.project)), notMine);
    // Whether it is there at all is not told.
    assert.deepEqual(await refused(sharing('network', net, h.other.project), h.other), notMine);
    const nowhere = { ...net, id: '00000000-0000-4000-8000-000000000001' };
    assert.deepEqual(await refused(sharing('network', nowhere, h.other.project)), notMine);
    assert.deepEqual(await refused(sharing('network', nowhere, '*'), h.admin), input(`Network ${nowhere.id} could not be found`));
    assert.equal((await refused(sharing('network', net, '*')))[0], 403);
    const [mine] = await h.member.list(`${policies}?object_id=${net.id}`);
    assert.equal((await h.member.request('PUT', `${policies}/${mine?.id}`, { [name]: { target_tenant: '*' } })).status, 403);
    assert.equal((await h.reader.request('PUT', `${policies}/${mine?.id}`, { [name]: { target_tenant: h.other.project } })).status, 403);
    assert.equal((await h.member.request('PUT', `${policies}/${mine?.id}`, { [name]: { object_id: group.id } })).status, 400);
    const { target_tenant: _, ...without } = sharing('network', net, '');
    assert.equal((await refused(without))[2], "Failed to parse request. Required attribute 'target_tenant' not specified");
    assert.deepEqual(await h.member.refused('GET', `${policies}/abc`), [
      404,
      'RbacPolicyNotFound',
      'RBAC policy of type unknown with ID abc not found',
    ]);
  });

  test('a target that is no project and not everyone is refused (Neutron f0d2cad3d8)', async () => {
    const net = await h.admin.make('networks', 'network', {});
    for (const target of ['', 'demo', '**', `${'b'.repeat(32)} `, 'b'.repeat(31)])
      assert.equal((await h.admin.refused('POST', policies, { [name]: sharing('network', net, target) }))[0], 400, target);
    assert.deepEqual(await h.admin.list(`${policies}?object_id=${net.id}`), []);
    await h.admin.make(policies, name, sharing('network', net, 'bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb'));
  });

  test('a network that is shared or not any more has moved on', async () => {
    const net = await h.member.make('networks', 'network', {});
    const revision = async () => Number((await h.member.list(`networks?id=${net.id}`))[0]?.revision_number);
    const before = await revision();
    const policy = await h.member.make(policies, name, sharing('network', net, h.other.project));
    await h.member.request('DELETE', `${policies}/${policy.id}`);
    assert.equal(await revision(), before + 2);
  });
});

test('ten policies, unless the quota says otherwise; what the server makes is counted and not refused', async () => {
  await using h = await start();
  const targets = Array.from({ length: 11 }, (_, i) => `${i}`.padStart(32, 'e'));
  const net = await h.admin.make('networks', 'network', { shared: true });
  const rbac_policies = targets.map(t => sharing('network', net, t));
  assert.deepEqual((await h.admin.refused('POST', policies, { rbac_policies })).slice(0, 2), [409, 'OverQuota']);
  for (const policy of rbac_policies.slice(0, 9)) await h.admin.make(policies, name, policy);
  assert.equal((await h.admin.refused('POST', policies, { [name]: rbac_policies[9] }))[1], 'OverQuota');
  await h.admin.make('networks', 'network', { shared: true });
  const used = async () =>
    ((await h.admin.request('GET', `quotas/${h.admin.project}/details`)).body.quota as Record<string, unknown>)[name];
  assert.deepEqual(await used(), { limit: 10, used: 11, reserved: 0 });
  assert.equal((await h.admin.request('DELETE', `networks/${net.id}`)).status, 204);
  assert.deepEqual(await used(), { limit: 10, used: 1, reserved: 0 });
});

describe('policies, with two servers', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster(2, { quotas: { rbac_policy: -1, network: -1, port: -1, security_group: -1, security_group_rule: -1 } });
    for (const who of ['member', 'other']) await cluster.as(who).list('security-groups');
  });
  after(() => cluster[Symbol.asyncDispose]());

  const made = (answers: readonly Answer[]): Answer[] => answers.filter(a => a.status === 201);

  test('equal policies at once: one', async () => {
    const net = await cluster.as('member').make('networks', 'network', {});
    const policy = sharing('network', net, cluster.as('other').project);
    const answers = await Promise.all(cluster.spread('member', 8).map(api => api.request('POST', policies, { [name]: policy })));
    assert.equal(made(answers).length, 1);
    assert.deepEqual(new Set(answers.map(a => a.status)), new Set([201, 409]));
  });

  test('an access that is taken away while it is used: never a port of a project that does not see its network', async () => {
    for (let round = 0; round < 6; round++) {
      const member = cluster.as('member');
      const net = await member.make('networks', 'network', {});
      const group = await member.make('security-groups', 'security_group', { name: 'g' });
      const own = await cluster.as('other').make('networks', 'network', {});
      const { project } = cluster.as('other');
      const onNet = await member.make(policies, name, sharing('network', net, project));
      const onGroup = await member.make(policies, name, sharing('security_group', group, project));
      const [a, b, c, d] = cluster.spread('member', 4) as unknown as [Api, Api, Api, Api];
      const ports = cluster.spread('other', 4);
      const ask = (network_id: string, more: object) => (api: Api) => api.request('POST', 'ports', { port: { network_id, ...more } });
      const [x, y, ...answers] = await Promise.all([
        (round % 2 === 0 ? a : b).request('DELETE', `${policies}/${onNet.id}`),
        (round % 2 === 0 ? d : c).request('DELETE', `${policies}/${onGroup.id}`),
        ...ports.slice(0, 2).map(ask(net.id, {})),
        ...ports.slice(2).map(ask(own.id, { security_groups: [group.id] })),
      ]);
      assert.equal(x.status === 204, made(answers.slice(0, 2)).length === 0, `${x.status} ${answers.map(r => r.status)}`);
      assert.equal(y.status === 204, made(answers.slice(2)).length === 0, `${y.status} ${answers.map(r => r.status)}`);
    }
  });

  test('a network or a group that goes while it is shared takes the policies with it', async () => {
    for (let round = 0; round < 20; round++) {
      const [path, type] = round % 2 === 0 ? (['networks', 'network'] as const) : (['security-groups', 'security_group'] as const);
      const net = await cluster.as('member').make(path, type, { name: 'x' });
      const [a, ...rest] = cluster.spread('member', 5) as unknown as [Api, ...Api[]];
      await Promise.all([
        setTimeout(round * 2).then(() => a.request('DELETE', `${path}/${net.id}`)),
        ...rest.map((api, i) => api.request('POST', policies, { [name]: sharing(type, net, `${i}`.repeat(32)) })),
      ]);
      await cluster.as('member').request('DELETE', `${path}/${net.id}`);
      assert.deepEqual(await cluster.as('admin').list(`${policies}?object_id=${net.id}`), []);
    }
  });
});
