// From ports to bridges, uplinks and taps; and names as Neutron gives them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PortDetails } from './l2-port.ts';
import { type BridgeOptions, planHost } from './linuxbridge.ts';
import { bridgeName, isTapName, tapName, vlanName } from './linuxbridge-names.ts';

const options: BridgeOptions = {
  interfaceMappings: { physnet1: 'eth1' },
  bridgeMappings: { public: 'br-ex' },
  vxlan: { localIp: '192.0.2.1', group: '239.0.0.0/8', l2population: true, udpPort: 8472, dev: 'eth0' },
  sha1Hex: text => `0123456789${text.length}`,
};
let count = 0;
const port = (fields: Partial<PortDetails> = {}): PortDetails => {
  const port_id = `a${String(count++).padStart(7, '0')}-0000-4000-8000-000000000000`;
  return {
    device: tapName(port_id),
    port_id,
    network_id: '586b73ec-b003-4153-9115-f31d2a75f445',
    mac_address: 'fa:16:3e:00:00:01',
    admin_state_up: true,
    network_type: 'vxlan',
    segmentation_id: 1025,
    physical_network: null,
    mtu: 1400,
    device_owner: 'compute:nova',
    port_security_enabled: true,
    fixed_ips: ['10.0.0.1'],
    qos_policy_id: null,
    qos_network_policy_id: null,
    ...fields,
  };
};

test('names', () => {
  assert.equal(tapName('fc6d9ce1-f469-4735-9d79-dcc98c4c26c6'), 'tapfc6d9ce1-f4');
  assert.equal(bridgeName('586b73ec-b003-4153-9115-f31d2a75f445'), 'brq586b73ec-b0');
  assert.ok(isTapName('tapfc6d9ce1-f4') && !isTapName('tap0') && !isTapName('tapfc6d9ce1-f4x'));
  assert.equal(
    vlanName('eth1', 101, () => ''),
    'eth1.101',
  );
  assert.equal(
    vlanName('enp0s31f6longer', 4000, () => 'abcdef99'),
    'enp0abcdef.4000',
  );
});

test('a VXLAN network: one bridge, one tunnel, its taps', () => {
  const [a, b] = [port(), port()];
  const plan = planHost([a, b], options);
  assert.deepEqual(
    [...plan.bridges.values()],
    [
      {
        name: 'brq586b73ec-b0',
        network: a.network_id,
        mtu: 1400,
        made: true,
        uplink: { kind: 'vxlan', name: 'vxlan-1025', id: 1025, dev: 'eth0', local: '192.0.2.1', port: 8472, proxy: false },
      },
    ],
  );
  assert.deepEqual(
    [...plan.taps.values()],
    [a, b].map(p => ({ name: p.device, bridge: 'brq586b73ec-b0', mtu: 1400 })),
  );
});

test('multicast groups are spread over a prefix by VNI', () => {
  const multicast = (group: string): unknown => {
    const [bridge] = planHost([port()], { ...options, vxlan: { ...options.vxlan!, l2population: false, group } }).bridges.values();
    return bridge?.uplink?.kind === 'vxlan' ? bridge.uplink.group : undefined;
  };
  assert.equal(multicast('224.0.0.1'), '224.0.0.1');
  assert.equal(multicast('239.0.0.0/8'), '239.0.4.1');
  assert.equal(multicast('239.1.1.0/30'), '239.1.1.1');
  assert.equal(multicast('ff05::/16'), 'ff05::401');
});

test('a range of VNIs may have a group of its own, and the first that has the number counts', () => {
  const groups = [
    { group: '239.9.0.0/16', low: 1000, high: 1025 },
    { group: '239.8.8.8', low: 1000, high: 2000 },
  ];
  const group = (segmentation_id: number): unknown => {
    const vxlan = { ...options.vxlan!, l2population: false, groups };
    const [bridge] = planHost([port({ segmentation_id })], { ...options, vxlan }).bridges.values();
    return bridge?.uplink?.kind === 'vxlan' ? bridge.uplink.group : undefined;
  };
  assert.deepEqual([1025, 1026, 2001].map(group), ['239.9.4.1', '239.8.8.8', '239.0.7.209']);
});

test('flat, mapped bridge, VLAN, local', () => {
  const uplink = (fields: Partial<PortDetails>): unknown =>
    [...planHost([port({ segmentation_id: null, ...fields })], options).bridges.values()].map(b => [b.name, b.made, b.uplink])[0];
  assert.deepEqual(uplink({ network_type: 'flat', physical_network: 'physnet1' }), [
    'brq586b73ec-b0',
    true,
    { kind: 'physical', name: 'eth1' },
  ]);
  assert.deepEqual(uplink({ network_type: 'flat', physical_network: 'public' }), ['br-ex', false, undefined]);
  assert.deepEqual(uplink({ network_type: 'vlan', physical_network: 'physnet1', segmentation_id: 101 }), [
    'brq586b73ec-b0',
    true,
    { kind: 'vlan', name: 'eth1.101', dev: 'eth1', id: 101 },
  ]);
  assert.deepEqual(uplink({ network_type: 'local' }), ['brq586b73ec-b0', true, undefined]);
});

test('what is down is not wired; what cannot be is named, and the others are', () => {
  const bad: [Partial<PortDetails>, RegExp][] = [
    [{ network_type: 'gre' }, /network type "gre"/],
    [{ network_type: 'flat', physical_network: 'nowhere' }, /no interface is mapped to physical network "nowhere"/],
    [{ network_type: 'vlan', physical_network: 'physnet1', segmentation_id: 4095 }, /segmentation id 4095/],
    [{ network_type: 'vxlan', segmentation_id: null }, /segmentation id null/],
    [{ network_id: '586b73ec-b0ff-4153-9115-f31d2a75f445' }, /bridge brq586b73ec-b0 is network 586b73ec-b003/],
  ];
  const good = port();
  const down = port({ admin_state_up: false });
  for (const [fields, why] of bad) {
    const wrong = port(fields);
    const plan = planHost([wrong, good, down], options);
    assert.deepEqual([...plan.taps.keys()], [good.device], String(why));
    assert.match(plan.problems.get(wrong.device) ?? '', why);
  }
  assert.match(
    planHost([good], { ...options, vxlan: { ...options.vxlan!, dev: undefined as never } }).problems.get(good.device) ?? '',
    /no device has the tunnel address 192.0.2.1/,
  );
});
