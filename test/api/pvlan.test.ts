// Private VLANs: what networks and ports say of them, what is refused, and that nobody carries packets of ports that he cannot keep apart.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { drivers } from '../../src/drivers/all.ts';
import { linuxbridge } from '../../src/drivers/mech/linuxbridge.ts';
import type { Made } from './client.ts';
import { type Body, beat, type Harness, start, until } from './harness.ts';

describe('private VLANs', () => {
  let h: Harness;
  let network: Made;

  before(async () => {
    h = await start({ servicePlugins: ['pvlan'], quotas: { port: -1, network: -1 } });
    await beat(h, 'h1');
    network = await h.member.make('networks', 'network', { pvlan: true });
  });
  after(() => h[Symbol.asyncDispose]());

  const port = (attributes: Body = {}, on = network, who = h.member): Promise<Made> =>
    who.make('ports', 'port', { network_id: on.id, ...attributes });
  const refused = (attributes: Body, on = network) => h.member.refused('POST', 'ports', { port: { network_id: on.id, ...attributes } });
  const put = async (what: 'network' | 'port', id: string, attributes: Body, who = h.member): Promise<Body> => {
    const { status, body } = await who.request('PUT', `${what}s/${id}`, { [what]: attributes });
    assert.equal(status, 200, JSON.stringify(body));
    return body[what] as Body;
  };
  const notPut = async (what: 'network' | 'port', id: string, attributes: Body): Promise<string> => {
    const [status, type] = await h.member.refused('PUT', `${what}s/${id}`, { [what]: attributes });
    return `${status} ${type}`;
  };
  const placeOf = ({ pvlan_type, pvlan_community }: Body): unknown[] => [pvlan_type, pvlan_community];
  const shown = async (id: string): Promise<unknown[]> => placeOf((await h.member.request('GET', `ports/${id}`)).body.port as Body);

  test('are none unless asked for; ports on them are promiscuous unless asked for', async () => {
    const plain = await h.member.make('networks', 'network', {});
    assert.equal(plain.pvlan, false);
    assert.deepEqual(placeOf(await port({}, plain)), [null, null]);
    assert.equal(network.pvlan, true);
    for (const given of [{}, { pvlan_type: null, pvlan_community: null }, { pvlan_type: 'promiscuous' }])
      assert.deepEqual(placeOf(await port(given)), ['promiscuous', null]);
    assert.deepEqual(placeOf(await port({ pvlan_type: 'isolated' })), ['isolated', null]);
    const made = await port({ pvlan_type: 'community', pvlan_community: 'community_1' });
    assert.deepEqual(placeOf(made), ['community', 'community_1']);
    assert.deepEqual(
      (await h.member.list(`ports?pvlan_type=community&network_id=${network.id}`)).map(p => p.id),
      [made.id],
    );
  });

  test('a port changes its place; a community keeps its name until another is given', async () => {
    const { id } = await port({ pvlan_type: 'isolated' });
    assert.deepEqual(placeOf(await put('port', id, { pvlan_type: 'community', pvlan_community: 'a' })), ['community', 'a']);
    assert.deepEqual(placeOf(await put('port', id, { name: 'x' })), ['community', 'a']);
    assert.deepEqual(placeOf(await put('port', id, { pvlan_community: null })), ['community', 'a']);
    assert.deepEqual(placeOf(await put('port', id, { pvlan_community: 'b' })), ['community', 'b']);
    assert.deepEqual(placeOf(await put('port', id, { pvlan_type: null })), ['promiscuous', null]);
    assert.deepEqual(await shown(id), ['promiscuous', null]);
  });

  test('what is refused', async () => {
    const plain = await h.member.make('networks', 'network', {});
    const type = async (attributes: Body, on = network): Promise<string> => (await refused(attributes, on)).slice(0, 2).join(' ');
    for (const pvlan_community of ['bad name!', '1community', '', 'a'.repeat(233), 'a\n', 5])
      assert.match((await refused({ pvlan_type: 'community', pvlan_community }))[2], /^Invalid input for pvlan_community/);
    assert.equal(await type({ pvlan_type: 'invalid_type' }), '400 HTTPBadRequest');
    assert.equal(await type({ pvlan_type: 'community' }), '400 PVLANCommunityNameRequired');
    assert.equal(await type({ pvlan_type: 'isolated', pvlan_community: 'a' }), '400 PVLANCannotSetCommunityName');
    assert.equal(await type({ pvlan_community: 'a' }), '400 PVLANCannotSetCommunityName');
    assert.equal(await type({ pvlan_type: 'isolated' }, plain), '400 PVLANNotEnabledOnNetwork');
    assert.equal(await type({ pvlan_community: 'a' }, plain), '400 PVLANNotEnabledOnNetwork');
    const outside = await port({}, plain);
    assert.equal(await notPut('port', outside.id, { pvlan_type: 'isolated' }), '400 PVLANNotEnabledOnNetwork');
    const inside = await port();
    assert.equal(await notPut('port', inside.id, { pvlan_type: 'community' }), '400 PVLANCommunityNameRequired');
    assert.equal(await notPut('port', inside.id, { pvlan_community: 'a' }), '400 PVLANCannotSetCommunityName');
    assert.deepEqual(await shown(inside.id), ['promiscuous', null]);
  });

  test('go with port security', async () => {
    const without = { port_security_enabled: false };
    const [status, type] = await h.member.refused('POST', 'networks', { network: { pvlan: true, ...without } });
    assert.deepEqual([status, type], [400, 'PVLANNetworkPortSecurityDisabled']);
    assert.equal(await notPut('network', network.id, without), '400 PVLANNetworkPortSecurityDisabled');
    const open = await h.member.make('networks', 'network', without);
    assert.equal(await notPut('network', open.id, { pvlan: true }), '400 PVLANNetworkPortSecurityDisabled');
    assert.deepEqual((await refused(without)).slice(0, 2), [400, 'PVLANPortSecurityDisabled']);
    const { id } = await port({ security_groups: [] });
    assert.equal(await notPut('port', id, without), '400 PVLANPortSecurityDisabled');
    const service = await port({ ...without, device_owner: 'network:own' }, network, h.admin);
    assert.deepEqual(placeOf(service), ['promiscuous', null]);
    const closed = await h.member.make('networks', 'network', {});
    const inTheWay = await port(without, closed);
    assert.equal(await notPut('network', closed.id, { pvlan: true }), '400 PVLANPortSecurityDisabled');
    await h.member.request('DELETE', `ports/${inTheWay.id}`);
    await put('network', closed.id, { pvlan: true });
  });

  test('a network that becomes one takes its ports along, and back', async () => {
    const later = await h.member.make('networks', 'network', {});
    const { id, revision_number } = await port({}, later);
    assert.equal((await put('network', later.id, { pvlan: true })).pvlan, true);
    assert.deepEqual(await shown(id), ['promiscuous', null]);
    await put('port', id, { pvlan_type: 'community', pvlan_community: 'a' });
    await put('network', later.id, { pvlan: true });
    assert.deepEqual(await shown(id), ['community', 'a']);
    await put('network', later.id, { pvlan: false });
    assert.deepEqual(await shown(id), [null, null]);
    const now = (await h.member.request('GET', `ports/${id}`)).body.port as Body;
    assert.equal(now.revision_number, Number(revision_number) + 3);
    assert.equal(await notPut('port', id, { pvlan_type: 'isolated' }), '400 PVLANNotEnabledOnNetwork');
  });

  test('whoever shares the network or its ports does not see it', async () => {
    const shared = await h.admin.make('networks', 'network', { shared: true, pvlan: true });
    const theirs = (await h.member.request('GET', `networks/${shared.id}`)).body.network as Body;
    assert.ok(!('pvlan' in theirs) && theirs.id === shared.id);
    assert.deepEqual(placeOf(await port({ pvlan_type: 'isolated' }, shared)), ['isolated', null]);
  });

  test('agents of later releases are told', async () => {
    const { id } = await port({ pvlan_type: 'community', pvlan_community: 'a' });
    const pull = async (resource_type: string, version: string, resource_id: string): Promise<Body> => {
      const filter_kwargs = { id: [resource_id] };
      const [object] = (await h.rpc('q-plugin', 'bulk_pull', { resource_type, version, filter_kwargs }, '1.1')) as unknown as Body[];
      return object!['versioned_object.data'] as Body;
    };
    assert.deepEqual(placeOf(await pull('Port', '1.11', id)), ['community', 'a']);
    assert.ok(!('pvlan_type' in (await pull('Port', '1.10', id))));
    assert.equal((await pull('Network', '1.3', network.id)).pvlan, true);
    assert.ok(!('pvlan' in (await pull('Network', '1.2', network.id))));
  });

  const vifOf = (body: Body): unknown => body['binding:vif_type'];
  const plugged = { 'binding:host_id': 'h1' };

  test('a driver that cannot keep ports apart does not get them', async () => {
    const on = async (attributes: Body): Promise<Made> => port({ ...plugged, ...attributes }, network, h.admin);
    assert.equal(vifOf(await on({ pvlan_type: 'isolated' })), 'binding_failed');
    assert.equal(vifOf(await on({ pvlan_type: 'community', pvlan_community: 'a' })), 'binding_failed');
    const free = await on({ device_owner: 'compute:nova' });
    assert.equal(vifOf(free), 'bridge');
    const details = async (): Promise<Body[]> => {
      const args = { devices: [free.id], agent_id: 'lb-h1', host: 'h1' };
      return ((await h.rpc('q-plugin', 'get_devices_details_list_and_failed_devices', args, '1.5')) as Body).devices as Body[];
    };
    assert.equal((await details())[0]?.port_id, free.id);
    assert.equal(vifOf(await put('port', free.id, { pvlan_type: 'isolated' }, h.admin)), 'binding_failed');
    assert.deepEqual(await details(), [{ device: free.id }]);
    assert.equal(vifOf(await put('port', free.id, { pvlan_type: 'community', pvlan_community: 'b' }, h.admin)), 'binding_failed');
    const binding = { binding: { host: 'h2', vnic_type: 'normal' } };
    await beat(h, 'h2');
    const [status, type] = await h.admin.refused('POST', `ports/${free.id}/bindings`, binding);
    assert.deepEqual([status, type], [500, 'PortBindingError']);
    assert.equal(vifOf(await put('port', free.id, { pvlan_type: 'promiscuous' }, h.admin)), 'bridge');
    assert.equal((await h.admin.request('POST', `ports/${free.id}/bindings`, binding)).status, 201);
    await put('port', free.id, { pvlan_type: 'isolated' }, h.admin);
    const there = `ports/${free.id}/bindings/h2/activate`;
    assert.equal((await h.admin.request('PUT', there)).status, 500);
    await put('port', free.id, { pvlan_type: 'promiscuous' }, h.admin);
    assert.equal((await h.admin.request('PUT', there)).status, 200);
  });

  test('one that can does', async () => {
    const able = { ...drivers, mechanisms: [{ ...linuxbridge, pvlan: true as const }] };
    await using other = await start({ servicePlugins: ['pvlan'] }, undefined, { drivers: able });
    await beat(other, 'h1');
    const on = await other.admin.make('networks', 'network', { pvlan: true });
    const made = await other.admin.make('ports', 'port', { network_id: on.id, pvlan_type: 'isolated', ...plugged });
    assert.equal(vifOf(made), 'bridge');
  });

  test('a network that becomes one while ports come has no port without a place', async () => {
    for (let round = 0; round < 8; round++) {
      const racing = await h.member.make('networks', 'network', {});
      const ports = Array.from({ length: 4 }, () => port({}, racing));
      await Promise.all([...ports, put('network', racing.id, { pvlan: true })]);
      const found = await h.member.list(`ports?network_id=${racing.id}`);
      assert.deepEqual([...new Set(found.map(p => p.pvlan_type))], ['promiscuous']);
    }
  });

  test('L2 agents hear of the change as of any other', async () => {
    const heard: Body[] = [];
    const update = (args: Body): null => {
      heard.push(args);
      return null;
    };
    await h.bus.serve({
      topic: 'q-agent-notifier-port-update',
      server: 'h1',
      endpoints: [{ version: '1.0', methods: { port_update: args => update(args as Body) } }],
    });
    const later = await h.member.make('networks', 'network', {});
    const { id } = await port(plugged, later, h.admin);
    await put('network', later.id, { pvlan: true });
    await until('the agent hears', async () =>
      heard.find(m => (m.port as Body)?.id === id && (m.port as Body).pvlan_type === 'promiscuous'),
    );
  });
});

test('without the plug-in there are none', async () => {
  await using h = await start();
  const made = await h.member.make('networks', 'network', {});
  assert.ok(!('pvlan' in made));
  assert.equal((await h.member.request('POST', 'networks', { network: { pvlan: true } })).status, 400);
  const port = await h.member.make('ports', 'port', { network_id: made.id });
  assert.ok(!('pvlan_type' in port) && !('pvlan_community' in port));
});
