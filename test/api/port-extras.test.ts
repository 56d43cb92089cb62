// Attributes of ports that extensions add: what may be said, what they are where nothing is said, and who may say it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Made } from './client.ts';
import { type Body, beat, type Harness, start } from './harness.ts';

describe('attributes of ports', () => {
  let h: Harness;
  let network: Made;

  before(async () => {
    h = await start();
    network = await h.member.make('networks', 'network', {});
  });
  after(() => h[Symbol.asyncDispose]());

  const make = (attributes: Body, who = h.admin): Promise<Made> =>
    who.make('ports', 'port', { network_id: network.id, project_id: h.member.project, ...attributes });
  const change = async (id: string, attributes: Body): Promise<Body> => {
    const { status, body } = await h.admin.request('PUT', `ports/${id}`, { port: attributes });
    assert.equal(status, 200, JSON.stringify(body));
    return body.port as Body;
  };
  const refused = (attributes: Body, who = h.admin) =>
    who.refused('POST', 'ports', { port: { network_id: network.id, project_id: h.member.project, ...attributes } });

  test('are there with their defaults', async () => {
    const port = await make({});
    assert.deepEqual(
      [
        port.propagate_uplink_status,
        port.data_plane_status,
        port.device_profile,
        port.numa_affinity_policy,
        port.hints,
        port.hardware_offload_type,
        port.trusted,
      ],
      [true, null, null, null, null, null, null],
    );
    assert.deepEqual(port['binding:profile'], {});
  });

  test('propagate_uplink_status and numa_affinity_policy: given, changed, refused', async () => {
    const port = await make({ propagate_uplink_status: false, numa_affinity_policy: 'required' }, h.member);
    assert.deepEqual([port.propagate_uplink_status, port.numa_affinity_policy], [false, 'required']);
    const changed = await change(port.id, { propagate_uplink_status: true, numa_affinity_policy: 'socket' });
    assert.deepEqual([changed.propagate_uplink_status, changed.numa_affinity_policy], [true, 'socket']);
    assert.equal((await change(port.id, { numa_affinity_policy: null })).numa_affinity_policy, null);
    const wrong = await refused({ numa_affinity_policy: 'near' });
    assert.deepEqual(wrong.slice(0, 2), [400, 'HTTPBadRequest']);
    assert.match(wrong[2], /^Invalid input for numa_affinity_policy\. Reason: near is not in valid_values\.$/);
  });

  test('data_plane_status is told afterwards, by administrators', async () => {
    const port = await make({});
    assert.equal((await refused({ data_plane_status: 'DOWN' }))[2], "Attribute 'data_plane_status' not allowed in POST");
    assert.equal((await change(port.id, { data_plane_status: 'DOWN' })).data_plane_status, 'DOWN');
    assert.equal((await change(port.id, { data_plane_status: null })).data_plane_status, null);
    assert.equal((await h.member.refused('PUT', `ports/${port.id}`, { port: { data_plane_status: 'ACTIVE' } }))[0], 403);
    assert.equal((await h.admin.refused('PUT', `ports/${port.id}`, { port: { data_plane_status: 'BUILD' } }))[0], 400);
  });

  test('device_profile is for the creation', async () => {
    const port = await make({ device_profile: 'fpga' }, h.member);
    assert.equal(port.device_profile, 'fpga');
    const [status, , message] = await h.admin.refused('PUT', `ports/${port.id}`, { port: { device_profile: 'gpu' } });
    assert.deepEqual([status, message], [400, 'Cannot update read-only attribute device_profile']);
  });

  test('hints have a schema, and only administrators see them', async () => {
    const hints = { openvswitch: { other_config: { 'tx-steering': 'hash' } } };
    const port = await make({ hints });
    assert.deepEqual(port.hints, hints);
    assert.equal((await change(port.id, { hints: null })).hints, null);
    assert.equal((await refused({ hints: { openvswitch: { other_config: { 'tx-steering': 'magic' } } } }))[0], 400);
    assert.equal((await refused({ hints: { another: {} } }))[0], 400);
    assert.equal((await refused({ hints }, h.member))[0], 403);
    const [seen] = await h.member.list(`ports?id=${port.id}`);
    assert.equal(Object.hasOwn(seen as Body, 'hints'), false);
  });

  test('trusted and hardware_offload_type are in the profile too, where Nova looks', async () => {
    const port = await make({ trusted: true, hardware_offload_type: 'switchdev', 'binding:profile': { a: 1, capabilities: ['x'] } });
    assert.deepEqual(port['binding:profile'], { a: 1, trusted: true, capabilities: ['x', 'switchdev'] });
    const changed = await change(port.id, { trusted: false });
    assert.deepEqual([changed.trusted, (changed['binding:profile'] as Body).trusted], [false, false]);
    assert.equal((await refused({ hardware_offload_type: 'other' }))[0], 400);
    assert.equal((await refused({ trusted: true }, h.member))[0], 403);
    const [seen] = await h.member.list(`ports?id=${port.id}`);
    assert.equal(Object.hasOwn(seen as Body, 'trusted'), false);
  });

  test('agents are told of the uplink and the profile', async () => {
    await beat(h, 'h1');
    const port = await make({ propagate_uplink_status: false, trusted: true, 'binding:host_id': 'h1' });
    const args = { devices: [`tap${port.id.slice(0, 11)}`], agent_id: 'a', host: 'h1' };
    const [details] = (await h.rpc('q-plugin', 'get_devices_details_list', args, '1.9')) as Body[];
    assert.deepEqual([details?.propagate_uplink_status, details?.profile], [false, { trusted: true }]);
  });

  test('a direct-physical port has the MAC of its device, and lets go of it when it is unbound', async () => {
    const mac = '00:53:00:00:00:01';
    const plug = { 'binding:vnic_type': 'direct-physical', 'binding:host_id': 'h7', 'binding:profile': { device_mac_address: mac } };
    const port = await make({ 'binding:vnic_type': 'direct-physical' });
    assert.notEqual(port.mac_address, mac);
    assert.equal((await change(port.id, plug)).mac_address, mac);
    const twin = await make({ 'binding:vnic_type': 'direct-physical' });
    assert.deepEqual((await h.admin.refused('PUT', `ports/${twin.id}`, { port: plug })).slice(0, 2), [409, 'MacAddressInUse']);
    const freed = await change(port.id, { 'binding:host_id': '', 'binding:profile': {} });
    assert.notEqual(freed.mac_address, mac);
    assert.equal((await change(twin.id, plug)).mac_address, mac);
    const ordinary = await make({ ...plug, 'binding:vnic_type': 'normal' });
    assert.notEqual(ordinary.mac_address, mac);
  });
});
