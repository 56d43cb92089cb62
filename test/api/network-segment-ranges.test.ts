// Ranges of segmentation ids: default, shared and of a project; what is used of them; and who takes from which.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Api, Made } from './client.ts';
import { startCluster } from './cluster.ts';
import { type Body, type Harness, start } from './harness.ts';

describe('network segment ranges', () => {
  let h: Harness;
  before(async () => {
    h = await start({ vniRanges: [[1, 20]], vlanRanges: { p1: [[100, 110]] }, quotas: { network: -1 } });
  });
  after(() => h[Symbol.asyncDispose]());

  const name = 'network_segment_range';
  const make = (attributes: Body): Promise<Made> => h.admin.make('network-segment-ranges', name, { network_type: 'vxlan', ...attributes });
  const refused = (attributes: Body) =>
    h.admin.refused('POST', 'network-segment-ranges', { [name]: { network_type: 'vxlan', ...attributes } });
  const show = async (id: string): Promise<Body> => (await h.admin.request('GET', `network-segment-ranges/${id}`)).body[name] as Body;
  const remove = async (id: string): Promise<number> => (await h.admin.request('DELETE', `network-segment-ranges/${id}`)).status;

  test('those of the configuration are there, and read-only', async () => {
    const all = await h.admin.list('network-segment-ranges?default=true');
    assert.deepEqual(all.map(r => `${r.network_type} ${r.physical_network} ${r.minimum}-${r.maximum} ${r.shared} ${r.project_id}`).sort(), [
      'vlan p1 100-110 true null',
      'vxlan null 1-20 true null',
    ]);
    const id = String(all[0]?.id);
    const text = `Network Segment Range ${id} is a default segment range which could not be updated or deleted.`;
    assert.deepEqual(await h.admin.refused('DELETE', `network-segment-ranges/${id}`), [400, 'NetworkSegmentRangeDefaultReadOnly', text]);
    const change = await h.admin.refused('PUT', `network-segment-ranges/${id}`, { [name]: { name: 'x' } });
    assert.deepEqual(change.slice(0, 2), [400, 'NetworkSegmentRangeDefaultReadOnly']);
    assert.deepEqual(await h.member.list('network-segment-ranges'), []);
    assert.equal(
      (await h.member.refused('POST', 'network-segment-ranges', { [name]: { minimum: 1, maximum: 2, network_type: 'gre' } }))[0],
      403,
    );
  });

  test('a project takes from its own first, nobody else does, and then from what is shared', async () => {
    const range = await make({ minimum: 3, maximum: 5, shared: false, project_id: h.member.project, name: 'mine' });
    assert.deepEqual([range.available, range.used, range.project_id], [[3, 4, 5], {}, h.member.project]);
    const take = async (who: Api): Promise<number> => {
      const { id } = await who.make('networks', 'network', {});
      return Number((await h.admin.list(`networks?id=${id}`))[0]?.['provider:segmentation_id']);
    };
    const own = [await take(h.member), await take(h.member), await take(h.member)];
    assert.deepEqual(own.sort(), [3, 4, 5]);
    const shown = await show(range.id);
    assert.deepEqual([shown.available, shown.used], [[], { 3: h.member.project, 4: h.member.project, 5: h.member.project }]);
    const others = [];
    for (let i = 0; i < 16; i++) others.push(await take(h.other));
    assert.equal(
      others.some(id => own.includes(id)),
      false,
    );
    const fourth = await take(h.member);
    assert.ok(fourth <= 20 && !own.includes(fourth));
    for (const who of [h.member, h.other]) assert.equal((await who.refused('POST', 'networks', { network: {} }))[0], 503);
    const inUse = [
      409,
      'NetworkSegmentRangeReferencedByProject',
      `Network Segment Range ${range.id} is referenced by one or more project networks.`,
    ];
    assert.deepEqual(await h.admin.refused('DELETE', `network-segment-ranges/${range.id}`), inUse);
    const shrink = await h.admin.refused('PUT', `network-segment-ranges/${range.id}`, { [name]: { minimum: 4 } });
    assert.deepEqual(shrink.slice(0, 2), [409, 'NetworkSegmentRangeReferencedByProject']);
    const edge = await h.admin.refused('PUT', `network-segment-ranges/${range.id}`, { [name]: { maximum: 4 } });
    assert.deepEqual(edge.slice(0, 2), [409, 'NetworkSegmentRangeReferencedByProject']);
    const more = await make({ minimum: 31, maximum: 31 });
    assert.equal(await take(h.other), 31);
    assert.equal(
      (await h.admin.request('PUT', `network-segment-ranges/${more.id}`, { [name]: { maximum: 32, name: 'more' } })).status,
      200,
    );
    assert.equal(await take(h.member), 32);
    for (const network of await h.admin.list('networks')) await h.admin.request('DELETE', `networks/${network.id}`);
    for (const id of [range.id, more.id]) assert.equal(await remove(id), 204);
  });

  test('what is refused', async () => {
    const range = await make({ minimum: 100, maximum: 110 });
    const overlap = [409, 'NetworkSegmentRangeOverlaps', `Network segment range overlaps with range(s) with id ${range.id}`];
    assert.deepEqual(await refused({ minimum: 110, maximum: 120 }), overlap);
    const next = await make({ minimum: 111, maximum: 120 });
    const grow = await h.admin.refused('PUT', `network-segment-ranges/${next.id}`, { [name]: { minimum: 110 } });
    assert.deepEqual(grow.slice(0, 2), [409, 'NetworkSegmentRangeOverlaps']);
    assert.deepEqual((await refused({ minimum: 5, maximum: 3 })).slice(0, 2), [400, 'NetworkTunnelRangeError']);
    assert.deepEqual((await refused({ network_type: 'vlan', physical_network: 'p1', minimum: 5, maximum: 5000 })).slice(0, 2), [
      400,
      'NetworkVlanRangeError',
    ]);
    const physnet = "Network type vlan requires 'physical_network' to be specified while creating new range.";
    assert.equal((await refused({ network_type: 'vlan', minimum: 5, maximum: 6 }))[2], `Bad network_segment_range request: ${physnet}`);
    assert.deepEqual((await refused({ network_type: 'flat', minimum: 5, maximum: 6 })).slice(0, 2), [400, 'HTTPBadRequest']);
    assert.match((await refused({ minimum: 0, maximum: 6 }))[2], /'0' is too small - must be at least '1'/);
    const bulk = await h.admin.refused('POST', 'network-segment-ranges', {
      network_segment_ranges: [200, 200].map(minimum => ({ minimum, maximum: 210, network_type: 'vxlan' })),
    });
    assert.deepEqual(bulk.slice(0, 2), [409, 'NetworkSegmentRangeOverlaps']);
    for (const id of [range.id, next.id]) assert.equal(await remove(id), 204);
    assert.deepEqual((await h.admin.refused('GET', `network-segment-ranges/${range.id}`)).slice(0, 2), [
      404,
      'NetworkSegmentRangeNotFound',
    ]);
  });

  test('of a range of millions the lowest free ids are shown', async () => {
    const range = await make({ minimum: 1000, maximum: 16_000_000 });
    assert.equal((range.available as number[]).length, 10_000);
    assert.equal(await remove(range.id), 204);
  });
});

test('in two processes: overlaps are seen, exhaustion is exact, and a range in use does not go', async () => {
  await using cluster = await startCluster(2, { vniRanges: [], quotas: { network: -1 } });
  const [a, b] = cluster.spread('admin', 2) as [Api, Api];
  const range = (minimum: number, maximum: number) => ({ network_segment_range: { network_type: 'vxlan', minimum, maximum } });
  for (let round = 0; round < 5; round++) {
    const at = 1000 * (round + 1);
    const made = await Promise.all([
      a.request('POST', 'network-segment-ranges', range(at, at + 20)),
      b.request('POST', 'network-segment-ranges', range(at + 10, at + 30)),
    ]);
    assert.deepEqual(made.map(m => m.status).sort(), [201, 409]);
    const { id } = made.find(m => m.status === 201)?.body.network_segment_range as Made;
    const answers = await Promise.all(cluster.spread('member', 30).map(api => api.request('POST', 'networks', { network: {} })));
    const networks = answers.filter(m => m.status === 201).map(m => m.body.network as Made);
    assert.equal(networks.length, 21);
    assert.ok(answers.every(m => m.status === 201 || m.status === 503));
    for (const n of networks) await b.request('DELETE', `networks/${n.id}`);
    const [gone, taken] = await Promise.all([
      a.request('DELETE', `network-segment-ranges/${id}`),
      b.request('POST', 'networks', { network: {} }),
    ]);
    assert.deepEqual(
      [gone.status, taken.status].join() === '204,503' || [gone.status, taken.status].join() === '409,201',
      true,
      `${gone.status},${taken.status}`,
    );
    if (taken.status === 201) {
      await b.request('DELETE', `networks/${(taken.body.network as Made).id}`);
      assert.equal((await b.request('DELETE', `network-segment-ranges/${id}`)).status, 204);
    }
  }
});
