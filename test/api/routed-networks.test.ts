// Routed networks: subnets on segments, and ports whose addresses are of the segment of their host.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { addAgents } from './agent-rows.ts';
import type { Api, Made } from './client.ts';
import { startCluster } from './cluster.ts';
import { type Body, beat, type Harness, start } from './harness.ts';

const racks = { p1: [[1, 99]], p2: [[1, 99]], p3: [[1, 99]] } as const;

describe('routed networks', () => {
  let h: Harness;
  let net: Made;
  let first: Made;
  let second: Made;
  let here: Made;
  let there: Made;

  before(async () => {
    h = await start({ vlanRanges: racks, quotas: { network: -1, port: -1 } });
    await beat(h, 'r1', { interface_mappings: { p1: 'eth1' } });
    await beat(h, 'r22', { bridge_mappings: { p2: 'br1' }, interface_mappings: {} });
    await beat(h, 'both', { interface_mappings: { p1: 'eth1', p2: 'eth2' } });
    await beat(h, 'neither', { interface_mappings: { p3: 'eth1' } });
    net = await h.admin.make('networks', 'network', { 'provider:network_type': 'vlan', 'provider:physical_network': 'p1', shared: true });
    [first] = (await h.admin.list(`segments?network_id=${net.id}`)) as [Made];
    second = await h.admin.make('segments', 'segment', { network_id: net.id, network_type: 'vlan', physical_network: 'p2' });
    here = await subnet('10.1.0.0/24', first.id);
    there = await subnet('10.2.0.0/24', second.id);
  });
  after(() => h[Symbol.asyncDispose]());

  const subnet = (cidr: string, segment_id?: string, network_id = net.id): Promise<Made> =>
    h.admin.make('subnets', 'subnet', { network_id, ip_version: 4, cidr, ...(segment_id ? { segment_id } : {}) });
  const port = (attributes: Body = {}): Promise<Made> => h.admin.make('ports', 'port', { network_id: net.id, ...attributes });
  const refusedPort = (attributes: Body) => h.admin.refused('POST', 'ports', { port: { network_id: net.id, ...attributes } });
  const prefixes = (p: Body): string[] => (p.fixed_ips as { ip_address: string }[]).map(f => f.ip_address.split('.').slice(0, 2).join('.'));
  const put = (id: string, attributes: Body) => h.admin.request('PUT', `ports/${id}`, { port: attributes });

  test('the network says that it is no single link; subnets know their segments and the way to each other', async () => {
    assert.equal((await h.member.list(`networks?id=${net.id}`))[0]?.l2_adjacency, false);
    const [a] = await h.admin.list(`subnets?segment_id=${first.id}`);
    assert.deepEqual([a?.id, a?.host_routes], [here.id, [{ destination: '10.2.0.0/24', nexthop: '10.1.0.1' }]]);
    assert.deepEqual(there.host_routes, [{ destination: '10.1.0.0/24', nexthop: '10.2.0.1' }]);
    assert.equal(Object.hasOwn((await h.member.list(`subnets?id=${here.id}`))[0] as Body, 'segment_id'), false);
    const flat = await h.admin.make('networks', 'network', {});
    assert.equal(flat.l2_adjacency, true);
  });

  test('a port with a host has addresses of its segment', async () => {
    const at = async (host: string) => prefixes(await port({ 'binding:host_id': host }));
    assert.deepEqual([await at('r1'), await at('r22')], [['10.1'], ['10.2']]);
    const bound = await port({ 'binding:host_id': 'r22' });
    assert.deepEqual([bound.ip_allocation, bound['binding:vif_type']], ['immediate', 'bridge']);
    const none = `Host neither is not connected to any segments on routed provider network '${net.id}'.  It should be connected to one.`;
    assert.deepEqual(await refusedPort({ 'binding:host_id': 'neither' }), [409, 'HostNotConnectedToAnySegment', none]);
    const several = `Host both is connected to multiple segments on routed provider network '${net.id}'.  It should be connected to one.`;
    assert.deepEqual(await refusedPort({ 'binding:host_id': 'both' }), [409, 'HostConnectedToMultipleSegments', several]);
  });

  test('without one it waits, and gets them with its host', async () => {
    const waiting = await port();
    assert.deepEqual([waiting.ip_allocation, waiting.fixed_ips], ['deferred', []]);
    assert.deepEqual(
      (await h.admin.list('ports?ip_allocation=deferred')).map(p => p.id),
      [waiting.id],
    );
    const { body } = await put(waiting.id, { 'binding:host_id': 'r22' });
    assert.deepEqual(prefixes(body.port as Body), ['10.2']);
    const none = await port({ fixed_ips: [] });
    assert.deepEqual([none.ip_allocation, none.fixed_ips], ['none', []]);
    const { body: still } = await put(none.id, { 'binding:host_id': 'r22' });
    assert.deepEqual((still.port as Body).fixed_ips, []);
  });

  test('or it names its subnet, and goes only where that is', async () => {
    const named = await port({ fixed_ips: [{ subnet_id: there.id }] });
    assert.deepEqual([prefixes(named), named.ip_allocation], [['10.2'], 'immediate']);
    const both = await refusedPort({ fixed_ips: [{ subnet_id: here.id }, { subnet_id: there.id }] });
    assert.deepEqual(both, [400, 'FixedIpsSubnetsNotOnSameSegment', 'Cannot allocate addresses from different segments.']);
    const wrong = await h.admin.refused('PUT', `ports/${named.id}`, { port: { 'binding:host_id': 'r1' } });
    assert.deepEqual(wrong.slice(0, 2), [409, 'HostNotCompatibleWithFixedIps']);
    assert.equal((await put(named.id, { 'binding:host_id': 'r22' })).status, 200);
    assert.equal((await put(named.id, { name: 'x', 'binding:host_id': 'r22' })).status, 200);
  });

  test('subnets of one network are all on segments, or none is', async () => {
    const add = (more: Body) =>
      h.admin.refused('POST', 'subnets', { subnet: { network_id: net.id, ip_version: 4, cidr: '10.9.0.0/24', ...more } });
    assert.deepEqual((await add({})).slice(0, 2), [400, 'SubnetsNotAllAssociatedWithSegments']);
    assert.deepEqual((await add({ segment_id: net.id })).slice(0, 2), [404, 'SegmentNotFound']);
    const other = await h.admin.make('networks', 'network', {});
    const [foreign] = (await h.admin.list(`segments?network_id=${other.id}`)) as [Made];
    const match = `The subnet's network id, '${net.id}', doesn't match the network_id of segment '${foreign.id}'`;
    assert.deepEqual(await add({ segment_id: foreign.id }), [400, 'NetworkIdsDontMatch', match]);
    assert.equal(
      (
        await h.member.refused('POST', 'subnets', {
          subnet: { network_id: net.id, ip_version: 4, cidr: '10.9.0.0/24', segment_id: first.id },
        })
      )[0],
      403,
    );
  });

  test('the one subnet of a network of one segment can be put on it, once', async () => {
    const own = await h.admin.make('networks', 'network', { 'provider:network_type': 'vlan', 'provider:physical_network': 'p1' });
    const [segment] = (await h.admin.list(`segments?network_id=${own.id}`)) as [Made];
    const plain = await subnet('10.1.0.0/24', undefined, own.id);
    const move = (segment_id: string | null) => h.admin.refused('PUT', `subnets/${plain.id}`, { subnet: { segment_id } });
    assert.equal((await move(segment.id))[0], 200);
    assert.equal((await h.admin.list(`networks?id=${own.id}`))[0]?.l2_adjacency, false);
    assert.equal((await move(segment.id))[0], 200);
    assert.deepEqual((await move(null)).slice(0, 2), [400, 'SubnetSegmentAssociationChangeNotAllowed']);
    assert.equal(
      (await h.admin.refused('PUT', `subnets/${here.id}`, { subnet: { segment_id: second.id } }))[1],
      'SubnetsNotAllAssociatedWithSegments',
    );
  });

  test('a segment with subnets or bound ports stays', async () => {
    const text = `Segment '${first.id}' cannot be deleted: The segment is still associated with subnet(s) ${here.id}.`;
    assert.deepEqual(await h.admin.refused('DELETE', `segments/${first.id}`), [409, 'SegmentInUse', text]);
    const own = await h.admin.make('networks', 'network', { 'provider:network_type': 'vlan', 'provider:physical_network': 'p1' });
    const [segment] = (await h.admin.list(`segments?network_id=${own.id}`)) as [Made];
    const bound = await h.admin.make('ports', 'port', { network_id: own.id, 'binding:host_id': 'r1' });
    const ports = `Segment '${segment.id}' cannot be deleted: The segment is still bound with 1 port(s).`;
    assert.deepEqual(await h.admin.refused('DELETE', `segments/${segment.id}`), [409, 'SegmentInUse', ports]);
    await h.admin.request('DELETE', `ports/${bound.id}`);
    assert.equal((await h.admin.request('DELETE', `segments/${segment.id}`)).status, 204);
  });

  test('each segment has a DHCP agent, which serves the subnets of its own and knows the others', async () => {
    const agents = (await h.admin.request('GET', `networks/${net.id}/dhcp-agents`)).body.agents as Body[];
    // One on both segments would serve both.
    for (const places of [
      ['r1', 'both'],
      ['r22', 'both'],
    ])
      assert.ok(
        agents.some(a => places.includes(String(a.host))),
        String(places),
      );
    const ask = async (host: string) => (await h.rpc('q-plugin', 'get_network_info', { network_id: net.id, host }, '1.0')) as Body;
    const at = await ask('r22');
    assert.deepEqual(
      (at.subnets as Body[]).map(s => s.id),
      [there.id],
    );
    assert.deepEqual(
      (at.non_local_subnets as Body[]).map(s => s.id),
      [here.id],
    );
    const hosts = new Map((at.segments as Body[]).map(s => [s.id, [...(s.hosts as string[])].sort()]));
    assert.deepEqual(
      [hosts.get(first.id), hosts.get(second.id)],
      [
        ['both', 'r1'],
        ['both', 'r22'],
      ],
    );
  });

  test('routes to a subnet follow its gateway, and go with it', async () => {
    const own = await h.admin.make('networks', 'network', { 'provider:network_type': 'vlan', 'provider:physical_network': 'p1' });
    const [one] = (await h.admin.list(`segments?network_id=${own.id}`)) as [Made];
    const two = await h.admin.make('segments', 'segment', { network_id: own.id, network_type: 'vlan', physical_network: 'p2' });
    const left = await subnet('10.1.0.0/24', one.id, own.id);
    const right = await subnet('10.2.0.0/24', two.id, own.id);
    const routes = async (): Promise<unknown> => (await h.admin.list(`subnets?id=${left.id}`))[0]?.host_routes;
    assert.deepEqual(await routes(), [{ destination: '10.2.0.0/24', nexthop: '10.1.0.1' }]);
    const moved = { gateway_ip: '10.1.0.2', allocation_pools: [{ start: '10.1.0.9', end: '10.1.0.99' }] };
    assert.equal((await h.admin.request('PUT', `subnets/${left.id}`, { subnet: moved })).status, 200);
    assert.deepEqual(await routes(), [{ destination: '10.2.0.0/24', nexthop: '10.1.0.2' }]);
    await h.admin.request('DELETE', `subnets/${right.id}`);
    assert.deepEqual(await routes(), []);
  });
});

test('in two processes: no mixed network, no subnet on a segment that is gone', async () => {
  await using cluster = await startCluster(2, { vlanRanges: racks, quotas: { network: -1, subnet: -1 } });
  await addAgents(cluster.file, ['r1'], { interface_mappings: { p1: 'eth1' } });
  const [a, b] = cluster.spread('admin', 2) as [Api, Api];
  for (let round = 0; round < 6; round++) {
    const net = await a.make('networks', 'network', { 'provider:network_type': 'vlan', 'provider:physical_network': 'p1' });
    const [segment] = (await a.list(`segments?network_id=${net.id}`)) as [Made];
    const subnet = (n: number, more: Body) => ({ subnet: { network_id: net.id, ip_version: 4, cidr: `10.${n}.0.0/24`, ...more } });
    const both = await Promise.all([
      a.request('POST', 'subnets', subnet(1, { segment_id: segment.id })),
      b.request('POST', 'subnets', subnet(2, {})),
    ]);
    assert.deepEqual(both.map(r => r.status).sort(), [201, 400]);
    const other = await a.make('segments', 'segment', { network_id: net.id, network_type: 'vlan', physical_network: 'p2' });
    const [gone, placed] = await Promise.all([
      a.request('DELETE', `segments/${other.id}`),
      b.request('POST', 'subnets', subnet(3, { segment_id: other.id })),
    ]);
    const left = (await b.list(`subnets?network_id=${net.id}`)).filter(s => s.segment_id === other.id);
    assert.equal(left.length === 1, gone.status !== 204, `${gone.status} ${placed.status}`);
  }
});
