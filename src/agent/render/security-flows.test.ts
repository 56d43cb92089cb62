// Which connections a change ends: those that no rule permits any more, at the port concerned, and no others.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FlowView, judgeFlows, stillDenied, type TrackedFlow } from './security-flows.ts';
import { compilePort, type PortSecurity, type WirePort } from './security-port.ts';
import type { WireRule } from './security-rules.ts';

const out: WireRule[] = [
  { direction: 'egress', ethertype: 'IPv4' },
  { direction: 'egress', ethertype: 'IPv6' },
];
const ssh: WireRule = { direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp', port_range_min: 22, port_range_max: 22 };
const port = (n: number, rules: WireRule[], fields: Partial<WirePort> = {}): PortSecurity =>
  compilePort({
    id: `a000000${n}-0000-4000-8000-000000000000`,
    device: `tap${n}`,
    mac_address: `fa:16:3e:00:00:0${n}`,
    fixed_ips: [`10.0.0.${n}`, `fd00::${n}`],
    allowed_address_pairs: [],
    rules,
    ...fields,
  });
const view = (guarded: PortSecurity[], more: Partial<FlowView> = {}): FlowView => ({
  guarded,
  closed: [],
  openAddresses: new Set(),
  isMember: () => false,
  ...more,
});
const flow = (src: string, dst: string, fields: Partial<TrackedFlow> = {}): TrackedFlow => ({
  family: src.includes(':') ? 6 : 4,
  protocol: 'tcp',
  src,
  dst,
  srcPort: 40_000,
  dstPort: 22,
  ...fields,
});

test('a connection that is permitted stays; one whose rule is gone ends and is cut at its port', () => {
  const f = flow('192.0.2.1', '10.0.0.1');
  assert.deepEqual(judgeFlows([f], view([port(1, [...out, ssh])])), { end: [], cut: [] });
  assert.deepEqual(judgeFlows([f], view([port(1, out)])), {
    end: [f],
    cut: [
      { way: 'from', family: 4, device: 'tap1', began: 'ingress', src: '10.0.0.1', srcPort: 22, dst: '192.0.2.1', dstPort: 40_000 },
      { way: 'to', family: 4, device: 'tap1', began: 'ingress', src: '192.0.2.1', srcPort: 40_000, dst: '10.0.0.1', dstPort: 22 },
    ],
  });
});

test('between two ports here both must permit it', () => {
  const f = flow('10.0.0.2', '10.0.0.1');
  assert.equal(judgeFlows([f], view([port(1, [ssh]), port(2, out)])).end.length, 0);
  assert.deepEqual(
    judgeFlows([f], view([port(1, [ssh]), port(2, [])])).cut.map(c => [c.device, c.began, c.way]),
    [
      ['tap2', 'egress', 'from'],
      ['tap2', 'egress', 'to'],
    ],
  );
});

test('members, prefixes, ports and ICMP types decide as in the filter', () => {
  const group = 'cc000001-0000-4000-8000-000000000000';
  const member: FlowView['isMember'] = (g, ip) => g === group && ip.value === 0xc0000201n;
  const cases: [WireRule, TrackedFlow, boolean][] = [
    [{ ...ssh, remote_group_id: group }, flow('192.0.2.1', '10.0.0.1'), true],
    [{ ...ssh, remote_group_id: group }, flow('192.0.2.2', '10.0.0.1'), false],
    [{ ...ssh, source_ip_prefix: '192.0.2.0/24' }, flow('192.0.2.2', '10.0.0.1'), true],
    [{ ...ssh, source_ip_prefix: '192.0.3.0/24' }, flow('192.0.2.2', '10.0.0.1'), false],
    [{ ...ssh, protocol: 'udp' }, flow('192.0.2.2', '10.0.0.1', { protocol: 'udp' }), true],
    [{ ...ssh, port_range_max: 80 }, flow('192.0.2.2', '10.0.0.1', { dstPort: 81 }), false],
    [
      { ...ssh, protocol: 'icmp', port_range_min: 8, port_range_max: 0 },
      flow('192.0.2.2', '10.0.0.1', { protocol: 'icmp', icmpType: 8, icmpCode: 0 }),
      true,
    ],
    [
      { ...ssh, protocol: 'icmp', port_range_min: 13, port_range_max: null },
      flow('192.0.2.2', '10.0.0.1', { protocol: 'icmp', icmpType: 8, icmpCode: 0 }),
      false,
    ],
    [{ ...ssh, ethertype: 'IPv6', protocol: 'sctp' }, flow('2001:db8::1', 'fd00::1', { protocol: 'sctp' }), true],
    [{ ...ssh, ethertype: 'IPv6' }, flow('192.0.2.2', '10.0.0.1'), false],
    [{ direction: 'ingress', ethertype: 'IPv4', protocol: 47 }, flow('192.0.2.2', '10.0.0.1', { protocol: 'gre' }), true],
  ];
  for (const [rule, f, stays] of cases)
    assert.equal(judgeFlows([f], view([port(1, [rule])], { isMember: member })).end.length === 0, stays, JSON.stringify(rule));
});

test('DHCP goes on whatever the rules say', () => {
  assert.equal(
    judgeFlows([flow('10.0.0.1', '10.0.0.254', { protocol: 'udp', srcPort: 68, dstPort: 67 })], view([port(1, [])])).end.length,
    0,
  );
});

test('what belongs to nobody here any more ends; what passes an unfiltered port stays', () => {
  const f = flow('192.0.2.1', '10.0.0.7', { protocol: 'udp' });
  assert.deepEqual(judgeFlows([f], view([port(1, out)])).end, [f]);
  assert.deepEqual(judgeFlows([f], view([port(1, out)], { openAddresses: new Set(['10.0.0.7']) })).end, []);
});

test('a closed port keeps nothing, a stateless one keeps its connections out of this', () => {
  const f = flow('192.0.2.1', '10.0.0.7');
  assert.equal(judgeFlows([f], view([], { closed: [{ device: 'tap7', addresses: ['10.0.0.7'] }] })).cut.length, 2);
  assert.deepEqual(judgeFlows([flow('192.0.2.1', '10.0.0.1')], view([port(1, [{ ...ssh, protocol: 'udp', stateful: false }])])), {
    end: [],
    cut: [],
  });
});

test('a port that merely may use an address is cut at its own tap, and the connection of the owner is left', () => {
  const wide = port(2, [], { allowed_address_pairs: [{ ip_address: '0.0.0.0/0' }] });
  const f = flow('192.0.2.1', '10.0.0.1');
  assert.deepEqual(judgeFlows([f], view([port(1, [ssh]), wide])), { end: [], cut: judgeFlows([f], view([port(1, [ssh]), wide])).cut });
  assert.deepEqual([...new Set(judgeFlows([f], view([port(1, [ssh]), wide])).cut.map(c => c.device))], ['tap2']);
});

test('a cut lasts until the connection is permitted again in the direction in which it began', () => {
  const denied = view([port(1, out)]);
  for (const cut of judgeFlows([flow('192.0.2.1', '10.0.0.1')], denied).cut) {
    assert.equal(stillDenied(cut, denied), true, 'that the port may begin such a connection itself does not matter');
    assert.equal(stillDenied(cut, view([port(1, [...out, ssh])])), false);
    assert.equal(stillDenied(cut, view([port(2, out)])), false, 'the port is gone');
  }
});

test('connections are looked up among the ports, not compared with each of them', () => {
  let looks = 0;
  const watched = Array.from({ length: 9 }, (_, i) => {
    const made = port(i + 1, [ssh]);
    return {
      ...made,
      get pairs() {
        looks++;
        return made.pairs;
      },
    };
  });
  const flows = Array.from({ length: 500 }, (_, i) => flow('192.0.2.1', `10.0.0.${1 + (i % 9)}`, { srcPort: i, dstPort: i % 2 ? 22 : 23 }));
  assert.equal(judgeFlows(flows, view(watched)).cut.length, 500);
  assert.ok(looks <= 2 * watched.length, `${looks} looks`);
});
