// Trunks: which ports may be in one, what is shown, what agents say and hear, and what two servers at once cannot break.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Answer, Api, Body, Made } from './client.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { beat, type Harness, start, until } from './harness.ts';

const vlan = (port: Made, segmentation_id: unknown, segmentation_type = 'vlan'): Body => ({
  port_id: port.id,
  segmentation_type,
  segmentation_id,
});

describe('trunks', () => {
  let h: Harness;
  let net: Made;
  const nowhere = { id: '00000000-0000-4000-8000-000000000001' } as Made;

  before(async () => {
    h = await start({ quotas: { port: -1, network: -1 }, vlanRanges: { p: [] } });
    net = await h.member.make('networks', 'network', {});
    await h.member.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr: '10.0.0.0/16' });
  });
  after(() => h[Symbol.asyncDispose]());

  const port = (more: Body = {}, who: Api = h.member): Promise<Made> => who.make('ports', 'port', { network_id: net.id, ...more });
  const trunk = (parent: Made, sub_ports: Body[] = [], who: Api = h.member): Promise<Made> =>
    who.make('trunks', 'trunk', { port_id: parent.id, sub_ports });
  const change = (of: Made, verb: 'add' | 'remove', sub_ports: unknown): Promise<Answer> =>
    h.member.request('PUT', `trunks/${of.id}/${verb}_subports`, { sub_ports });
  const refusedChange = (of: Made, verb: 'add' | 'remove', sub_ports: unknown) =>
    h.member.refused('PUT', `trunks/${of.id}/${verb}_subports`, { sub_ports });
  const refused = (parent: Made, sub_ports: unknown = [], who: Api = h.member) =>
    who.refused('POST', 'trunks', { trunk: { port_id: parent.id, sub_ports } });
  const show = async (of: Made, who = h.member): Promise<Body> => (await who.list(`trunks?id=${of.id}`))[0] as Body;

  test('made, shown, listed, changed, tagged and removed', async () => {
    const [parent, one, two] = [await port(), await port(), await port()];
    const made = await trunk(parent, [vlan(one, '101')]);
    const { created_at, updated_at, ...rest } = made;
    const ids = { project_id: h.member.project, tenant_id: h.member.project, port_id: parent.id };
    const first = vlan(one, 101);
    const own = { name: '', description: '', admin_state_up: true, status: 'DOWN', revision_number: 0, tags: [] };
    assert.deepEqual(rest, { id: made.id, ...ids, ...own, sub_ports: [first] });
    assert.deepEqual(await h.member.list(`trunks?port_id=${parent.id}`), [made]);
    assert.deepEqual(await h.other.list('trunks'), []);
    const added = await change(made, 'add', [vlan(two, 102)]);
    assert.deepEqual([added.status, added.body.sub_ports], [200, [first, vlan(two, 102)]]);
    assert.deepEqual((await h.member.request('GET', `trunks/${made.id}/get_subports`)).body, { sub_ports: [first, vlan(two, 102)] });
    const removed = await change(made, 'remove', [{ port_id: one.id }]);
    assert.deepEqual([removed.body.sub_ports, removed.body.revision_number], [[vlan(two, 102)], 2]);
    const named = await h.member.request('PUT', `trunks/${made.id}`, { trunk: { name: 'n', description: 'd' } });
    assert.equal((named.body.trunk as Body).name, 'n');
    assert.equal((await h.member.request('PUT', `trunks/${made.id}/tags`, { tags: ['red'] })).status, 200);
    assert.equal((await h.member.list('trunks?tags=red')).length, 1);
    assert.equal((await h.member.request('DELETE', `trunks/${made.id}`)).status, 204);
    assert.deepEqual(await h.member.list('trunks'), []);
    for (const p of [parent, one, two]) assert.equal((await h.member.request('DELETE', `ports/${p.id}`)).status, 204);
  });

  test('a parent port shows its trunk, other ports show nothing of trunks', async () => {
    const [parent, sub] = [await port(), await port()];
    const made = await trunk(parent, [vlan(sub, 7)]);
    const details = { trunk_id: made.id, sub_ports: [{ ...vlan(sub, 7), mac_address: sub.mac_address }] };
    const shown = await h.member.request('GET', `ports/${parent.id}`);
    assert.deepEqual((shown.body.port as Body).trunk_details, details);
    assert.deepEqual((await h.member.list(`ports?id=${parent.id}`))[0]?.trunk_details, details);
    assert.ok(!Object.hasOwn((await h.member.list(`ports?id=${sub.id}`))[0] as Made, 'trunk_details'));
    assert.deepEqual((await h.member.refused('DELETE', `ports/${parent.id}`)).slice(0, 2), [409, 'PortInUseAsTrunkParent']);
    const text = `Port ${sub.id} is currently a subport for trunk ${made.id}.`;
    assert.deepEqual(await h.member.refused('DELETE', `ports/${sub.id}`), [409, 'PortInUseAsSubPort', text]);
    await h.member.request('DELETE', `trunks/${made.id}`);
  });

  test('a port has one place in one trunk, a tag is used once', async () => {
    const [parent, sub, free, other] = [await port(), await port(), await port(), await port()];
    const made = await trunk(parent, [vlan(sub, 5)]);
    const parentInUse = (p: Made) => `Port ${p.id} is currently in use and is not eligible for use as a parent port.`;
    assert.deepEqual(await refused(parent), [409, 'ParentPortInUse', parentInUse(parent)]);
    assert.deepEqual(await refused(sub), [409, 'TrunkPortInUse', `Port ${sub.id} is in use by another trunk.`]);
    assert.deepEqual(await refused(other, [vlan(other, 5)]), [409, 'ParentPortInUse', parentInUse(other)]);
    assert.equal((await refused(other, [vlan(parent, 5)]))[1], 'ParentPortInUse');
    assert.equal((await refused(other, [vlan(sub, 5)]))[1], 'TrunkPortInUse');
    assert.equal((await refusedChange(made, 'add', [vlan(sub, 6)]))[1], 'TrunkPortInUse');
    const used = `segmentation_type vlan and segmentation_id 5 already in use on trunk ${made.id}.`;
    assert.deepEqual(await refusedChange(made, 'add', [vlan(free, 5)]), [409, 'DuplicateSubPort', used]);
    const absent = `SubPort ${free.id} on trunk ${made.id} could not be found.`;
    assert.deepEqual(await refusedChange(made, 'remove', [{ port_id: free.id }]), [404, 'SubPortNotFound', absent]);
    const twice = { trunks: [{ port_id: free.id }, { port_id: free.id }] };
    assert.equal((await h.member.refused('POST', 'trunks', twice))[1], 'ParentPortInUse');
    assert.deepEqual((await show(made)).sub_ports, [vlan(sub, 5)]);
    await h.member.request('DELETE', `trunks/${made.id}`);
  });

  test('a tag is the same however it is written', async () => {
    const [parent, one, two] = [await port(), await port(), await port()];
    assert.deepEqual((await refused(parent, [vlan(one, 7), vlan(two, '7')])).slice(0, 2), [409, 'DuplicateSubPort']);
    const made = await trunk(parent);
    assert.deepEqual((await refusedChange(made, 'add', [vlan(one, '7'), vlan(two, 7)])).slice(0, 2), [409, 'DuplicateSubPort']);
    assert.deepEqual((await show(made)).sub_ports, []);
  });

  test('what is no subport', async () => {
    const [parent, sub] = [await port(), await port()];
    const made = await trunk(await port());
    const details = `Invalid subport details '{'port_id': '${sub.id}'}': missing segmentation information. Must specify both segmentation_id and segmentation_type.`;
    const form = (reason: string) => [400, 'HTTPBadRequest', `Invalid input for sub_ports. Reason: ${reason}`];
    const input = (reason: string) => [400, 'InvalidInput', `Invalid input for operation: ${reason}`];
    assert.deepEqual(await refused(parent, null), form("Invalid data format for subports: 'None' is not a list."));
    assert.deepEqual(await refused(parent, [vlan(sub, 5), vlan(sub, 6)]), form(`Non unique UUID for subport: '${sub.id}'.`));
    assert.deepEqual(await refused(parent, [{ port_id: sub.id }]), input(details));
    assert.deepEqual(await refused(parent, [vlan(sub, 'x')]), input("Invalid subport details: segmentation_id 'x' is not an integer."));
    assert.deepEqual(await refused(parent, [vlan(sub, 4095)]), input("Segmentation ID '4095' is not in range."));
    assert.deepEqual(await refused(parent, [vlan(sub, 5, 'foo')]), input("Unknown segmentation_type 'foo'."));
    assert.deepEqual(
      await refused(parent, [{ port_id: sub.id, segmentation_type: 'inherit' }]),
      input("Unknown segmentation_type 'vxlan'."),
    );
    assert.equal((await refused(parent, [vlan(nowhere, 5)]))[1], 'PortNotFound');
    assert.equal((await refused(nowhere))[1], 'PortNotFound');
    assert.deepEqual(await refusedChange(made, 'add', [vlan({ id: 'zz' }, 5)]), input("Invalid UUID for subport: 'zz'."));
    assert.deepEqual(await refusedChange(made, 'add', [{ port_id: sub.id }]), input(details));
    assert.equal((await refusedChange(made, 'add', undefined))[0], 400);
    const device = await port({ device_id: 'x' });
    assert.deepEqual((await refused(parent, [vlan(device, 5)])).slice(0, 2), [409, 'PortInUse']);
    assert.deepEqual(await h.member.refused('GET', 'trunks/abc'), [404, 'TrunkNotFound', 'Trunk abc could not be found.']);
    const update = await h.member.refused('PUT', `trunks/${made.id}`, { trunk: { sub_ports: [] } });
    assert.equal(update[2], 'Cannot update read-only attribute sub_ports');
  });

  test('a subport inherits the VLAN of its network, and needs no larger frames than the parent', async () => {
    const make = async (more: Body): Promise<Made> => {
      const { id } = await h.admin.make('networks', 'network', { project_id: h.member.project, ...more });
      return h.member.make('ports', 'port', { network_id: id });
    };
    const small = await make({ mtu: 1300 });
    const provider = { 'provider:network_type': 'vlan', 'provider:physical_network': 'p', 'provider:segmentation_id': 77 };
    const tagged = await make({ mtu: 1400, ...provider });
    const inheriting = await trunk(await port(), [{ port_id: tagged.id, segmentation_type: 'inherit' }]);
    assert.deepEqual(inheriting.sub_ports, [vlan(tagged, 77)]);
    const text = `MTU 1450 of subport ${(await port({ name: 'big' })).id} cannot be greater than MTU 1300 of trunk ${small.id}.`;
    const [big] = await h.member.list('ports?name=big');
    assert.deepEqual(await refused(small, [vlan(big as Made, 5)]), [409, 'SubPortMtuGreaterThanTrunkPortMtu', text]);
    assert.equal((await trunk(await port(), [vlan(small, 5)])).status, 'DOWN');
  });

  test('ports of others, though visible, are not for a trunk of one’s own', async () => {
    const shared = await h.admin.make('networks', 'network', { project_id: h.member.project, shared: true });
    const theirs = await h.other.make('ports', 'port', { network_id: shared.id });
    assert.equal((await h.member.request('GET', `ports/${theirs.id}`)).status, 200, 'on one’s own network');
    assert.equal((await refused(theirs))[1], 'PortNotFound');
    const parent = await port();
    assert.equal((await refused(parent, [vlan(theirs, 5)]))[1], 'PortNotFound');
    const made = await trunk(parent);
    assert.equal((await refusedChange(made, 'add', [vlan(theirs, 5)]))[1], 'PortNotFound');
    for (const verb of ['add', 'remove'])
      assert.equal(
        (await h.other.refused('PUT', `trunks/${made.id}/${verb}_subports`, { sub_ports: [vlan(theirs, 5)] }))[1],
        'TrunkNotFound',
      );
    await h.member.request('DELETE', `trunks/${made.id}`);
  });

  test('a trunk that is down by its owner stays as it is', async () => {
    const [parent, sub] = [await port(), await port()];
    const made = await trunk(parent, [vlan(sub, 5)]);
    await h.member.request('PUT', `trunks/${made.id}`, { trunk: { admin_state_up: false } });
    const disabled = [409, 'TrunkDisabled', `Trunk ${made.id} is currently disabled.`];
    assert.deepEqual(await refusedChange(made, 'remove', [{ port_id: sub.id }]), disabled);
    assert.deepEqual(await refusedChange(made, 'add', [vlan(await port(), 6)]), disabled);
    assert.deepEqual(await h.member.refused('DELETE', `trunks/${made.id}`), disabled);
    await h.member.request('PUT', `trunks/${made.id}`, { trunk: { admin_state_up: true } });
    assert.equal((await h.member.request('DELETE', `trunks/${made.id}`)).status, 204);
  });

  test('a bound parent: where its driver can, and nowhere else', async () => {
    await beat(h, 'h1');
    const bind = (p: Made, host: string) => h.admin.request('PUT', `ports/${p.id}`, { port: { 'binding:host_id': host } });
    const [good, bad, later] = [await port(), await port(), await port()];
    await bind(good, 'h1');
    await bind(bad, 'nowhere');
    assert.equal((await refused(bad))[1], 'ParentPortInUse');
    const made = await trunk(good);
    const late = await trunk(later);
    await bind(later, 'nowhere');
    const inUse = [409, 'TrunkInUse', `Trunk ${late.id} is currently in use.`];
    assert.deepEqual(await h.member.refused('DELETE', `trunks/${late.id}`), inUse);
    await bind(later, '');
    for (const t of [made, late]) assert.equal((await h.member.request('DELETE', `trunks/${t.id}`)).status, 204);
  });

  describe('agents', () => {
    const rpc = (method: string, args: Body) => h.bus.call({ topic: 'trunk', namespace: 'trunk', version: '1.0' }, method, args);
    const object = (of: Made, sub: Made) => ({
      'versioned_object.name': 'SubPort',
      'versioned_object.data': { trunk_id: of.id, ...vlan(sub, 5) },
    });
    const bindings = async (of: Made, subs: Made[]) =>
      (await rpc('update_subport_bindings', { subports: subs.map(s => object(of, s)) })) as Record<string, Body[]>;
    const status = (of: Made, to: string) => rpc('update_trunk_status', { trunk_id: of.id, status: to });
    const portNow = async (p: Made): Promise<Made> => (await h.admin.list(`ports?id=${p.id}`))[0] as Made;

    test('subports go where the parent is; the status follows what agents say', async () => {
      await beat(h, 'h1');
      const [parent, one, two, stranger] = [await port(), await port(), await port(), await port()];
      const made = await trunk(parent, [vlan(one, 5), vlan(two, 6)]);
      await h.admin.request('PUT', `ports/${parent.id}`, { port: { 'binding:host_id': 'h1' } });
      const bound = await bindings(made, [one, two]);
      assert.deepEqual(
        bound[made.id]?.map(p => [p['binding:host_id'], p['binding:vif_type'], p.device_owner]),
        [
          ['h1', 'bridge', 'trunk:subport'],
          ['h1', 'bridge', 'trunk:subport'],
        ],
      );
      assert.equal((await show(made)).status, 'BUILD');
      const before = (await portNow(one)).revision_number;
      await bindings(made, [one, two]);
      assert.equal((await portNow(one)).revision_number, before, 'said again, nothing changes');
      await status(made, 'ACTIVE');
      assert.equal((await show(made)).status, 'ACTIVE');
      await bindings(made, [one, two, stranger]);
      assert.deepEqual([(await show(made)).status, (await portNow(stranger)).device_owner], ['DEGRADED', '']);
      assert.equal((await change(made, 'add', [vlan(stranger, 7)])).body.status, 'DOWN');
      assert.equal((await change(made, 'remove', [{ port_id: one.id }])).status, 200);
      const gone = await portNow(one);
      assert.deepEqual([gone['binding:host_id'], gone['binding:vif_type'], gone.device_owner], ['', 'unbound', '']);
      await status(made, 'ACTIVE');
      await h.admin.request('PUT', `ports/${parent.id}`, { port: { 'binding:host_id': '' } });
      assert.equal((await show(made)).status, 'DOWN', 'the parent is nowhere');
      await h.admin.request('PUT', `ports/${parent.id}`, { port: { 'binding:host_id': 'h1', device_owner: 'compute:nova' } });
      await status(made, 'ACTIVE');
      assert.equal((await h.admin.request('DELETE', `ports/${parent.id}/bindings/h1`)).status, 204);
      assert.equal((await show(made)).status, 'DOWN', 'its binding was taken away');
      assert.equal((await h.member.request('DELETE', `trunks/${made.id}`)).status, 204);
      assert.equal((await portNow(two))['binding:host_id'], '');
    });

    test('a port that somebody has taken for something else stays as it is', async () => {
      await beat(h, 'h1');
      const sub = await port();
      const made = await trunk(await port(), [vlan(sub, 5)]);
      await h.admin.request('PUT', `ports/${sub.id}`, { port: { 'binding:host_id': 'h1', device_owner: 'compute:nova' } });
      await change(made, 'remove', [{ port_id: sub.id }]);
      const now = await portNow(sub);
      assert.deepEqual([now['binding:host_id'], now.device_owner], ['h1', 'compute:nova']);
    });

    test('a subport that cannot be bound: ERROR, until something is taken out', async () => {
      const [parent, sub] = [await port(), await port()];
      const made = await trunk(parent, [vlan(sub, 5)]);
      await h.admin.request('PUT', `ports/${parent.id}`, { port: { 'binding:host_id': 'nowhere' } });
      assert.deepEqual(await bindings(made, [sub]), { [made.id]: [] });
      assert.equal((await show(made)).status, 'ERROR');
      const text = `Trunk ${made.id} is in error state. Attempt to resolve the error condition before proceeding.`;
      assert.deepEqual(await refusedChange(made, 'add', [vlan(await port(), 6)]), [409, 'TrunkInErrorState', text]);
      assert.equal((await change(made, 'remove', [{ port_id: sub.id }])).body.status, 'DOWN');
    });

    test('what agents may not say', async () => {
      const made = await trunk(await port());
      await assert.rejects(status(made, 'NONSENSE'), /NONSENSE is no status of a trunk/);
      await assert.rejects(rpc('update_subport_bindings', { subports: [{}] }));
      assert.deepEqual(await bindings(nowhere, [made]), {});
      assert.equal(await status(nowhere, 'ACTIVE'), null);
    });

    test('they hear of trunks and subports that come and go, as objects', async () => {
      const all: [string, string, Body][] = [];
      const listen = (topic: string) => {
        const push = ({ event_type, resource_list }: Body): null => {
          for (const o of resource_list as Record<string, Body>[])
            all.push([String(event_type), String(o['versioned_object.name']), o['versioned_object.data'] as Body]);
          return null;
        };
        return h.bus.serve({ topic, server: 'h1', endpoints: [{ version: '1.1', methods: { push } }] });
      };
      await using _t = await listen('neutron-vo-Trunk-1.1');
      await using _s = await listen('neutron-vo-SubPort-1.0');
      const [parent, one, two] = [await port(), await port(), await port()];
      const made = await trunk(parent, [vlan(one, 5)]);
      // What is told late of other tests' trunks is not of this one.
      const heard = () => all.filter(([, , data]) => data.id === made.id || data.trunk_id === made.id);
      await until('the trunk', async () => heard().length === 1);
      await change(made, 'add', [vlan(two, 6)]);
      await until('the subport', async () => heard().length === 2);
      await change(made, 'remove', [{ port_id: two.id }]);
      await until('it goes', async () => heard().length === 3);
      await h.member.request('DELETE', `trunks/${made.id}`);
      await until('the trunk goes', async () => heard().length === 4);
      const [created, added, removed, deleted] = heard();
      assert.deepEqual([created?.[0], created?.[1], created?.[2].port_id, created?.[2].status], ['created', 'Trunk', parent.id, 'DOWN']);
      const [inner] = created?.[2].sub_ports as Record<string, Body>[];
      assert.deepEqual(inner?.['versioned_object.data'], { trunk_id: made.id, ...vlan(one, 5) });
      assert.deepEqual(added, ['created', 'SubPort', { trunk_id: made.id, ...vlan(two, 6) }]);
      assert.deepEqual(removed, ['deleted', 'SubPort', { trunk_id: made.id, ...vlan(two, 6) }]);
      assert.deepEqual([deleted?.[0], deleted?.[2].id, (deleted?.[2].sub_ports as unknown[]).length], ['deleted', made.id, 1]);
    });
  });
});

describe('trunks, with two servers', () => {
  let cluster: Cluster;
  let net: Made;
  before(async () => {
    cluster = await startCluster(2, { quotas: { port: -1 } });
    net = await cluster.as('member').make('networks', 'network', {});
  });
  after(() => cluster[Symbol.asyncDispose]());

  const port = (): Promise<Made> => cluster.as('member').make('ports', 'port', { network_id: net.id });
  const all = (count: number, ask: (api: Api, i: number) => Promise<Answer>): Promise<Answer[]> =>
    Promise.all(cluster.spread('member', count).map(ask));
  const statuses = (answers: readonly Answer[]): number[] => answers.map(a => a.status).sort();

  test('one port asked for by several trunks, as parent and as subport: it is in one', async () => {
    for (let round = 0; round < 4; round++) {
      const wanted = await port();
      const parents = await Promise.all([port(), port(), port(), port()]);
      const answers = await all(8, (api, i) => {
        const parent = parents[i];
        return api.request('POST', 'trunks', {
          trunk: parent ? { port_id: parent.id, sub_ports: [vlan(wanted, 5)] } : { port_id: wanted.id },
        });
      });
      assert.deepEqual(statuses(answers), [201, ...Array(7).fill(409)]);
    }
  });

  test('one port asked for as parent by one trunk and as subport by another', async () => {
    for (let round = 0; round < 20; round++) {
      const [wanted, parent] = [await port(), await port()];
      const [asParent, asSub] = [{ port_id: wanted.id }, { port_id: parent.id, sub_ports: [vlan(wanted, 5)] }];
      const order = round % 2 === 0 ? [asParent, asSub] : [asSub, asParent];
      assert.deepEqual(statuses(await all(2, (api, i) => api.request('POST', 'trunks', { trunk: order[i] }))), [201, 409]);
    }
  });

  test('one tag asked for by several subports: one has it', async () => {
    const made = await cluster.as('member').make('trunks', 'trunk', { port_id: (await port()).id });
    const subs = await Promise.all(Array.from({ length: 6 }, port));
    const answers = await all(6, (api, i) =>
      api.request('PUT', `trunks/${made.id}/add_subports`, { sub_ports: [vlan(subs[i] as Made, 5)] }),
    );
    assert.deepEqual(statuses(answers), [200, 409, 409, 409, 409, 409]);
  });

  test('subports that come at once are all there', async () => {
    const made = await cluster.as('member').make('trunks', 'trunk', { port_id: (await port()).id });
    const subs = await Promise.all(Array.from({ length: 8 }, port));
    const add = (api: Api, i: number) =>
      api.request('PUT', `trunks/${made.id}/add_subports`, { sub_ports: [vlan(subs[i] as Made, i + 1)] });
    assert.deepEqual(statuses(await all(8, add)), Array(8).fill(200));
    const [shown] = await cluster.as('member').list(`trunks?id=${made.id}`);
    assert.deepEqual([(shown?.sub_ports as unknown[]).length, shown?.revision_number], [8, 8]);
  });

  test('a port that goes while a trunk takes it: never a trunk of a port that is gone', async () => {
    for (let round = 0; round < 8; round++) {
      const [parent, sub] = [await port(), await port()];
      const goes = round % 2 === 0 ? parent : sub;
      const [gone, made] = await all(2, (api, i) =>
        i === round % 2
          ? api.request('DELETE', `ports/${goes.id}`)
          : api.request('POST', 'trunks', { trunk: { port_id: parent.id, sub_ports: [vlan(sub, 5)] } }),
      ).then(a => (round % 2 === 0 ? a : a.toReversed()));
      assert.deepEqual(
        [gone?.status === 204, made?.status === 404],
        gone?.status === 204 ? [true, true] : [false, false],
        `${gone?.status} ${made?.status}`,
      );
    }
  });
});
