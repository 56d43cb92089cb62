// QoS policies in two server processes on one database: whoever comes second notices.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Store } from '../../src/contracts/store.ts';
import type { Api, Body, Made } from './client.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { openDatabase } from './open-database.ts';

const rounds = 8;

describe('QoS in two processes', () => {
  let two: Cluster;
  let store: Store & AsyncDisposable;
  before(async () => {
    two = await startCluster(2, { quotas: { network: -1, port: -1, router: -1 } });
    store = await openDatabase(two.file);
  });
  after(async () => {
    await store[Symbol.asyncDispose]();
    await two[Symbol.asyncDispose]();
  });

  const policy = (attributes: Body = {}): Promise<Made> => two.as('admin').make('qos/policies', 'policy', attributes);
  const statuses = async (requests: readonly Promise<{ readonly status: number }>[]): Promise<number[]> =>
    (await Promise.all(requests)).map(r => r.status);
  const [here, there] = [0, 1].map(
    i =>
      (who: string): Api =>
        two.spread(who, 2)[i] as Api,
  ) as [(who: string) => Api, (who: string) => Api];

  test('one default of a project', async () => {
    const clients = two.spread('admin', 8);
    const got = await statuses(clients.map(api => api.request('POST', 'qos/policies', { policy: { is_default: true } })));
    assert.deepEqual(got.toSorted(), [201, ...Array(7).fill(409)]);
    const [made] = await two.as('admin').list('qos/policies?is_default=true');
    const others = await Promise.all([policy(), policy(), policy(), policy()]);
    await two.as('admin').request('PUT', `qos/policies/${made!.id}`, { policy: { is_default: false } });
    const set = others.map((p, i) => two.spread('admin', 4)[i]!.request('PUT', `qos/policies/${p.id}`, { policy: { is_default: true } }));
    assert.deepEqual((await statuses(set)).toSorted(), [200, 409, 409, 409]);
    assert.equal((await two.as('admin').list('qos/policies?is_default=true')).length, 1);
    for (const p of await two.as('admin').list('qos/policies?is_default=true'))
      await two.as('admin').request('DELETE', `qos/policies/${p.id}`);
  });

  test('one rule of a type and direction, and none that contradicts another', async () => {
    for (let round = 0; round < rounds; round++) {
      const p = await policy();
      const path = `qos/policies/${p.id}`;
      const limit = (api: Api, max_kbps: number) =>
        api.request('POST', `${path}/bandwidth_limit_rules`, { bandwidth_limit_rule: { max_kbps } });
      const minimum = (api: Api, min_kbps: number) =>
        api.request('POST', `${path}/minimum_bandwidth_rules`, { minimum_bandwidth_rule: { min_kbps } });
      const twins = await statuses([
        limit(here('admin'), 100),
        limit(there('admin'), 100),
        limit(here('admin'), 100),
        limit(there('admin'), 100),
      ]);
      assert.deepEqual(twins.toSorted(), [201, 409, 409, 409]);
      const q = await policy();
      const either = await statuses([
        here('admin').request('POST', `qos/policies/${q.id}/bandwidth_limit_rules`, { bandwidth_limit_rule: { max_kbps: 100 } }),
        there('admin').request('POST', `qos/policies/${q.id}/minimum_bandwidth_rules`, { minimum_bandwidth_rule: { min_kbps: 200 } }),
      ]);
      assert.deepEqual(either.toSorted(), [201, 409]);
      assert.equal((await minimum(here('admin'), 200)).status, 409);
    }
  });

  test('a policy that goes is used by nobody, and leaves no rules', async () => {
    const net = await two.as('admin').make('networks', 'network', {});
    for (let round = 0; round < rounds; round++) {
      const p = await policy();
      const body: Body = { qos_policy_id: p.id };
      const got = await statuses([
        here('admin').request('DELETE', `qos/policies/${p.id}`),
        there('admin').request('POST', 'ports', { port: { network_id: net.id, ...body } }),
        here('admin').request('POST', 'networks', { network: body }),
        there('admin').request('POST', `qos/policies/${p.id}/bandwidth_limit_rules`, { bandwidth_limit_rule: { max_kbps: 1 } }),
      ]);
      const left = await store.count('qos_policies', { eq: ['id', p.id] });
      const users =
        (await store.count('ports', { eq: ['qos_policy_id', p.id] })) + (await store.count('networks', { eq: ['qos_policy_id', p.id] }));
      const rules = await store.count('qos_bandwidth_limit_rules', { eq: ['qos_policy_id', p.id] });
      assert.equal(left, got[0] === 204 ? 0 : 1, String(got));
      if (left === 0) assert.deepEqual([users, rules], [0, 0], String(got));
      else assert.equal(got[0], 409);
    }
  });

  test('a rule that no driver knows and a port do not meet', async () => {
    for (let round = 0; round < rounds; round++) {
      const p = await policy();
      const net = await two.as('admin').make('networks', 'network', {});
      const other = await two.as('admin').make('networks', 'network', { qos_policy_id: p.id });
      const make = (api: Api, body: Body) => api.request('POST', 'ports', { port: body });
      await Promise.all([
        make(here('admin'), { network_id: net.id, qos_policy_id: p.id }),
        there('admin').request('POST', `qos/policies/${p.id}/minimum_bandwidth_rules`, { minimum_bandwidth_rule: { min_kbps: 1 } }),
        make(here('admin'), { network_id: other.id }),
      ]);
      const ports = await store.count('ports', { in: ['network_id', [net.id, other.id]] });
      const rules = await store.count('qos_minimum_bandwidth_rules', { eq: ['qos_policy_id', p.id] });
      assert.ok(ports === 0 || rules === 0, `${ports} ports, ${rules} rules`);
      assert.ok(ports + rules > 0);
    }
  });

  test('sharing that ends, and another project that begins to use the policy', async () => {
    const member = two.as('member').project;
    for (let round = 0; round < rounds * 2; round++) {
      const p = await policy();
      const entry = await two.as('admin').make('rbac-policies', 'rbac_policy', {
        ...{ object_type: 'qos_policy', object_id: p.id, action: 'access_as_shared', target_tenant: member },
      });
      const [ended, used] = await statuses([
        here('admin').request('DELETE', `rbac-policies/${entry.id}`),
        there('member').request('POST', 'networks', { network: { qos_policy_id: p.id } }),
      ]);
      assert.ok((ended === 204 && used === 404) || (ended === 409 && used === 201), `${ended} ${used}`);
    }
  });
});
