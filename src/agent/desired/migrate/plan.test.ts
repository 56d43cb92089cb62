// What a move does, and every reason why one is refused.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { planMove } from './plan.ts';
import { type Cloud, type CloudPort, type Link, linuxBridgeAgent, openvswitchAgent, type Situation, type Target } from './situation.ts';
import { wordsOf } from './words.ts';

const vxlanNet = '11111111-2222-3333-4444-555555555555';
const flatNet = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee';
const idOf = (n: number): string => `0000000${n}-aaaa-bbbb-cccc-dddddddddddd`;

const port = (n: number, more: Partial<CloudPort> = {}): CloudPort => ({
  id: idOf(n),
  network_id: vxlanNet,
  mac_address: `fa:16:3e:00:00:0${n}`,
  device_owner: 'compute:nova',
  device_id: `instance-${n}`,
  status: 'ACTIVE',
  admin_state_up: true,
  port_security_enabled: true,
  vif_type: 'bridge',
  port_filter: true,
  migrating: false,
  limited: false,
  trunk: false,
  ...more,
});

const link = (name: string, more: Partial<Link> = {}): Link => ({
  ...{ name, kind: 'veth', mac: '02:00:00:00:00:01', addresses: [] },
  ...more,
});
const tap = (n: number, master?: string): Link => link(`tap${idOf(n).slice(0, 11)}`, { kind: 'tun', ...(master ? { master } : {}) });
const vxlanBridge = `brq${vxlanNet.slice(0, 11)}`;
const flatBridge = `brq${flatNet.slice(0, 11)}`;
const address = (cidr: string) => ({ cidr, scope: 'global', dynamic: false });
const tunnel = (more: object = {}): Link =>
  link('vxlan-7', {
    ...{ kind: 'vxlan', master: vxlanBridge },
    vxlan: { port: 8472, ...more },
  });

const target: Target = {
  integrationBridge: 'br-int',
  tunnelBridge: 'br-tun',
  bridgeMappings: { public: 'br-public' },
  datapathType: 'system',
  firewall: 'openvswitch',
  tunnels: { types: ['vxlan'], localIp: '192.0.2.1', l2population: true, vxlanPort: 8472 },
};

const agent = (agent_type: string, configurations: object) => ({
  ...{ id: agent_type, agent_type, alive: true, admin_state_up: true },
  configurations: configurations as Readonly<Record<string, unknown>>,
});
const linuxbridge = (more: object = {}) =>
  agent(linuxBridgeAgent, {
    ...{
      interface_mappings: { public: 'eth1' },
      bridge_mappings: {},
      tunneling_ip: '192.0.2.1',
      tunnel_types: ['vxlan'],
      l2_population: true,
    },
    ...more,
  });

const segment = (network_type: string, physical_network: string | null, segmentation_id: number | null) => [
  { network_type, physical_network, segmentation_id },
];

/** Two instances in a VXLAN network, one and a router's port in a flat one, whose bridge has the host's address. */
const base = (): Situation => ({
  host: 'h1',
  cloud: {
    agents: [linuxbridge()],
    ports: [
      port(1),
      port(2),
      port(3, { network_id: flatNet }),
      port(4, { network_id: flatNet, device_owner: 'network:router_gateway', device_id: 'r' }),
    ],
    networks: new Map([
      [vxlanNet, { id: vxlanNet, name: 'tenant', segments: segment('vxlan', null, 7) }],
      [flatNet, { id: flatNet, name: 'outside', segments: segment('flat', 'public', null) }],
    ]),
    rewrites: true,
  },
  target,
  links: [
    ...[
      link('eth0', { kind: '', addresses: [address('192.0.2.1/24')] }),
      link('eth1', { kind: '', master: flatBridge, mac: '02:00:00:00:00:e1' }),
    ],
    ...[link(vxlanBridge, { kind: 'bridge' }), link(flatBridge, { kind: 'bridge', addresses: [address('203.0.113.9/24')] })],
    ...[tunnel(), tap(1, vxlanBridge), tap(3, flatBridge), tap(4, flatBridge)],
  ],
  routes: [
    { dst: '203.0.113.0/24', dev: flatBridge, family: 4, proto: 'kernel' },
    { dst: 'default', via: '203.0.113.1', dev: flatBridge, family: 4 },
    { dst: '198.51.100.0/24', via: '192.0.2.254', dev: 'eth0', family: 4 },
  ],
  openvswitch: new Map(),
});

const withCloud = (more: Partial<Cloud>): Situation => ({ ...base(), cloud: { ...base().cloud, ...more } });
const withTarget = (more: Partial<Target>): Situation => ({ ...base(), target: { ...target, ...more } });
const withLinks = (change: (links: readonly Link[]) => readonly Link[]): Situation => ({ ...base(), links: change(base().links) });

test('what moves: taps, the device with the addresses of its bridge, tunnels; and what stays', () => {
  const { refusals, move } = planMove(base());
  assert.deepEqual(refusals, []);
  assert.deepEqual(
    move.taps.map(t => [t.name, t.instance ?? t.owner, t.active]),
    [
      ['tap00000001-aa', 'instance-1', true],
      ['tap00000003-aa', 'instance-3', true],
      ['tap00000004-aa', 'network:router_gateway', true],
    ],
  );
  assert.deepEqual(move.unplugged, [idOf(2)]);
  assert.deepEqual(move.devices, [
    {
      ...{ physical: 'public', device: 'eth1', mac: '02:00:00:00:00:e1', bridge: 'br-public', from: flatBridge },
      addresses: ['203.0.113.9/24'],
      routes: [{ dst: 'default', via: '203.0.113.1', dev: flatBridge, family: 4 }],
    },
  ]);
  assert.deepEqual([move.bridges, move.uplinks, move.notices], [[vxlanBridge, flatBridge], ['vxlan-7'], []]);
});

test('what is strange to us stays where it is, and so does its bridge', () => {
  const { refusals, move } = planMove(withLinks(links => [...links, tap(9, vxlanBridge), link('vnet7', { master: flatBridge })]));
  assert.deepEqual([refusals, move.bridges], [[], []]);
  assert.deepEqual(
    move.notices.map(n => n.split(' ')[0]),
    ['tap00000009-aa', 'vnet7'],
  );
});

test('VLAN devices go with the tunnels; what is in Open vSwitch already moves no more', () => {
  const vlan = link('eth1.101', { kind: 'vlan', master: vxlanBridge });
  assert.deepEqual(planMove(withLinks(links => [...links, vlan])).move.uplinks, ['vxlan-7', 'eth1.101']);
  const there = { ...base(), openvswitch: new Map([['br-public', { datapathType: 'system', ports: new Set(['eth1']) }]]) };
  assert.deepEqual([planMove(there).refusals, planMove(there).move.devices], [[], []]);
});

const bridge = (name: string, ports: readonly string[], datapathType = 'system') =>
  new Map([[name, { datapathType, ports: new Set(ports) }]]);

describe('refused, with what would have to be otherwise', () => {
  const cases: Readonly<Record<string, readonly [Situation, RegExp]>> = {
    'no Linux bridge agent': [withCloud({ agents: [] }), /knows no Linux bridge agent on the host h1/],
    'an API that cannot': [withCloud({ rewrites: false }), /take_ports/],
    'Open vSwitch away': [{ ...base(), openvswitch: 'no answer from the database' }, /does not answer: no answer from the database/],
    'a mapping missing': [
      withTarget({ bridgeMappings: {} }),
      /public, which ports of this host use, has no bridge: .* bridge_mappings = public:br-public/,
    ],
    'a bridge of the operator’s': [
      withCloud({ agents: [linuxbridge({ interface_mappings: {}, bridge_mappings: { public: 'br0' } })] }),
      /behind the bridge br0, which is yours/,
    ],
    'a device that is not there': [
      withCloud({ agents: [linuxbridge({ interface_mappings: { public: 'eth7' } })] }),
      /eth7, which is not there/,
    ],
    'a device in another bridge': [{ ...base(), openvswitch: bridge('br-mgmt', ['eth1']) }, /eth1 is in the bridge br-mgmt/],
    'a tap in another bridge': [{ ...base(), openvswitch: bridge('br-x', ['tap00000001-aa']) }, /tap00000001-aa is in the bridge br-x/],
    'another datapath': [
      { ...base(), openvswitch: bridge('br-int', [], 'netdev') },
      /br-int .* datapath netdev, and datapath_type is system/,
    ],
    'multicast, by what the agent reports': [withCloud({ agents: [linuxbridge({ l2_population: false })] }), /tenant .*VXLAN by multicast/],
    'multicast, by the tunnel': [
      withLinks(links => links.map(l => (l.name === 'vxlan-7' ? tunnel({ group: '224.0.0.1' }) : l))),
      /tenant .*VXLAN by multicast/,
    ],
    'no VXLAN': [withTarget({ tunnels: { ...target.tunnels!, types: ['gre'] } }), /no vxlan in tunnel_types/],
    'no tunnels': [(({ tunnels: _, ...rest }) => ({ ...base(), target: rest }))(target), /no vxlan in tunnel_types/],
    'no l2_population': [withTarget({ tunnels: { ...target.tunnels!, l2population: false } }), /needs l2_population = true/],
    'another address': [
      withTarget({ tunnels: { ...target.tunnels!, localIp: '192.0.2.7' } }),
      /local_ip is 192\.0\.2\.7 .* know 192\.0\.2\.1/,
    ],
    'another UDP port': [withTarget({ tunnels: { ...target.tunnels!, vxlanPort: 4789 } }), /UDP port 8472: .* vxlan_udp_port = 8472/],
    'tunnels in user space': [
      withTarget({ datapathType: 'netdev' }),
      /netdev, .* 192\.0\.2\.1 is to be an address of such a bridge, and is eth0’s/,
    ],
    'a hybrid firewall': [withTarget({ firewall: 'iptables_hybrid' }), /firewall_driver = iptables_hybrid/],
    'no firewall': [withTarget({ firewall: 'noop' }), /security groups of this host’s ports would be gone/],
    'an instance that leaves': [withCloud({ ports: [port(1, { migrating: true })] }), /on their way from this host/],
    'an instance that comes': [
      withCloud({ verdicts: [{ port_id: idOf(8), outcome: 'taken', vif_type: 'ovs' }] }),
      /on its way to h1: .*00000008/,
    ],
    'a trunk': [withCloud({ ports: [port(1, { trunk: true })] }), /trunks .*00000001/],
    'another kind of plug': [withCloud({ ports: [port(1, { vif_type: 'macvtap' })] }), /bound as macvtap/],
    'the server’s own reason': [
      withCloud({ verdicts: [{ port_id: idOf(1), outcome: 'left', vif_type: 'bridge', reason: 'it does not reach it' }] }),
      /port 00000001.*: it does not reach it/,
    ],
    'hybrid plugs': [withCloud({ agents: [linuxbridge(), agent(openvswitchAgent, { ovs_hybrid_plug: true })] }), /ovs_hybrid_plug/],
  };
  for (const [name, [situation, words]] of Object.entries(cases))
    test(name, () => {
      const planned = planMove(situation);
      assert.equal(planned.refusals.length, 1, planned.refusals.join('\n'));
      assert.match(planned.refusals[0]!, words);
      assert.match(wordsOf(planned).join('\n'), /nothing was touched/);
    });
});

test('what does not matter is no reason: tunnels where there are no networks of tunnels, failed bindings, a switched-off firewall of open ports', () => {
  const flat = base().cloud.ports.filter(p => p.network_id === flatNet);
  const refusals = (situation: Situation): readonly string[] => planMove(situation).refusals;
  assert.deepEqual(refusals({ ...withCloud({ ports: flat, agents: [linuxbridge({ l2_population: false })] }) }), []);
  assert.deepEqual(refusals(withCloud({ ports: [port(1, { vif_type: 'binding_failed' })] })), []);
  assert.deepEqual(
    refusals({ ...withCloud({ ports: [port(1, { port_security_enabled: false })] }), target: { ...target, firewall: 'noop' } }),
    [],
  );
});

test('in words', () => {
  const text = wordsOf(planMove(base())).join('\n');
  for (const words of [
    /3 ports plugged in here: 2 of instances, 0 of DHCP, 1 of routers; 1 without a device here/,
    /eth1 goes into br-public; 203\.0\.113\.9\/24 of brqaaaaaaaa-bb will be br-public's/,
    /1\. bridges of Open vSwitch for physical networks: made: br-public/,
    /4\. .*4 ports: binding:vif_type bridge → ovs/,
    /interface_driver = openvswitch in dhcp_agent\.ini and l3_agent\.ini/,
  ])
    assert.match(text, words);
});
