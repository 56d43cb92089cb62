// The default external network, and topologies that are made by asking for them: once, whoever asks and whatever happens meanwhile.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Api, Body, Made } from './client.ts';
import { startCluster } from './cluster.ts';
import { type Harness, start } from './harness.ts';
import { openDatabase } from './open-database.ts';

const external = { name: 'out', 'router:external': true, is_default: true };

describe('the default external network', () => {
  let h: Harness;
  before(async () => {
    h = await start();
  });
  after(() => h[Symbol.asyncDispose]());

  const put = (id: string, attributes: Body) => h.admin.request('PUT', `networks/${id}`, { network: attributes });
  const isDefault = async (id: string): Promise<unknown> => ((await h.admin.list(`networks?id=${id}`))[0] as Body).is_default;

  test('there is one, only external networks are, and only administrators say so', async () => {
    const first = await h.admin.make('networks', 'network', external);
    assert.equal(first.is_default, true);
    const second = await h.admin.refused('POST', 'networks', { network: external });
    assert.deepEqual(second, [409, 'DefaultExternalNetworkExists', `A default external network already exists: ${first.id}.`]);
    assert.deepEqual((await h.admin.refused('POST', 'networks', { network: { is_default: 'true' } })).slice(0, 2), [
      409,
      'DefaultExternalNetworkExists',
    ]);
    const other = await h.admin.make('networks', 'network', { 'router:external': true });
    assert.deepEqual([other.is_default, await isDefault(other.id)], [false, false]);
    assert.deepEqual((await put(other.id, { is_default: true })).status, 409);
    assert.deepEqual((await put(first.id, { is_default: true })).status, 200);
    assert.deepEqual(
      (await h.admin.list('networks?is_default=True')).map(n => n.id),
      [first.id],
    );
    assert.equal((await put(first.id, { is_default: false })).status, 200);
    assert.equal((await put(other.id, { is_default: true })).status, 200);
    assert.deepEqual([await isDefault(first.id), await isDefault(other.id)], [false, true]);
    // No longer external, no longer the default; external again, not the default again.
    assert.equal((await put(other.id, { 'router:external': false })).status, 200);
    assert.equal(await isDefault(other.id), undefined);
    assert.equal((await put(other.id, { 'router:external': true })).status, 200);
    assert.equal(await isDefault(other.id), false);
    const inner = await h.admin.make('networks', 'network', { is_default: true });
    assert.deepEqual([inner.is_default, await isDefault(inner.id)], [true, undefined]);
    const refused = await h.member.refused('POST', 'networks', { network: { is_default: true } });
    assert.deepEqual(refused.slice(0, 2), [403, 'PolicyNotAuthorized']);
    assert.equal((await h.member.make('networks', 'network', { is_default: false })).is_default, false);
    const twins = await h.admin.refused('POST', 'networks', { networks: [external, external] });
    assert.deepEqual(twins.slice(0, 2), [409, 'DefaultExternalNetworkExists']);
  });

  test('two processes: one is the default', async () => {
    await using two = await startCluster(2);
    const made = await Promise.all(two.spread('admin', 10).map(api => api.request('POST', 'networks', { network: external })));
    assert.deepEqual(made.map(m => m.status).sort(), [201, ...Array(9).fill(409)]);
    const all = (await two.as('admin').list('networks?fields=id&fields=is_default')).filter(n => n.is_default === true);
    await two.as('admin').request('PUT', `networks/${all[0]?.id}`, { network: { is_default: false } });
    const nets = await Promise.all(two.spread('admin', 4).map(api => api.make('networks', 'network', { 'router:external': true })));
    for (let round = 0; round < 10; round++) {
      const chosen = await Promise.all(
        two.spread('admin', 4).map((api, n) => api.request('PUT', `networks/${nets[n]?.id}`, { network: { is_default: true } })),
      );
      assert.deepEqual(chosen.map(c => c.status).sort(), [200, 409, 409, 409]);
      const first = nets[chosen.findIndex(c => c.status === 200)];
      await two.as('admin').request('PUT', `networks/${first?.id}`, { network: { is_default: false } });
    }
  });
});

interface Deployment {
  readonly out: Made;
  readonly pools: readonly Made[];
}

/** What topologies are made of. */
async function deploy(admin: Api, prefixes: readonly string[] = ['10.88.0.0/16', 'fd88::/48']): Promise<Deployment> {
  const out = await admin.make('networks', 'network', external);
  await admin.make('subnets', 'subnet', { network_id: out.id, ip_version: 4, cidr: '203.0.113.0/24', enable_dhcp: false });
  const pools: Made[] = [];
  for (const prefix of prefixes) {
    const length = prefix.includes(':') ? 64 : 24;
    const pool = { name: 'd', prefixes: [prefix], default_prefixlen: length, is_default: true, shared: true };
    pools.push(await admin.make('subnetpools', 'subnetpool', pool));
  }
  return { out, pools };
}

const url = (api: Api): string => `auto-allocated-topology/${api.project}`;

describe('automatic topologies', () => {
  let h: Harness;
  let deployment: Deployment;
  before(async () => {
    h = await start({ quotas: { network: -1, router: -1 } });
  });
  after(() => h[Symbol.asyncDispose]());

  const refused = (query = '') => h.member.refused('GET', `${url(h.member)}${query}`);
  const failed = (reason: string) => [409, 'AutoAllocationFailure', `Deployment error: ${reason}.`];

  test('without what it takes there is none, and nothing is left behind', async () => {
    for (const query of ['', '?fields=dry-run']) assert.deepEqual(await refused(query), failed('No default router:external network'));
    const out = await h.admin.make('networks', 'network', external);
    assert.deepEqual(await refused('?fields=dry-run'), failed('No default subnetpools defined'));
    assert.deepEqual(await refused(), failed('Unable to provide tenant private network'));
    const tiny = { name: 'd', prefixes: ['10.0.0.0/24'], min_prefixlen: 24, default_prefixlen: 24, is_default: true, shared: true };
    const pool = await h.admin.make('subnetpools', 'subnetpool', tiny);
    const net = await h.admin.make('networks', 'network', {});
    const last = await h.admin.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, subnetpool_id: pool.id });
    assert.deepEqual(await refused(), failed('Unable to provide tenant private network'));
    await h.admin.request('DELETE', `subnets/${last.id}`);
    // The way out overlaps with what is inside.
    await h.admin.make('subnets', 'subnet', { network_id: out.id, ip_version: 4, cidr: '10.0.0.0/24', enable_dhcp: false });
    assert.deepEqual(await refused(), failed('Unable to provide external connectivity'));
    for (const what of ['networks?name=auto_allocated_network', 'subnets', 'routers', 'ports'])
      assert.deepEqual(await h.member.list(what), []);
    assert.equal(await h.server.store.count('auto_allocated_topologies'), 0);
    const usage = (await h.member.request('GET', `quotas/${h.member.project}/details`)).body.quota as Record<string, Body>;
    assert.deepEqual(
      ['network', 'subnet', 'router', 'port'].map(name => usage[name]?.used),
      [0, 0, 0, 0],
    );
    for (const path of [`networks/${out.id}`, `subnetpools/${pool.id}`]) assert.equal((await h.admin.request('DELETE', path)).status, 204);
    deployment = await deploy(h.admin);
  });

  test('a GET makes it, and answers it ever after', async () => {
    const dry = await h.member.request('GET', `${url(h.member)}?fields=dry-run`);
    assert.deepEqual(dry.body, { auto_allocated_topology: { id: 'dry-run=pass', tenant_id: h.member.project } });
    assert.deepEqual((await refused('?fields=id')).slice(0, 2), [400, 'BadRequest']);
    assert.deepEqual(await h.member.list('routers'), []);
    const { status, body } = await h.member.request('GET', url(h.member));
    const topology = body.auto_allocated_topology as Made;
    assert.deepEqual([status, topology], [200, { id: topology.id, project_id: h.member.project, tenant_id: h.member.project }]);
    for (const [api, path] of [
      [h.member, url(h.member)],
      [h.member, 'auto-allocated-topology/None'],
      [h.member, 'auto_allocated_topology/None'],
      [h.reader, url(h.member)],
      [h.admin, url(h.member)],
    ] as const) {
      assert.deepEqual((await api.request('GET', path)).body, body, path);
    }
    const [net] = await h.member.list(`networks?id=${topology.id}`);
    assert.deepEqual([net?.name, net?.admin_state_up, net?.project_id], ['auto_allocated_network', true, h.member.project]);
    const subnets = await h.member.list(`subnets?network_id=${topology.id}&sort_key=ip_version&sort_dir=asc`);
    assert.deepEqual(
      subnets.map(s => [s.name, s.cidr, s.gateway_ip, s.subnetpool_id]),
      [
        ['auto_allocated_subnet_v4', '10.88.0.0/24', '10.88.0.1', deployment.pools[0]?.id],
        ['auto_allocated_subnet_v6', 'fd88::/64', 'fd88::1', deployment.pools[1]?.id],
      ],
    );
    const [router, ...more] = await h.member.list('routers');
    const gateway = router?.external_gateway_info as Body;
    assert.deepEqual([router?.name, gateway.network_id, more], ['auto_allocated_router', deployment.out.id, []]);
    const interfaces = await h.member.list(`ports?network_id=${topology.id}`);
    assert.deepEqual(interfaces.flatMap(p => (p.fixed_ips as Body[]).map(f => f.ip_address)).sort(), ['10.88.0.1', 'fd88::1']);
  });

  test('whose project it is not, hears nothing of it; who only reads, does not remove it', async () => {
    for (const method of ['GET', 'DELETE']) {
      assert.deepEqual((await h.other.refused(method, url(h.member))).slice(0, 2), [404, 'ObjectNotFound']);
      assert.deepEqual((await h.nobody.refused(method, url(h.member))).slice(0, 2), [404, 'ObjectNotFound']);
    }
    assert.deepEqual((await h.reader.refused('DELETE', url(h.member))).slice(0, 2), [403, 'PolicyNotAuthorized']);
    for (const [method, path] of [
      ['GET', 'auto-allocated-topology'],
      ['POST', 'auto-allocated-topology'],
      ['PUT', url(h.member)],
    ] as const) {
      const body = method === 'GET' ? undefined : { auto_allocated_topology: {} };
      assert.equal((await h.member.request(method, path, body)).status, 405, method);
    }
  });

  test('removed, with what it was made of, and not below who uses it', async () => {
    const { id } = (await h.member.request('GET', url(h.member))).body.auto_allocated_topology as Made;
    const port = await h.member.make('ports', 'port', { network_id: id });
    assert.deepEqual((await h.member.refused('DELETE', url(h.member))).slice(0, 2), [409, 'NetworkInUse']);
    assert.deepEqual(await h.member.list('routers'), []);
    assert.equal(((await h.member.request('GET', url(h.member))).body.auto_allocated_topology as Made).id, id);
    await h.member.request('DELETE', `ports/${port.id}`);
    for (let i = 0; i < 2; i++) assert.equal((await h.member.request('DELETE', url(h.member))).status, 204);
    for (const what of ['networks?name=auto_allocated_network', 'subnets', 'routers', 'ports'])
      assert.deepEqual(await h.member.list(what), []);
    const again = (await h.member.request('GET', url(h.member))).body.auto_allocated_topology as Made;
    assert.notEqual(again.id, id);
    // The network by itself takes the memory of it along.
    const [router] = await h.member.list('routers');
    for (const { id: port_id } of await h.member.list(`ports?network_id=${again.id}`))
      await h.member.request('PUT', `routers/${router?.id}/remove_router_interface`, { port_id });
    assert.equal((await h.member.request('DELETE', `networks/${again.id}`)).status, 204);
    const third = (await h.member.request('GET', url(h.member))).body.auto_allocated_topology as Made;
    assert.notEqual(third.id, again.id);
    assert.equal((await h.member.request('DELETE', url(h.member))).status, 204);
  });

  test('two processes: one for each project, of whole parts', async () => {
    await using two = await startCluster(2);
    await deploy(two.as('admin'));
    const answers = await Promise.all(
      [...two.spread('member', 12), ...two.spread('other', 4)].map(api => api.request('GET', 'auto-allocated-topology/None')),
    );
    assert.deepEqual(new Set(answers.map(a => a.status)), new Set([200]));
    assert.equal(new Set(answers.map(a => (a.body.auto_allocated_topology as Made).id)).size, 2);
    for (const who of ['member', 'other']) await whole(two.as(who));
    const torn = await Promise.all(
      two.spread('member', 12).map((api, i) => api.request(i % 3 === 0 ? 'DELETE' : 'GET', 'auto-allocated-topology/None')),
    );
    for (const { status, body } of torn) assert.ok([200, 204].includes(status), `${status} ${JSON.stringify(body)}`);
    assert.equal((await two.as('member').request('GET', 'auto-allocated-topology/None')).status, 200);
    await whole(two.as('member'));
    for (const who of ['member', 'other']) assert.equal((await two.as(who).request('DELETE', 'auto-allocated-topology/None')).status, 204);
    await using store = await openDatabase(two.file);
    for (const table of ['auto_allocated_topologies', 'routers', 'router_ports', 'subnets'])
      assert.equal(await store.count(table), table === 'subnets' ? 1 : 0, table);
  });

  test('a server that ends in the middle leaves it to the next', async () => {
    await using one = await startCluster(1);
    await deploy(one.as('admin'));
    for (let round = 0; round < 3; round++) {
      const brief = await one.join();
      const project = `member@${String(round).padStart(32, 'e')}`;
      const ended = brief
        .as(project)
        .request('GET', 'auto-allocated-topology/None')
        .catch(() => undefined);
      await new Promise(resolve => setTimeout(resolve, 8 + round * 10));
      await brief.kill();
      await ended;
      assert.equal((await one.as(project).request('GET', 'auto-allocated-topology/None')).status, 200);
      await whole(one.as(project));
    }
  });
});

/** One network, switched on, with both subnets on one router with a gateway. */
async function whole(api: Api): Promise<void> {
  const nets = (await api.list('networks?name=auto_allocated_network')).filter(n => n.project_id === api.project);
  assert.deepEqual(
    nets.map(n => [n.admin_state_up, (n.subnets as string[]).length]),
    [[true, 2]],
  );
  const routers = await api.list('routers');
  assert.deepEqual(
    routers.map(r => r.external_gateway_info !== null),
    [true],
  );
  const ports = await api.list(`ports?network_id=${nets[0]?.id}&device_id=${routers[0]?.id}`);
  assert.equal(new Set(ports.flatMap(p => (p.fixed_ips as Body[]).map(f => f.subnet_id))).size, 2);
}
