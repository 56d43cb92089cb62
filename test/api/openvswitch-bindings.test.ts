// Ports on hosts with an Open vSwitch agent: how they are bound, and where the parents of trunks are plugged.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { uuid5 } from '../../src/server/uuid5.ts';
import type { Body, Made } from './client.ts';
import { beat, type Harness, start } from './harness.ts';

/** Of what the UUIDs of Open vSwitch's bridges in Placement are made. */
const agentsOf = '87ee7d5c-73bb-11e8-9008-c4d987b2a692';

describe('ports on hosts with Open vSwitch', () => {
  let h: Harness;
  let net: Made;

  async function report(host: string, more: Body = {}): Promise<void> {
    const configurations = {
      ...{ bridge_mappings: { public: 'br-ex' }, tunnel_types: ['vxlan'], tunneling_ip: '192.0.2.7', l2_population: true },
      ...{ integration_bridge: 'br-int', datapath_type: 'system', ovs_hybrid_plug: false },
      ...more,
    };
    const agent = { agent_type: 'Open vSwitch agent', binary: 'neutron-openvswitch-agent', topic: 'N/A', host, configurations };
    const state = { ...agent, uuid: randomUUID(), start_flag: true };
    const time = new Date().toISOString().slice(0, 19);
    await h.rpc('q-reports-plugin', 'report_state', { agent_state: { agent_state: state }, time }, '1.2');
  }

  before(async () => {
    h = await start({ flatNetworks: ['public'] });
    net = await h.admin.make('networks', 'network', {});
    await report('ovs-1');
  });
  after(() => h[Symbol.asyncDispose]());

  const port = (attributes: Body): Promise<Made> => h.admin.make('ports', 'port', { network_id: net.id, ...attributes });
  const plug = (made: Body | undefined): unknown[] => [
    made?.['binding:vif_type'],
    (made?.['binding:vif_details'] as Body).bridge_name,
    (made?.['binding:vif_details'] as Body).bound_drivers,
  ];
  const details = (made: Made): Promise<Made> =>
    h.rpc(
      'q-plugin',
      'get_device_details',
      { device: made.id, host: 'ovs-1', agent_id: 'ovs-agent-ovs-1' },
      '1.9',
    ) as unknown as Promise<Made>;

  test('bound by the agent that is there, to the segment that it reaches', async () => {
    const made = await port({ 'binding:host_id': 'ovs-1' });
    assert.deepEqual(plug(made), ['ovs', 'br-int', { '0': 'openvswitch' }]);
    assert.equal((await details(made)).network_type, 'vxlan');
    const provider = { 'provider:network_type': 'flat', 'provider:physical_network': 'public' };
    const flat = await h.admin.make('networks', 'network', provider);
    const on = await port({ network_id: flat.id, 'binding:host_id': 'ovs-1' });
    assert.deepEqual([on['binding:vif_type'], (await details(on)).physical_network], ['ovs', 'public']);
    const direct = { 'binding:host_id': 'ovs-1', 'binding:vnic_type': 'direct' };
    assert.equal((await port(direct))['binding:vif_type'], 'binding_failed');
    assert.equal((await port({ ...direct, 'binding:profile': { capabilities: ['switchdev'] } }))['binding:vif_type'], 'ovs');
  });

  test('where both kinds of agent are, Open vSwitch comes first; the other takes what it cannot reach', async () => {
    await report('both', { bridge_mappings: {} });
    await beat(h, 'both');
    assert.equal((await port({ 'binding:host_id': 'both' }))['binding:vif_type'], 'ovs');
    const provider = { 'provider:network_type': 'flat', 'provider:physical_network': 'public' };
    const [flat] = await h.admin.list('networks?provider:physical_network=public');
    const there = flat ?? (await h.admin.make('networks', 'network', provider));
    assert.equal((await port({ network_id: there.id, 'binding:host_id': 'both' }))['binding:vif_type'], 'bridge');
  });

  test('what Nova has reserved for a port is on a bridge of the agent that binds it', async () => {
    const rates = { 'br-ex': { egress: 1000 } };
    await report('reserving', { resource_provider_bandwidths: rates });
    await beat(h, 'reserving', { interface_mappings: { public: 'eth1' } });
    const [flat] = await h.admin.list('networks?provider:physical_network=public');
    const on = async (host: string, allocation: Body): Promise<unknown> =>
      (await port({ network_id: flat!.id, 'binding:host_id': host, 'binding:profile': { allocation } }))['binding:vif_type'];
    const [own, foreign] = [uuid5(agentsOf, 'reserving:br-ex'), uuid5(agentsOf, 'elsewhere:br-ex')];
    assert.equal(await on('reserving', { group: own }), 'ovs');
    assert.equal(await on('reserving', {}), 'ovs');
    // Nor by the Linux bridge agent, which has none.
    assert.equal(await on('reserving', { group: foreign }), 'binding_failed');
    assert.equal(await on('reserving', { group: own, another: foreign }), 'binding_failed');
    assert.equal(await on('ovs-1', { group: own }), 'binding_failed');
  });

  test("the parent of a trunk is plugged into the trunk's bridge; a port that is plugged elsewhere becomes none", async () => {
    const [parent, sub] = [await port({}), await port({})];
    const trunk = await h.admin.make('trunks', 'trunk', {
      port_id: parent.id,
      sub_ports: [{ port_id: sub.id, segmentation_type: 'vlan', segmentation_id: 7 }],
    });
    const { body } = await h.admin.request('PUT', `ports/${parent.id}`, { port: { 'binding:host_id': 'ovs-1' } });
    assert.deepEqual(plug(body.port as Body), ['ovs', `tbr-${trunk.id}`.slice(0, 14), { '0': 'openvswitch' }]);
    const bound = await port({ 'binding:host_id': 'ovs-1' });
    assert.equal((await h.admin.refused('POST', 'trunks', { trunk: { port_id: bound.id } }))[1], 'ParentPortInUse');
  });
});
