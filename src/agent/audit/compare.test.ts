import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareHost } from './compare.ts';
import type { Expected, ExpectedPort } from './expected.ts';
import type { Inventory } from './inventory.ts';

const id = (n: number): string => `${String(n).padStart(8, '0')}-0000-4000-8000-000000000000`;
const short = (n: number): string => id(n).slice(0, 11);
const port = (n: number, more: Partial<ExpectedPort> = {}): ExpectedPort => ({
  ...{ id: id(n), network_id: id(900), device_id: id(800), device_owner: 'compute:nova', status: 'ACTIVE', admin_state_up: true },
  ...{ vif_type: 'bridge', addresses: [`10.0.0.${n}`] },
  ...more,
});
const all = { 'Linux bridge agent': true, 'DHCP agent': true, 'L3 agent': true };
const expected = (more: Partial<Expected> = {}): Expected => ({
  host: 'h1',
  agents: all,
  ports: [],
  vnis: [],
  dhcp: [],
  routers: [],
  spread: { ids: [], ports: [] },
  others: [],
  ...more,
});
const empty: Inventory = { taps: [], bridges: [], tunnels: [], dhcp: [], routers: [], running: {} };
const tap = (n: number, bridge: string | undefined, ours = false) => ({ name: `tap${short(n)}`, bridge, ours });
const found = (e: Expected, i: Partial<Inventory>): string[] =>
  compareHost(e, { ...empty, ...i }).map(({ kind, what, repair }) => `${kind} ${what}${repair ? ` → ${repair}` : ''}`);
const bridge = `brq${short(900)}`;

test('ports: wired as the API says, not wired, in the wrong bridge, switched off, another state, nobody’s', () => {
  const wired = expected({ ports: [port(1)] });
  assert.deepEqual(found(wired, { taps: [tap(1, bridge)] }), []);
  assert.deepEqual(found(wired, {}), [`gap tap${short(1)} is not there, and its port is ACTIVE`]);
  assert.deepEqual(found(wired, { taps: [tap(1, undefined)] }), [`gap tap${short(1)} is in no bridge`]);
  assert.deepEqual(found(wired, { taps: [tap(1, 'brqother')] }), [`drift tap${short(1)} is in brqother, which is another network's`]);
  // Of bridge_mappings: its name says nothing of the network.
  assert.deepEqual(found(wired, { taps: [tap(1, 'br-ext')] }), []);
  assert.deepEqual(found(expected({ ports: [port(1, { status: 'DOWN' })] }), {}), []);
  assert.deepEqual(found(expected({ ports: [port(1, { status: 'DOWN' })] }), { taps: [tap(1, bridge)] }), [
    `drift tap${short(1)} is wired, and its port is DOWN`,
  ]);
  const off = expected({ ports: [port(1, { admin_state_up: false, status: 'DOWN' })] });
  assert.deepEqual(found(off, { taps: [tap(1, undefined)] }), []);
  assert.deepEqual(found(off, { taps: [tap(1, bridge)] }), [`drift tap${short(1)} is wired, and its port is switched off`]);
  assert.deepEqual(found(expected(), { taps: [tap(2, bridge), tap(3, undefined, true), tap(4, undefined)] }), [
    `orphan tap${short(2)} is of no port that is bound here → takes tap${short(2)} out of its bridge`,
    `orphan tap${short(3)} is of no port that is bound here → removes tap${short(3)}`,
  ]);
});

test('ports of another kind of agent, and hosts without a Linux bridge agent, are not looked at', () => {
  assert.deepEqual(found(expected({ ports: [port(1, { vif_type: 'ovs' })] }), {}), []);
  assert.deepEqual(found(expected({ agents: { 'Open vSwitch agent': true } }), { taps: [tap(2, bridge)] }), []);
});

test('bridges and tunnels of networks without a port here; one that a tap is in is somebody’s', () => {
  const bridgeThere = (name: string, more = {}) => ({ name, plugged: false, addressed: false, vlans: [], ...more });
  const inventory = {
    bridges: [
      bridgeThere(bridge, { plugged: true }),
      bridgeThere('brqempty', { vlans: ['eth1.101'] }),
      bridgeThere('brqused', { plugged: true }),
      bridgeThere('brqmachine', { addressed: true, vlans: [] }),
    ],
    tunnels: [
      { name: 'vxlan-7', vni: 7, bridge },
      { name: 'vxlan-8', vni: 8, bridge: 'brqempty' },
      { name: 'vxlan-9', vni: 9, bridge: 'brqused' },
      { name: 'vxlan-10', vni: 10, bridge: 'br0' },
      { name: 'vxlan-11', vni: 11, bridge: undefined },
    ],
    taps: [tap(1, bridge)],
  };
  assert.deepEqual(found(expected({ ports: [port(1)], vnis: [7] }), inventory), [
    'orphan brqempty is of no network that has a port here → removes brqempty and eth1.101',
    'orphan brqmachine is of no network that has a port here',
    'orphan vxlan-8 is of no network that has a port here → removes vxlan-8',
    'orphan vxlan-11 is of no network that has a port here',
  ]);
});

test('DHCP: no namespace, no daemon, addresses that are missing or left, a network that is elsewhere', () => {
  const served = expected({ dhcp: [{ network: id(900), addresses: ['10.0.0.1', '10.0.0.2'], besides: ['10.0.0.3'] }] });
  const there = (addresses: string[], more = {}) => ({
    dhcp: [{ network: id(900), hasNamespace: true, serves: true, addresses, ...more }],
  });
  const resync = 'has the DHCP agent of the host compare everything with the server';
  assert.deepEqual(found(served, there(['10.0.0.1', '10.0.0.2', '2001:db8::9'])), []);
  assert.deepEqual(found(served, there(['10.0.0.1', '10.0.0.2', '10.0.0.3'])), []);
  assert.deepEqual(found(served, {}), [`gap qdhcp-${id(900)} is not there → ${resync}`]);
  assert.deepEqual(found(served, there([], { serves: false })), [`gap no dnsmasq serves the network ${id(900)} → ${resync}`]);
  assert.deepEqual(found(served, there(['10.0.0.1', '10.0.0.9'])), [
    `gap dnsmasq of the network ${id(900)} does not know 10.0.0.2 → ${resync}`,
    `drift dnsmasq of the network ${id(900)} still knows 10.0.0.9 → ${resync}`,
  ]);
  assert.deepEqual(found(expected(), there([])), [
    `orphan qdhcp-${id(900)} serves a network that is not this host's → removes the namespace qdhcp-${id(900)} and ends what runs in it`,
  ]);
});

test('routers: devices, addresses, floating IPs; a router that is elsewhere', () => {
  const ports = [
    port(11, { device_owner: 'network:router_interface', addresses: ['10.0.0.1'] }),
    port(12, { device_owner: 'network:router_gateway', addresses: ['203.0.113.2'] }),
    port(13, { device_owner: 'network:router_ha_interface' }),
  ];
  const e = expected({ routers: [{ id: id(700), ports, floating: ['203.0.113.9'] }] });
  const whole = { [`qr-${short(11)}`]: ['10.0.0.1'], [`qg-${short(12)}`]: ['203.0.113.2', '203.0.113.9', '2001:db8::1'] };
  const on = (devices: Record<string, string[]>) => found(e, { routers: [{ router: id(700), devices }] }).map(line => line.split(' → ')[0]);
  assert.deepEqual(on(whole), []);
  assert.deepEqual(on({ ...whole, [`qg-${short(12)}`]: ['203.0.113.2', '203.0.113.8'] }), [
    `gap qg-${short(12)} of the router ${id(700)} has not 203.0.113.9`,
    `drift qg-${short(12)} of the router ${id(700)} still has 203.0.113.8`,
  ]);
  assert.deepEqual(on({ [`qg-${short(12)}`]: whole[`qg-${short(12)}`] as string[], 'qr-other': [] }), [
    `drift qr-other of the router ${id(700)} is of no port of it`,
    `gap qr-${short(11)} of the router ${id(700)} is not there`,
  ]);
  assert.deepEqual(found(e, {}).length, 1);
  assert.match(String(found(expected(), { routers: [{ router: id(701), devices: {} }] })), /^orphan qrouter-.* removes the namespace/);
});

test('routers that are on several hosts, and what an agent of another host’s name has, are left alone', () => {
  const spread = {
    ids: [id(702), id(703)],
    ports: [port(21, { network_id: id(901), device_owner: 'network:ha_router_replicated_interface' })],
  };
  const there = {
    routers: [id(702), id(703)].map(router => ({ router, devices: { 'qr-x': ['10.0.0.1'] } })),
    taps: [tap(21, `brq${short(901)}`, true)],
    bridges: [{ name: `brq${short(901)}`, plugged: false, addressed: false, vlans: [] }],
  };
  assert.deepEqual(found(expected({ spread }), there), []);
  assert.equal(found(expected(), there).length, 4);
  const dhcp = [{ network: id(900), hasNamespace: true, serves: true, addresses: [] }];
  assert.deepEqual(found(expected({ agents: { 'Linux bridge agent': true } }), { dhcp }), []);
  assert.equal(found(expected(), { dhcp }).length, 1);
});

test('a tap of a port that is of this host but could not be bound is somebody’s', () => {
  assert.deepEqual(
    found(expected({ ports: [port(1, { vif_type: 'binding_failed', status: 'DOWN' })] }), { taps: [tap(1, bridge, true)] }),
    [],
  );
});

test('an agent that does not report is a gap', () => {
  assert.deepEqual(found(expected({ agents: { ...all, 'L3 agent': false } }), {}), ['gap the L3 agent does not report']);
});
