import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PortDetails } from '../desired/l2-port.ts';
import { tapName } from '../desired/linuxbridge-names.ts';
import { View } from '../l2/view.ts';
import type { SecurityDevice, SecurityInfo } from '../l2/wire.ts';
import type { WireRule } from '../render/security-rules.ts';
import { planFirewall } from './firewall-plan.ts';

const taps = ['tap10000000-00', 'tap20000000-00'];

const details = (device: string): PortDetails =>
  ({
    device,
    port_id: `${device.slice(3)}-port`,
    network_id: 'a0000000-0000-4000-8000-000000000001',
    network_type: 'local',
    segmentation_id: null,
    physical_network: null,
    mtu: 1450,
    mac_address: 'fa:16:3e:00:00:01',
    fixed_ips: ['10.0.0.1'],
    device_owner: 'compute:nova',
    admin_state_up: true,
    port_security_enabled: true,
  }) as unknown as PortDetails;

const secured = (device: string): SecurityDevice => ({
  id: `${device.slice(3)}-port`,
  device,
  mac_address: 'fa:16:3e:00:00:01',
  fixed_ips: ['10.0.0.1'],
  allowed_address_pairs: [],
  security_groups: ['g1'],
  provider_rules: [],
  port_security_enabled: true,
  admin_state_up: true,
});

const tcp = (port: number): WireRule =>
  ({ direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp', port_range_min: port, port_range_max: port }) as unknown as WireRule;

/** A word of the server: fresh objects each time, as they come off the wire. */
const word = (rules: readonly WireRule[], names = taps): SecurityInfo => ({
  devices: new Map(names.map(name => [name, secured(name)])),
  groups: new Map([['g1', structuredClone(rules)]]),
  members: new Map(),
});

function world() {
  const view = new View(tapName);
  for (const name of taps) {
    view.appeared(name);
    view.devices.get(name)!.answer = { kind: 'port', details: details(name) };
  }
  const hear = (info: SecurityInfo, names: readonly string[] = taps): void =>
    view.takeSecurity(
      info,
      names.map(n => view.devices.get(n)!),
    );
  const input = (guards = true) => {
    const there = view.ports().map(({ device }) => ({ name: device, bridge: 'brqa0000000-00', device }));
    const plan = { taps: new Map(there.map(t => [t.name, t])), bridges: new Map([['brqa0000000-00', { name: 'brqa0000000-00' }]]) };
    const given = { view, plan, links: new Map(), zoneOf: () => 1, quarantine: new Map(), guards, isOurs: () => true };
    return planFirewall(given).input;
  };
  return { view, hear, input, ports: () => input().filtered };
}

test('where nobody is to be guarded, every port is open', () => {
  const { hear, input } = world();
  hear(word([tcp(80)]));
  assert.deepEqual([input().filtered.length, input().open], [2, []]);
  assert.deepEqual([input(false).filtered, input(false).open.toSorted()], [[], [...taps].sort()]);
});

test('what is told again as it was is compiled once', () => {
  const { hear, ports } = world();
  hear(word([tcp(80)]));
  const first = ports();
  assert.equal(first.length, 2);
  hear(word([tcp(80)]));
  hear(word([tcp(80)], [taps[0]!]), [taps[0]!]);
  for (const [i, port] of ports().entries()) assert.equal(port, first[i]);
});

test('rules, addresses and groups that are told otherwise are compiled anew, each for the ports it is about', () => {
  const { hear, ports } = world();
  const rulesOf = (): number[] => ports().map(p => p.rules.length);
  hear(word([tcp(80)]));
  assert.deepEqual(rulesOf(), [1, 1]);
  // The word comes with one port's question, and is about the group of both.
  hear(word([tcp(80), tcp(81)], [taps[0]!]), [taps[0]!]);
  assert.deepEqual(rulesOf(), [2, 2]);
  hear(word([]));
  assert.deepEqual(rulesOf(), [0, 0]);
  const moved = word([], [taps[0]!]);
  hear({ ...moved, devices: new Map([[taps[0]!, { ...secured(taps[0]!), fixed_ips: ['10.0.0.9'] }]]) }, [taps[0]!]);
  const [changed, kept] = ports();
  assert.ok(
    changed?.pairs.some(p => p.prefix.network === 0x0a000009n),
    'the new address',
  );
  assert.ok(
    kept?.pairs.some(p => p.prefix.network === 0x0a000001n),
    'the old one of the other port',
  );
  const out = word([tcp(22)], [taps[1]!]);
  hear({ ...out, devices: new Map([[taps[1]!, { ...secured(taps[1]!), security_groups: [] }]]) }, [taps[1]!]);
  assert.deepEqual(rulesOf(), [1, 0]);
});
