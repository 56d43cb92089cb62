// Two servers, many clients: a pool gives each prefix out once and to its end, and what is one of a kind stays so.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { parseCidr } from '../../src/domain/net/cidr.ts';
import type { Answer, Api, Body, Made } from './client.ts';
import { type Cluster, startCluster } from './cluster.ts';

const counts = (answers: readonly Answer[]): Record<string, number> => {
  const out: Record<string, number> = {};
  for (const { status, body } of answers) {
    const type = (body?.NeutronError as Body | undefined)?.type;
    const key = type === undefined ? String(status) : `${status} ${type}`;
    out[key] = (out[key] ?? 0) + 1;
  }
  return out;
};

describe('two servers on one database: pools', () => {
  let cluster: Cluster;
  let member: Api;
  let admin: Api;

  before(async () => {
    cluster = await startCluster(2, { quotas: { network: -1, subnet: -1 } });
    member = cluster.as('member');
    admin = cluster.as('admin');
    await member.list('security-groups');
  });
  after(() => cluster[Symbol.asyncDispose]());

  const all = (who: string, count: number, ask: (api: Api, i: number) => Promise<Answer>): Promise<Answer[]> =>
    Promise.all(cluster.spread(who, count).map(ask));
  const pool = (api: Api, attributes: Body): Promise<Made> => api.make('subnetpools', 'subnetpool', { name: 'p', ...attributes });
  const networks = async (count: number): Promise<Made[]> => {
    const body = { networks: Array.from({ length: count }, () => ({})) };
    return (await member.request('POST', 'networks', body)).body.networks as Made[];
  };
  const allocate = (api: Api, net: Made | undefined, from: Made, attributes: Body = {}): Promise<Answer> =>
    api.request('POST', 'subnets', { subnet: { network_id: net?.id, ip_version: 4, subnetpool_id: from.id, ...attributes } });
  const assertDisjoint = (subnets: readonly Body[]): void => {
    const blocks = subnets.map(s => parseCidr(String(s.cidr))!).sort((a, b) => (a.network < b.network ? -1 : 1));
    for (const [i, block] of blocks.entries()) {
      const next = blocks[i + 1];
      if (next) assert.ok(block.network + (1n << BigInt(32 - block.prefix)) <= next.network, `${i}`);
    }
  };

  test('200 subnets of different sizes at once: no two overlap, none is refused', async () => {
    const p = await pool(member, { prefixes: ['10.0.0.0/16'], min_prefixlen: 24 });
    const nets = await networks(200);
    const answers = await all('member', 200, (api, i) => allocate(api, nets[i], p, { prefixlen: 24 + (i % 5) }));
    assert.deepEqual(counts(answers), { 201: 200 });
    const subnets = await member.list(`subnets?subnetpool_id=${p.id}`);
    assert.equal(subnets.length, 200);
    assertDisjoint(subnets);
  });

  test('a pool is given out to its last prefix, and not beyond', async () => {
    const p = await pool(member, { prefixes: ['10.0.0.0/26'], min_prefixlen: 29 });
    const nets = await networks(24);
    const answers = await all('member', 24, (api, i) => allocate(api, nets[i], p));
    assert.deepEqual(counts(answers), { 201: 8, '409 SubnetAllocationError': 16 });
    assertDisjoint(await member.list(`subnets?subnetpool_id=${p.id}`));
  });

  test("a project's quota of a pool is exact", async () => {
    const p = await pool(member, { prefixes: ['10.0.0.0/16'], min_prefixlen: 28, default_quota: 160 });
    const nets = await networks(30);
    assert.deepEqual(counts(await all('member', 30, (api, i) => allocate(api, nets[i], p))), {
      201: 10,
      '409 SubnetPoolQuotaExceeded': 20,
    });
  });

  test('prefixes that go are in no subnet, and no subnet is outside the prefixes', async () => {
    for (let round = 0; round < 8; round++) {
      const p = await pool(member, { prefixes: ['10.0.0.0/24'], min_prefixlen: 25 });
      const nets = await networks(2);
      await all('member', 3, (api, i) =>
        i === 1 ? api.request('PUT', `subnetpools/${p.id}/remove_prefixes`, { prefixes: ['10.0.0.0/24'] }) : allocate(api, nets[i % 2], p),
      );
      const left = ((await member.list(`subnetpools?id=${p.id}`))[0]?.prefixes as string[]).length;
      const subnets = (await member.list(`subnets?subnetpool_id=${p.id}`)).length;
      assert.ok(left === 0 ? subnets === 0 : subnets === 2, `${left} prefixes, ${subnets} subnets`);
    }
  });

  test('a pool that goes is the pool of no subnet', async () => {
    for (let round = 0; round < 8; round++) {
      const p = await pool(member, { prefixes: ['10.0.0.0/24'], min_prefixlen: 28 });
      const nets = await networks(3);
      const answers = await all('member', 4, (api, i) =>
        i === 2 ? api.request('DELETE', `subnetpools/${p.id}`) : allocate(api, nets[i % 3], p),
      );
      const gone = answers[2]?.status === 204;
      assert.equal((await member.list(`subnets?subnetpool_id=${p.id}`)).length, gone ? 0 : 3);
    }
  });

  test('one default pool, and disjoint pools of one scope, whoever is first', async () => {
    const made = await all('admin', 12, (api, i) =>
      api.request('POST', 'subnetpools', { subnetpool: { name: 'd', prefixes: [`10.${i}.0.0/16`], is_default: true } }),
    );
    assert.deepEqual(counts(made), { 201: 1, '400 InvalidInput': 11 });
    const scope = await admin.make('address-scopes', 'address_scope', { ip_version: 4 });
    const joined = await all('admin', 12, (api, i) =>
      api.request('POST', 'subnetpools', { subnetpool: { name: 's', prefixes: [`10.0.0.0/${12 + i}`], address_scope_id: scope.id } }),
    );
    assert.deepEqual(counts(joined), { 201: 1, '409 AddressScopePrefixConflict': 11 });
  });

  test('pools of one scope do not grow into each other, and no scope goes that has a pool', async () => {
    for (let round = 0; round < 10; round++) {
      const { id } = await admin.make('address-scopes', 'address_scope', { ip_version: 4 });
      const [a, b] = [
        await pool(admin, { prefixes: ['10.128.0.0/16'], address_scope_id: id }),
        await pool(admin, { prefixes: ['10.130.0.0/16'], address_scope_id: id }),
      ];
      const grown = await all('admin', 2, (api, i) =>
        api.request('PUT', `subnetpools/${[a, b][i]?.id}/add_prefixes`, { prefixes: ['10.129.0.0/16'] }),
      );
      assert.deepEqual(counts(grown), { 200: 1, '409 AddressScopePrefixConflict': 1 });
      const brief = await admin.make('address-scopes', 'address_scope', { ip_version: 4 });
      const [gone, made] = await all('admin', 2, (api, i) =>
        i === 0
          ? api.request('DELETE', `address-scopes/${brief.id}`)
          : api.request('POST', 'subnetpools', { subnetpool: { name: 's', prefixes: ['10.0.0.0/8'], address_scope_id: brief.id } }),
      );
      assert.notEqual(gone?.status === 204, made?.status === 201, `${gone?.status} ${made?.status}`);
    }
  });

  test('a network is not torn between scopes', async () => {
    for (let round = 0; round < 8; round++) {
      const [s, t] = [
        await admin.make('address-scopes', 'address_scope', { ip_version: 4 }),
        await admin.make('address-scopes', 'address_scope', { ip_version: 4 }),
      ];
      const a = await pool(admin, { prefixes: ['10.0.0.0/16'], address_scope_id: s.id, min_prefixlen: 24 });
      const b = await pool(admin, { prefixes: ['10.1.0.0/16'], address_scope_id: s.id, min_prefixlen: 24 });
      const net = await admin.make('networks', 'network', {});
      await allocate(admin, net, a);
      const [moved, added] = await all('admin', 2, (api, i) =>
        i === 0 ? api.request('PUT', `subnetpools/${a.id}`, { subnetpool: { address_scope_id: t.id } }) : allocate(api, net, b),
      );
      assert.notEqual(moved?.status === 200, added?.status === 201, `${moved?.status} ${added?.status}`);
    }
  });

  test('subnets that join a pool at once join one, and meet no allocation', async () => {
    for (let round = 0; round < 6; round++) {
      const p = await pool(member, { prefixes: ['10.0.0.0/24'], min_prefixlen: 25 });
      const [net, fresh] = await networks(2);
      await member.make('subnets', 'subnet', { network_id: net?.id, ip_version: 4, cidr: '10.0.0.0/25' });
      const answers = await all('member', 3, (api, i) =>
        i === 1 ? allocate(api, fresh, p) : api.request('PUT', `subnetpools/${p.id}/onboard_network_subnets`, { network_id: net?.id }),
      );
      assertDisjoint(await member.list(`subnets?subnetpool_id=${p.id}`));
      assert.ok([0, 1].includes(answers.filter((a, i) => i !== 1 && a.status === 200).length));
    }
  });
});
