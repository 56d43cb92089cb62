// Segments of networks: provider attributes, several at once, types and their bounds, and segments as a resource.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { addAgents } from './agent-rows.ts';
import type { Api, Made } from './client.ts';
import { startCluster } from './cluster.ts';
import { type Body, type Harness, start } from './harness.ts';
import { openDatabase } from './open-database.ts';

const vlan = (physical: string, id?: number): Body => ({
  'provider:network_type': 'vlan',
  'provider:physical_network': physical,
  ...(id === undefined ? {} : { 'provider:segmentation_id': id }),
});
const shownAs = (s: Body): string => `${s['provider:network_type']} ${s['provider:physical_network']} ${s['provider:segmentation_id']}`;

describe('networks of several segments', () => {
  let h: Harness;
  before(async () => {
    const vlanRanges = { p1: [[100, 199]], p2: [] } as const;
    h = await start({ vlanRanges, greRanges: [[1, 1000]], geneveRanges: [[1, 1000]], quotas: { network: -1 } });
  });
  after(() => h[Symbol.asyncDispose]());

  const make = (attributes: Body): Promise<Made> => h.admin.make('networks', 'network', attributes);
  const refused = (attributes: Body, who: Api = h.admin) => who.refused('POST', 'networks', { network: attributes });
  const change = (id: string, network: Body) => h.admin.refused('PUT', `networks/${id}`, { network });

  test('several are shown as a list, one as provider attributes', async () => {
    const two = await make({ segments: [vlan('p1', 5), vlan('p2', 5)] });
    assert.deepEqual((two.segments as Body[]).map(shownAs), ['vlan p1 5', 'vlan p2 5']);
    assert.equal(Object.hasOwn(two, 'provider:network_type'), false);
    const one = await make({ segments: [vlan('p1', 6)] });
    assert.deepEqual([shownAs(one), Object.hasOwn(one, 'segments')], ['vlan p1 6', false]);
    assert.deepEqual(
      (await h.admin.list('networks?provider:physical_network=p2')).map(n => n.id),
      [two.id],
    );
    const mixed = await make({ segments: [vlan('p1'), { 'provider:network_type': 'vxlan' }, { 'provider:network_type': 'vxlan' }] });
    assert.deepEqual([mixed.mtu, (mixed.segments as Body[]).length], [1450, 3]);
    assert.equal((await h.admin.request('DELETE', `networks/${two.id}`)).status, 204);
    assert.equal(shownAs(await make(vlan('p2', 5))), 'vlan p2 5');
  });

  test('what of them is refused, as from the peer', async () => {
    const taken = await make(vlan('p1', 7));
    assert.deepEqual(await refused({ ...vlan('p1', 8), segments: [vlan('p1', 9)] }), [
      400,
      'SegmentsSetInConjunctionWithProviders',
      'Segments and provider values cannot both be set.',
    ]);
    const twice = [400, 'SegmentsContainDuplicateEntry', 'Duplicate segment entry in request.'];
    assert.deepEqual(await refused({ segments: [vlan('p1', 9), vlan('p1', 9)] }), twice);
    assert.equal((await refused({ segments: [{}] }))[2], 'Invalid input for operation: network_type required.');
    assert.deepEqual((await refused({ segments: [vlan('p2', 9), vlan('p1', 7)] })).slice(0, 2), [409, 'VlanIdInUse']);
    assert.equal((await h.admin.list('segments?physical_network=p2')).length, 1, 'nothing is left of what was refused');
    assert.equal((await refused({ segments: [vlan('p1', 9)] }, h.member))[0], 403);
    assert.equal(Object.hasOwn((await h.member.list(`networks?id=${taken.id}`))[0] ?? {}, 'segments'), false);
  });

  test('GRE and Geneve: bounds, MTU, ids of their own', async () => {
    const gre = await make({ 'provider:network_type': 'gre', 'provider:segmentation_id': 4_294_967_295 });
    const geneve = await make({ 'provider:network_type': 'geneve' });
    assert.deepEqual([gre.mtu, geneve.mtu], [1458, 1450]);
    const id = Number(geneve['provider:segmentation_id']);
    assert.ok(id >= 1 && id <= 1000);
    await make({ 'provider:network_type': 'vxlan', 'provider:segmentation_id': id });
    const bounds = async (type: string, n: number) => (await refused({ 'provider:network_type': type, 'provider:segmentation_id': n }))[2];
    assert.match(await bounds('gre', 4_294_967_296), /segmentation_id out of range \(1 through 4294967295\)/);
    assert.match(await bounds('geneve', 16_777_216), /segmentation_id out of range \(1 through 16777215\)/);
    assert.match(await bounds('geneve', 0), /segmentation_id out of range/);
    const inUse = await refused({ 'provider:network_type': 'gre', 'provider:segmentation_id': 4_294_967_295 });
    assert.deepEqual(inUse.slice(0, 2), [409, 'TunnelIdInUse']);
  });

  test('over IPv6 a tunnel costs 20 bytes more, and Geneve what its options need', async () => {
    const mtu = { global_physnet_mtu: 1500, path_mtu: 0, physical_network_mtus: { p1: 9000 }, overlay_ip_version: 6 } as const;
    await using other = await start({ mtu, greRanges: [[1, 9]], geneveRanges: [[1, 9]], geneveHeader: 38, vlanRanges: { p1: [[1, 9]] } });
    const of = async (type: string): Promise<unknown> =>
      (await other.admin.make('networks', 'network', { 'provider:network_type': type })).mtu;
    assert.deepEqual([await of('gre'), await of('vxlan'), await of('geneve')], [1438, 1430, 1422]);
  });

  test('the id of a VLAN can be changed, nothing else', async () => {
    const net = await make(vlan('p1', 20));
    const { body } = await h.admin.request('PUT', `networks/${net.id}`, { network: { 'provider:segmentation_id': 21 } });
    assert.equal(shownAs(body.network as Body), 'vlan p1 21');
    assert.equal(shownAs(await make(vlan('p1', 20))), 'vlan p1 20');
    assert.deepEqual((await change(net.id, { 'provider:segmentation_id': 20 })).slice(0, 2), [409, 'VlanIdInUse']);
    assert.match((await change(net.id, { 'provider:segmentation_id': 5000 }))[2], /out of range/);
    assert.match((await change(net.id, { 'provider:physical_network': 'p2' }))[2], /Plugin does not support updating/);
    assert.match((await change(net.id, { segments: [vlan('p1', 21), vlan('p2', 21)] }))[2], /Plugin does not support updating/);
    assert.equal((await change(net.id, { 'provider:network_type': 'vlan', 'provider:segmentation_id': 21 }))[0], 200);
    const tunnel = await make({ 'provider:network_type': 'vxlan' });
    assert.match((await change(tunnel.id, { 'provider:segmentation_id': 5 }))[2], /Only VLAN type networks can be updated/);
    const two = await make({ segments: [vlan('p1', 22), vlan('p2', 22)] });
    assert.match((await change(two.id, { 'provider:segmentation_id': 5 }))[2], /provider networks with a single segment/);
  });

  test('external networks have a type of their own where one is configured', async () => {
    await using other = await start({ externalNetworkType: 'vlan', vlanRanges: { p1: [[100, 100]] } });
    const external = await other.admin.make('networks', 'network', { 'router:external': true });
    assert.equal(shownAs(external), 'vlan p1 100');
    const full = await other.admin.refused('POST', 'networks', { network: { 'router:external': true } });
    assert.deepEqual(full.slice(0, 2), [503, 'NoNetworkAvailable']);
    assert.equal((await other.admin.make('networks', 'network', {}))['provider:network_type'], 'vxlan');
  });

  test('VLAN transparency is not what these drivers offer', async () => {
    const no = [400, 'VlanTransparencyDriverError', 'Backend does not support VLAN Transparency.'];
    assert.deepEqual(await refused({ vlan_transparent: true }), no);
    assert.equal((await make({ vlan_transparent: false })).vlan_transparent, false);
  });
});

describe('segments', () => {
  let h: Harness;
  let net: Made;
  before(async () => {
    h = await start({ vlanRanges: { p1: [[100, 199]], p2: [] }, quotas: { network: -1 } });
    net = await h.admin.make('networks', 'network', vlan('p1', 5));
  });
  after(() => h[Symbol.asyncDispose]());

  const post = (attributes: Body) =>
    h.admin.refused('POST', 'segments', { segment: { network_id: net.id, network_type: 'vlan', ...attributes } });

  test('every network has some, which administrators see, name and tag', async () => {
    const [first] = await h.admin.list(`segments?network_id=${net.id}`);
    const { id, created_at, updated_at, ...rest } = first as Made;
    assert.ok(id && created_at && updated_at);
    const type = { network_type: 'vlan', physical_network: 'p1', segmentation_id: 5 };
    assert.deepEqual(rest, { network_id: net.id, name: null, description: '', ...type, revision_number: 1, tags: [] });
    const { body } = await h.admin.request('PUT', `segments/${id}`, { segment: { name: 'first', description: 'd' } });
    const changed = body.segment as Body;
    assert.deepEqual([changed.name, changed.description, changed.revision_number], ['first', 'd', 2]);
    assert.equal((await h.admin.request('PUT', `segments/${id}/tags/red`)).status, 201);
    assert.deepEqual(
      (await h.admin.list('segments?tags=red')).map(s => s.id),
      [id],
    );
    assert.deepEqual(await h.member.list('segments'), []);
    assert.deepEqual((await h.member.refused('GET', `segments/${id}`)).slice(0, 2), [404, 'SegmentNotFound']);
    const readOnly = await h.admin.refused('PUT', `segments/${id}`, { segment: { network_type: 'vlan' } });
    assert.equal(readOnly[2], 'Cannot update read-only attribute network_type');
  });

  test('are added to a network and taken from it', async () => {
    const made = await h.admin.make('segments', 'segment', {
      network_id: net.id,
      network_type: 'vlan',
      physical_network: 'p2',
      segmentation_id: 7,
    });
    assert.deepEqual([made.name, made.physical_network, made.segmentation_id], [null, 'p2', 7]);
    const [shown] = await h.admin.list(`networks?id=${net.id}`);
    assert.deepEqual((shown?.segments as Body[]).map(shownAs), ['vlan p1 5', 'vlan p2 7']);
    assert.deepEqual((await post({ physical_network: 'p2' })).slice(0, 2), [409, 'NeutronDbObjectDuplicateEntry']);
    assert.equal((await h.admin.request('DELETE', `segments/${made.id}`)).status, 204);
    const [after] = await h.admin.list(`networks?id=${net.id}`);
    assert.equal(shownAs(after as Body), 'vlan p1 5');
    assert.equal(shownAs(await h.admin.make('networks', 'network', vlan('p2', 7))), 'vlan p2 7', 'the id is free again');
  });

  test('several of one request are compared with each other', async () => {
    const net = await h.admin.make('networks', 'network', {});
    const at = (physical_network: string, segmentation_id: number) => ({
      network_id: net.id,
      network_type: 'vlan',
      physical_network,
      segmentation_id,
    });
    const twins = await h.admin.refused('POST', 'segments', { segments: [at('p1', 3001), at('p1', 3002)] });
    assert.deepEqual(twins.slice(0, 2), [409, 'NeutronDbObjectDuplicateEntry']);
    const made = await h.admin.request('POST', 'segments', { segments: [at('p1', 3001), at('p2', 3001)] });
    assert.equal(made.status, 201);
    const shown = (await h.admin.request('GET', `networks/${net.id}`)).body.network as Body;
    assert.deepEqual((shown.segments as Body[]).map(shownAs).slice(1), ['vlan p1 3001', 'vlan p2 3001']);
  });

  test('what is refused', async () => {
    assert.deepEqual((await post({ physical_network: 'p2', segmentation_id: 7 })).slice(0, 2), [409, 'VlanIdInUse']);
    assert.match((await post({ network_type: 'nope' }))[2], /network_type value 'nope' not supported/);
    assert.match((await post({ network_type: 'vxlan' }))[2], /Requested MTU is too big, maximum is 1450/);
    assert.match((await post({ physical_network: 'unknown' }))[2], /physical_network 'unknown' unknown for VLAN provider network/);
    const missing = await h.admin.refused('POST', 'segments', { segment: { network_id: net.id } });
    assert.equal(missing[2], "Failed to parse request. Required attribute 'network_type' not specified");
    const nowhere = { network_id: '00000000-0000-0000-0000-000000000001', network_type: 'vxlan' };
    assert.deepEqual((await h.admin.refused('POST', 'segments', { segment: nowhere })).slice(0, 2), [404, 'NetworkNotFound']);
    assert.equal((await h.member.refused('POST', 'segments', { segment: { network_id: net.id, network_type: 'vxlan' } }))[0], 403);
  });

  test('in two processes: a network gets one segment of a physical network, an id one taker', async () => {
    await using cluster = await startCluster(2, { vlanRanges: { p1: [[1, 99]], p2: [] }, quotas: { network: -1 } });
    const [a, b] = cluster.spread('admin', 2) as [Api, Api];
    for (let round = 0; round < 6; round++) {
      const network = await a.make('networks', 'network', { mtu: 1400 });
      const ask = (api: Api, id: number) =>
        api.request('POST', 'segments', {
          segment: { network_id: network.id, network_type: 'vlan', physical_network: 'p2', segmentation_id: id },
        });
      const same = await Promise.all([ask(a, 100 + round), ask(b, 200 + round)]);
      assert.deepEqual(same.map(r => r.status).sort(), [201, 409]);
      assert.equal((await b.list(`segments?network_id=${network.id}`)).length, 2);
      const [c, d] = [await a.make('networks', 'network', vlan('p1')), await b.make('networks', 'network', vlan('p1'))];
      const id = { network: { 'provider:segmentation_id': 1000 + round } };
      const moves = await Promise.all([a.request('PUT', `networks/${c.id}`, id), b.request('PUT', `networks/${d.id}`, id)]);
      assert.deepEqual(moves.map(r => r.status).sort(), [200, 409]);
    }
  });

  test('in two processes: nothing is bound to a segment that is gone', async () => {
    await using cluster = await startCluster(2, { vlanRanges: { p1: [[1, 99]], p2: [] }, quotas: { network: -1, port: -1 } });
    await addAgents(cluster.file, ['h'], { interface_mappings: { p2: 'eth2' } });
    await using store = await openDatabase(cluster.file);
    const outcomes = new Set<string>();
    for (let round = 0; round < 12; round++) {
      const [a, b] = cluster.spread('admin', 2) as [Api, Api];
      const network_id = (await a.make('networks', 'network', { segments: [vlan('p1'), vlan('p2', 100 + round)] })).id;
      const port = await a.make('ports', 'port', { network_id });
      const [second] = await a.list(`segments?network_id=${network_id}&physical_network=p2`);
      const [removed, bound] = await Promise.all([
        b.request('DELETE', `segments/${second!.id}`),
        a.request('PUT', `ports/${port.id}`, { port: { 'binding:host_id': 'h' } }),
      ]);
      const levels = await store.select({ table: 'port_binding_levels', where: { eq: ['segment_id', second!.id] } });
      assert.equal(bound.status, 200);
      assert.deepEqual([removed.status, levels.length], removed.status === 204 ? [204, 0] : [409, 1]);
      outcomes.add(`${removed.status} ${(bound.body.port as Body)['binding:vif_type']}`);
    }
    assert.ok(
      [...outcomes].every(o => ['204 binding_failed', '409 bridge'].includes(o)),
      [...outcomes].join(', '),
    );
  });
});
