// Which ports the mechanisms bind, where, and what they tell of the plug.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AgentView, PortView, SegmentView } from '../../contracts/drivers.ts';
import { linuxbridge } from './linuxbridge.ts';
import { openvswitch } from './openvswitch.ts';

const segment = (network_type: string, physical_network: string | null = null): SegmentView => ({
  id: network_type,
  network_type,
  physical_network,
  segmentation_id: 7,
});
const port: PortView = { id: '0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9', vnic_type: 'normal', guarded: true, profile: {} };
const configurations = {
  bridge_mappings: { public: 'br-ex' },
  tunnel_types: ['vxlan'],
  integration_bridge: 'br-int',
  ovs_hybrid_plug: false,
};
const agent: AgentView = { agent_type: 'Open vSwitch agent', alive: true, admin_state_up: true, configurations };
const having = (more: object): AgentView => ({ ...agent, configurations: { ...configurations, ...more } });

describe('Open vSwitch', () => {
  const bind = (p: Partial<PortView> = {}, a = agent, segments = [segment('vxlan')]) => openvswitch.bind({ ...port, ...p }, a, segments);

  test('the first segment that the agent reaches, by its tunnels and the bridges of its physical networks', () => {
    const all = [segment('gre'), segment('flat', 'other'), segment('vlan', 'public'), segment('vxlan')];
    assert.equal(bind({}, agent, all)?.segment.network_type, 'vlan');
    assert.equal(bind({}, agent, [segment('gre'), segment('flat', 'other')]), undefined);
    assert.equal(bind({}, agent, [segment('local')])?.segment.network_type, 'local');
    assert.equal(bind({}, having({ bridge_mappings: undefined }), [segment('flat', 'public')]), undefined);
  });

  test('not by an agent that is dead or switched off', () => {
    assert.equal(bind({}, { ...agent, alive: false }), undefined);
    assert.equal(bind({}, { ...agent, admin_state_up: false }), undefined);
  });

  test('what Nova is told: the bridge, the kind of datapath, and who filters', () => {
    const plain = { connectivity: 'l2', port_filter: true, ovs_hybrid_plug: false, datapath_type: 'system', bridge_name: 'br-int' };
    assert.deepEqual(bind(), {
      driver: 'openvswitch',
      segment: segment('vxlan'),
      vif_type: 'ovs',
      vif_details: { ...plain, bound_drivers: { '0': 'openvswitch' } },
    });
    const hybrid = bind({}, having({ ovs_hybrid_plug: true, datapath_type: 'netdev' }))?.vif_details;
    assert.deepEqual([hybrid?.ovs_hybrid_plug, hybrid?.datapath_type], [true, 'netdev']);
    assert.deepEqual(bind({ guarded: false })?.vif_details, { ...plain, port_filter: false, bound_drivers: { '0': 'openvswitch' } });
    assert.equal(Object.hasOwn(bind({}, having({ integration_bridge: undefined }))?.vif_details ?? {}, 'bridge_name'), false);
  });

  test("the parent of a trunk is plugged into the trunk's bridge", () => {
    const trunk_id = '11112222-3333-4444-5555-666677778888';
    assert.equal(bind({ trunk_id })?.vif_details.bridge_name, 'tbr-11112222-3');
  });

  test('a switch in user space that knows sockets of instances is joined by one', () => {
    const by = (types: readonly string[], more: object = {}) =>
      bind({}, having({ datapath_type: 'netdev', ovs_capabilities: { iface_types: types }, vhostuser_socket_dir: '/run/ovs/', ...more }));
    const both = by(['dpdkvhostuser', 'dpdkvhostuserclient']);
    assert.equal(both?.vif_type, 'vhostuser');
    assert.deepEqual(both?.vif_details, {
      connectivity: 'l2',
      port_filter: false,
      ovs_hybrid_plug: false,
      vhostuser_mode: 'server',
      vhostuser_ovs_plug: true,
      vhostuser_socket: '/run/ovs/vhu0a1b2c3d-4e',
      datapath_type: 'netdev',
      bridge_name: 'br-int',
      bound_drivers: { '0': 'openvswitch' },
    });
    assert.equal(by(['dpdkvhostuser'])?.vif_details.vhostuser_mode, 'client');
    assert.equal(by(['dpdkvhostuser'], { datapath_type: 'system' })?.vif_type, 'ovs');
    assert.equal(by(['patch', 'vxlan'])?.vif_type, 'ovs');
  });

  test('a NIC that is passed through only with its switch driven by Open vSwitch', () => {
    assert.equal(bind({ vnic_type: 'direct' }), undefined);
    assert.equal(bind({ vnic_type: 'direct', profile: { capabilities: ['switchdev'] } })?.vif_type, 'ovs');
    assert.equal(bind({ vnic_type: 'macvtap' }), undefined);
  });
});

test('the Linux bridge binds plain ports, and knows physical networks by interfaces and by bridges', () => {
  const at = (mappings: object): AgentView => ({ ...agent, configurations: { tunnel_types: ['vxlan'], ...mappings } });
  const flat = [segment('flat', 'public')];
  assert.equal(linuxbridge.bind(port, at({ interface_mappings: { public: 'eth1' } }), flat)?.vif_type, 'bridge');
  assert.equal(linuxbridge.bind(port, at({ bridge_mappings: { public: 'br1' } }), flat)?.vif_type, 'bridge');
  assert.equal(linuxbridge.bind(port, at({}), flat), undefined);
  assert.equal(linuxbridge.bind({ ...port, vnic_type: 'direct' }, at({}), [segment('vxlan')]), undefined);
});
