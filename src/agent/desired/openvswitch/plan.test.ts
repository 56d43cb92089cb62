// Names, local VLANs, segments and tunnels.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { emptyFdb } from '../l2-fdb.ts';
import type { PortDetails } from '../l2-port.ts';
import { patchName, tunnelName, tunnelTypeOf } from './names.ts';
import { type OvsOptions, planSwitch, type Vif } from './plan.ts';
import { LocalVlans, portConfig } from './segments.ts';
import { wantedTunnels } from './tunnels.ts';

const sha1Hex = (text: string): string => createHash('sha1').update(text).digest('hex');
const NET = '2c54eb18-4960-44ef-bdcd-dbd2fdd4a824';
const id = (n: number): string => `a${String(n).padStart(7, '0')}-0000-4000-8000-000000000000`;
const port = (n: number, fields: Partial<PortDetails> = {}): PortDetails => ({
  device: id(n),
  port_id: id(n),
  network_id: NET,
  mac_address: 'fa:16:3e:00:00:01',
  admin_state_up: true,
  network_type: 'vxlan',
  segmentation_id: 7,
  physical_network: null,
  mtu: 1450,
  device_owner: 'compute:nova',
  port_security_enabled: true,
  fixed_ips: ['10.0.0.1'],
  qos_policy_id: null,
  qos_network_policy_id: null,
  ...fields,
});
const vif = (n: number, ofport: number | undefined = n): Vif => ({
  device: id(n),
  row: `row${n}`,
  name: `tap${n}`,
  ofport,
  tag: undefined,
  otherConfig: {},
});
const vifs = (...all: Vif[]): Map<string, Vif> => new Map(all.map(v => [v.device, v]));
const tunnels = { types: ['vxlan', 'gre'], localIp: '192.0.2.1', l2population: false, arpResponder: false } as const;
const options: OvsOptions = { bridgeMappings: { public: 'br-ex', far: 'br-far' }, tunnels };
const bridges = new Set(['br-int', 'br-ex']);

test('names, as Neutron gives them', () => {
  assert.equal(patchName('int-', 'br-ex', sha1Hex), 'int-br-ex');
  assert.equal(patchName('phy-', 'br-provider-one', sha1Hex), `phy-br-pr${sha1Hex('br-provider-one').slice(0, 6)}`);
  assert.equal(tunnelName('vxlan', '10.99.0.1', sha1Hex), 'vxlan-0a630001');
  assert.equal(tunnelName('gre', '192.0.2.2', sha1Hex), 'gre-c0000202');
  // base64.b32encode(hashlib.sha1(b'2001:db8::2').digest())
  assert.equal(tunnelName('geneve', '2001:db8::2', sha1Hex), 'geneve-pehtjzks');
  assert.equal(tunnelName('gre', 'nowhere', sha1Hex), undefined);
  assert.deepEqual(['vxlan-0a630001', 'gre-c0000202', 'vxlan-1025x', 'patch-int', 'gre-sys'].map(tunnelTypeOf), [
    'vxlan',
    'gre',
    undefined,
    undefined,
    undefined,
  ]);
});

test('local VLANs: kept over a restart, given back, and not to another in the same pass', () => {
  const segment = (n: number) => ({ network: `n${n}`, type: 'vxlan', physical: null, id: n });
  const vlans = new LocalVlans();
  const found = (n: number, tag: number, said = tag) => ({ tag, otherConfig: portConfig(segment(n), said) });
  vlans.adopt([found(1, 5), found(1, 6), found(2, 5), found(3, 7, 8), found(4, 4095, 9), { tag: 3, otherConfig: {} }]);
  assert.deepEqual(vlans.assign(new Set(['n1/1', 'n2/2'])), { freed: [], fresh: [1], without: [] });
  assert.deepEqual([vlans.get('n1/1'), vlans.get('n2/2')], [5, 1]);
  assert.deepEqual(vlans.assign(new Set(['n1/1', 'n9/None'])).freed, [1]);
  assert.equal(vlans.get('n9/None'), 2);
  // The pass has failed: what it left undone is told again.
  assert.deepEqual(vlans.assign(new Set(['n1/1', 'n9/None', 'n7/7'])), { freed: [1], fresh: [2, 3], without: [] });
  assert.deepEqual(vlans.assign(new Set(['n1/1', 'n9/None'])), { freed: [1, 3], fresh: [2], without: [] });
  vlans.settled();
  assert.deepEqual(vlans.assign(new Set(['n1/1', 'n9/None', 'n8/8'])).freed, []);
  assert.equal(vlans.get('n8/8'), 1);
  assert.equal(vlans.assign(new Set(Array.from({ length: 4096 }, (_, i) => `x/${i}`))).without.length > 0, true);
});

test('segments, ports, and ports that cannot be', () => {
  const all = [
    port(1),
    port(2, { network_type: 'flat', physical_network: 'public', network_id: 'f', segmentation_id: null }),
    port(3, { network_type: 'vlan', physical_network: 'public', network_id: 'v', segmentation_id: 187 }),
    port(4, { network_type: 'local', network_id: 'l', segmentation_id: null }),
    port(5, { admin_state_up: false }),
    port(6),
    port(7),
  ];
  const plan = planSwitch(
    all,
    vifs(vif(1), vif(2), vif(3), vif(4), vif(5), { ...vif(6), ofport: undefined }, vif(7, -1)),
    options,
    bridges,
  );
  assert.deepEqual([...plan.segments.keys()], [`${NET}/7`, 'f/None', 'v/187', 'l/None']);
  assert.deepEqual([...plan.ports.keys()], [1, 2, 3, 4].map(id));
  assert.deepEqual([...plan.waiting], [id(6), id(7)]);
  const bad: [Partial<PortDetails>, RegExp][] = [
    [{ network_type: 'geneve' }, /geneve is not among the tunnels/],
    [{ network_type: 'odd' }, /network type "odd"/],
    [{ segmentation_id: 0 }, /segmentation id 0 of a vxlan/],
    [{ network_type: 'flat', physical_network: 'nowhere' }, /no bridge is mapped to physical network "nowhere"/],
    [{ network_type: 'flat', physical_network: 'far' }, /there is no bridge br-far for physical network "far"/],
    [{ network_type: 'vlan', physical_network: 'public', segmentation_id: 4095 }, /segmentation id 4095/],
  ];
  for (const [fields, why] of bad) {
    const { ports, problems } = planSwitch([port(1), port(9, fields)], vifs(vif(1), vif(9)), options, bridges);
    assert.deepEqual([...ports.keys()], [id(1)]);
    assert.match(problems.get(id(9)) ?? '', why);
  }
});

test('tunnels: to all ends of the type, or to those behind which somebody is; never to ourselves or to the other family', () => {
  const segments = [{ network: NET, type: 'vxlan', physical: null, id: 7 }];
  const fdb = { ...emptyFdb(), flood: new Set(['192.0.2.8']), unicast: new Map([['fa:16:3e:00:00:02', '192.0.2.9']]) };
  const given = {
    segments,
    ends: new Map([['gre', new Set(['192.0.2.1', '192.0.2.3', '2001:db8::3'])]] as const),
    fdbOf: () => fdb,
    sha1Hex,
  };
  assert.deepEqual([...wantedTunnels({ ...given, options }).keys()], ['gre-c0000203']);
  const population = { ...options, tunnels: { ...tunnels, l2population: true } };
  assert.deepEqual([...wantedTunnels({ ...given, options: population }).keys()], ['vxlan-c0000208', 'vxlan-c0000209']);
});
