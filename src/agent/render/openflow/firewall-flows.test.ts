// The flows of ports as text; what passes them, asked of a small switch; and what a change costs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIp } from '../../../domain/net/ip.ts';
import type { Flow } from '../../../domain/openflow/flow.ts';
import { flowDifference, flowText } from '../../../domain/openflow/identity.ts';
import { type Match, noVlan, protocol, vlan } from '../../../domain/openflow/match.ts';
import { flowMembers } from '../any-member.ts';
import { type FlowView, judgeFlows } from '../security-flows.ts';
import { compilePort, type WirePort } from '../security-port.ts';
import type { WireRule } from '../security-rules.ts';
import { ConjunctionIds } from './conjunctions.ts';
import { type FirewallFlowsGiven, firewallRenderer } from './firewall-flows.ts';
import { Pipeline } from './pipeline.suite.ts';
import type { GuardedPort } from './port-flows.ts';

const NET = 3;
const UPLINK = 1;
const group = 'fe4f52c7-ab8e-4c88-a606-b012618227f7';
const other = 'aa4f52c7-ab8e-4c88-a606-b012618227f7';
const outside = { mac: 'fa:16:3e:99:99:99', ip: '192.0.2.9', ip6: '2001:db8:ffff::9' };
const out: WireRule[] = [
  { direction: 'egress', ethertype: 'IPv4' },
  { direction: 'egress', ethertype: 'IPv6' },
];
const ssh: WireRule = { direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp', port_range_min: 22, port_range_max: 22 };
const mac = (n: number): string => `fa:16:3e:00:00:0${n}`;

function guarded(n: number, rules: readonly WireRule[], fields: Partial<WirePort> = {}): GuardedPort {
  const security = compilePort({
    id: `a000000${n}-0000-4000-8000-000000000000`,
    device: `tap${n}`,
    mac_address: mac(n),
    fixed_ips: [`10.0.0.${n}`, `2001:db8::${n}`],
    allowed_address_pairs: [],
    rules,
    ...fields,
  });
  return { security, ofport: 10 + n, vlan: NET };
}

type Members = Readonly<Record<string, readonly string[]>>;

const given = (
  ports: readonly GuardedPort[],
  groups: Members = {},
  open: FirewallFlowsGiven['open'] = [],
  outward: FirewallFlowsGiven['outward'] = new Map(),
): FirewallFlowsGiven => ({
  guarded: ports,
  open,
  outward,
  members: (g, version) => flowMembers(version, groups[g] ?? []),
});

/** As the agent has it without a firewall. */
const beneath: Flow = { table: 60, priority: 3, cookie: 0n, match: {}, actions: [{ do: 'output', port: 'normal' }] };

const flows = (...args: Parameters<typeof given>): Flow[] => [beneath, ...firewallRenderer([])(given(...args))];
const world = (...args: Parameters<typeof given>): Pipeline => new Pipeline(flows(...args));

const lines = (all: readonly Flow[], where: (line: string) => boolean): string =>
  all
    .map(f => flowText({ ...f, cookie: 0n }).replace('cookie=0x0, ', ''))
    .filter(where)
    .sort()
    .join('\n');

/** A frame of a port, or from outside on its network. */
function frame(from: number | 'outside', to: number | 'outside' | string, fields: Match): Match {
  const ends = (end: number | 'outside' | string): { mac: string; ip: string; ip6: string } =>
    typeof end === 'number'
      ? { mac: mac(end), ip: `10.0.0.${end}`, ip6: `2001:db8::${end}` }
      : end === 'outside'
        ? outside
        : { mac: end, ip: '255.255.255.255', ip6: 'ff02::1' };
  const [src, dst] = [ends(from), ends(to)];
  const six = fields.eth_type === 0x86dd;
  const addresses = fields.eth_type === 0x0800 ? { ip_src: src.ip, ip_dst: dst.ip } : six ? { ipv6_src: src.ip6, ipv6_dst: dst.ip6 } : {};
  return {
    in_port: from === 'outside' ? UPLINK : 10 + (from as number),
    vlan_vid: from === 'outside' ? vlan(NET) : noVlan,
    eth_src: src.mac,
    eth_dst: dst.mac,
    ...addresses,
    ...fields,
  };
}

const tcp = (tcp_dst: number, tcp_src = 40_000): Match => ({ ...protocol.tcp, tcp_src, tcp_dst });
const tcp6 = (tcp_dst: number, tcp_src = 40_000): Match => ({ ...protocol.tcp6, tcp_src, tcp_dst });
const udp = (udp_dst: number, udp_src = 40_000): Match => ({ ...protocol.udp, udp_src, udp_dst });

test('the flows of rules, as an operator finds them', () => {
  const rules: WireRule[] = [
    { ...ssh, source_ip_prefix: '192.0.2.0/24' },
    { ...ssh, protocol: 'udp', port_range_min: 1000, port_range_max: 1023 },
    { direction: 'ingress', ethertype: 'IPv4', protocol: 'icmp', port_range_min: 8, port_range_max: 0 },
    { direction: 'ingress', ethertype: 'IPv4', protocol: 'icmp', port_range_min: 13 },
    { direction: 'ingress', ethertype: 'IPv4', protocol: 'icmp' },
    { direction: 'ingress', ethertype: 'IPv4', protocol: '112' },
    { direction: 'ingress', ethertype: 'IPv6', protocol: 'icmp', port_range_min: 128 },
    { direction: 'egress', ethertype: 'IPv4' },
    { direction: 'egress', ethertype: 'IPv6', protocol: 'sctp', port_range_min: 7, port_range_max: 7, dest_ip_prefix: '2001:db8:1::/48' },
  ];
  const enter = 'ct(commit,zone=NXM_NX_REG6[0..15]),output:NXM_NX_REG5[0..15],resubmit(,92)';
  const pair = (priority: number, match: string): string[] => [
    `table=82, priority=${priority},ct_state=+est-rel-rpl,${match} actions=output:NXM_NX_REG5[0..15]`,
    `table=82, priority=${priority},ct_state=+new-est,${match} actions=${enter}`,
  ];
  const leave = (priority: number, match: string): string[] =>
    ['+est-rel-rpl', '+new-est'].map(s => `table=72, priority=${priority},ct_state=${s},${match} actions=resubmit(,73)`);
  assert.equal(
    lines(flows([guarded(1, rules)]), l => /table=(72|82), priority=7/.test(l)),
    [
      ...leave(74, 'ip,reg5=0xb'),
      ...leave(77, 'sctp6,reg5=0xb,ipv6_dst=2001:db8:1::/48,tp_dst=7'),
      ...pair(75, 'icmp,reg5=0xb'),
      ...pair(76, 'icmp,reg5=0xb,icmp_type=13'),
      ...pair(76, 'icmp6,reg5=0xb,icmp_type=128'),
      ...pair(77, 'icmp,reg5=0xb,icmp_type=8,icmp_code=0'),
      ...pair(77, 'ip,reg5=0xb,nw_proto=112'),
      ...pair(77, 'tcp,reg5=0xb,nw_src=192.0.2.0/24,tp_dst=22'),
      ...pair(77, 'udp,reg5=0xb,tp_dst=0x3e8/0xfff8'),
      ...pair(77, 'udp,reg5=0xb,tp_dst=0x3f0/0xfff0'),
    ]
      .sort()
      .join('\n'),
  );
});

test('what is permitted passes with its answers, and nothing else does', () => {
  const w = world([guarded(1, [...out, { ...ssh, source_ip_prefix: '192.0.2.0/24' }]), guarded(2, [])]);
  assert.deepEqual(w.run(frame('outside', 1, tcp(23))), []);
  assert.deepEqual(w.run(frame('outside', 1, udp(22))), []);
  assert.deepEqual(w.run(frame('outside', 1, { ...tcp(22), ip_src: '192.0.3.1' })), []);
  assert.deepEqual(w.run(frame('outside', 1, tcp6(22))), []);
  assert.deepEqual(w.run(frame(1, 'outside', tcp(40_000, 22))), ['normal'], 'egress');
  const again = world([guarded(1, [{ ...ssh, source_ip_prefix: '192.0.2.0/24' }])]);
  assert.deepEqual(again.run(frame(1, 'outside', tcp(40_000, 22))), [], 'no answer without a question');
  assert.deepEqual(again.run(frame('outside', 1, tcp(22))), [11]);
  assert.deepEqual(again.run(frame(1, 'outside', tcp(40_000, 22))), ['normal']);
  assert.deepEqual(w.run(frame(2, 'outside', tcp(80))), []);
  assert.deepEqual(w.run(frame(1, 'outside', tcp6(80))), ['normal']);
  assert.deepEqual(w.run(frame('outside', 1, tcp6(40_000, 80))), [11]);
});

test('between two ports here both must permit it, and it reaches one port only', () => {
  const w = world([guarded(1, [ssh]), guarded(2, out), guarded(3, [])]);
  assert.deepEqual(w.run(frame(3, 1, tcp(22))), []);
  assert.deepEqual(w.run(frame(2, 1, tcp(23))), []);
  assert.deepEqual(w.run(frame(2, 1, tcp(22))), [11]);
  assert.deepEqual(w.run(frame(1, 2, tcp(40_000, 22))), [12]);
});

test('ports without rules of theirs are open, to their own side', () => {
  const w = world([guarded(1, [ssh])], {}, [{ ofport: 20, vlan: NET }]);
  const open = (to: 1 | 'outside', fields: Match): Match => ({ ...frame('outside', to, fields), in_port: 20, vlan_vid: noVlan });
  assert.deepEqual(w.run(open('outside', { eth_type: 0x88cc })), ['normal']);
  assert.deepEqual(w.run(open(1, tcp(22))), [11]);
  assert.deepEqual(w.run(open(1, tcp(23))), []);
});

test('of remote groups the members pass, each by the rules that name its group', () => {
  const rules: WireRule[] = [
    { ...ssh, remote_group_id: group },
    { ...ssh, port_range_min: 80, port_range_max: 90, remote_address_group_id: other },
    { direction: 'ingress', ethertype: 'IPv4', protocol: 'udp', remote_group_id: group },
  ];
  const groups = { [group]: ['192.0.2.9', '2001:db8:ffff::9'], [other]: ['192.0.2.0/25', '198.51.100.1'] };
  const w = world([guarded(1, rules), guarded(2, [{ ...ssh, remote_group_id: other }])], groups);
  const from = (ip_src: string, to: number, fields: Match): readonly (number | 'normal')[] =>
    w.run(frame('outside', to, { ...fields, ip_src }));
  // A member of the one is within a prefix of the other.
  assert.deepEqual(from('192.0.2.9', 1, tcp(22)), [11]);
  assert.deepEqual(from('192.0.2.9', 1, tcp(85)), [11]);
  assert.deepEqual(from('192.0.2.9', 1, udp(53)), [11]);
  assert.deepEqual(from('192.0.2.9', 1, tcp(23)), []);
  assert.deepEqual(from('192.0.2.10', 1, tcp(22)), []);
  assert.deepEqual(from('192.0.2.10', 1, tcp(90)), [11]);
  assert.deepEqual(from('198.51.100.1', 1, udp(53)), []);
  assert.deepEqual(from('192.0.2.9', 2, tcp(22)), [12]);
  assert.deepEqual(from('192.0.2.9', 2, udp(53)), []);
  assert.deepEqual(w.run(frame('outside', 1, tcp6(22))), [], 'the other family');
  assert.deepEqual(w.run({ ...frame('outside', 1, tcp(22)), vlan_vid: vlan(NET + 1) }), ['normal'], 'another network');
});

test('a member that may be any address is known by its MAC, and nobody else is a member for its sake', () => {
  const member = 'fa:16:3e:99:99:99';
  const rules: WireRule[] = [
    { ...ssh, remote_group_id: group },
    { direction: 'egress', ethertype: 'IPv4', protocol: 'tcp', remote_group_id: group },
  ];
  const w = world([guarded(1, rules)], { [group]: [`0.0.0.0/0 ${member}`, '192.0.2.9'] });
  const from = (eth_src: string, ip_src: string): readonly (number | 'normal')[] =>
    w.run({ ...frame('outside', 1, { ...tcp(22), ip_src }), eth_src });
  assert.deepEqual(from(member, '198.51.100.77'), [11]);
  assert.deepEqual(from('fa:16:3e:99:99:98', '198.51.100.77'), []);
  assert.deepEqual(from('fa:16:3e:99:99:98', '192.0.2.9'), [11]);
  assert.deepEqual(w.run({ ...frame('outside', 1, tcp6(22)), eth_src: member }), [], 'the other family');
  const to = (eth_dst: string): readonly (number | 'normal')[] =>
    w.run({ ...frame(1, 'outside', { ...tcp(80), ip_dst: '198.51.100.77' }), eth_dst });
  assert.deepEqual(to(member), ['normal']);
  assert.deepEqual(to('fa:16:3e:99:99:98'), []);
});

test('egress to a remote group', () => {
  const w = world([guarded(1, [{ direction: 'egress', ethertype: 'IPv6', protocol: 'tcp', remote_group_id: group }])], {
    [group]: ['2001:db8:ffff::9', '0.0.0.0/0'],
  });
  assert.deepEqual(w.run(frame(1, 'outside', tcp6(80))), ['normal']);
  assert.deepEqual(w.run(frame(1, 'outside', { ...tcp6(80), ipv6_dst: '2001:db8:ffff::8' })), []);
  assert.deepEqual(w.run(frame(1, 'outside', tcp(80))), []);
});

test('stateless: no state is asked in either direction, and a stateful neighbour still knows its answers', () => {
  const stateless: WireRule[] = [
    { ...ssh, stateful: false },
    { direction: 'ingress', ethertype: 'IPv4', protocol: 'udp', remote_group_id: group, stateful: false },
  ];
  const groups = { [group]: ['192.0.2.9'] };
  const w = world([guarded(1, stateless), guarded(2, out)], groups);
  assert.deepEqual(w.run(frame('outside', 1, tcp(22))), [11]);
  assert.deepEqual(w.run(frame('outside', 1, udp(53))), [11]);
  assert.deepEqual(w.run(frame('outside', 1, { ...udp(53), ip_src: '192.0.2.8' })), []);
  assert.deepEqual(w.run(frame(1, 'outside', tcp(40_000, 22))), [], 'answers need a rule');
  const back = { direction: 'egress', ethertype: 'IPv4', stateful: false } as const;
  const both = world([guarded(1, [...stateless, back]), guarded(2, out)], groups);
  assert.deepEqual(both.run(frame(2, 1, tcp(22))), [11]);
  assert.deepEqual(both.run(frame(1, 2, tcp(40_000, 22))), [12]);
  assert.deepEqual(both.run(frame(1, 2, tcp(40_000, 23))), []);
  assert.deepEqual(both.run(frame(1, 'outside', { ...protocol.icmp6, icmpv6_type: 134 })), []);
});

test('a rule that goes ends the connection for both sides, and a member that goes too', () => {
  const cases: readonly (readonly [readonly WireRule[], Members, readonly WireRule[], Members])[] = [
    [[ssh], {}, [], {}],
    [[{ ...ssh, remote_group_id: group }], { [group]: ['192.0.2.9'] }, [{ ...ssh, remote_group_id: group }], { [group]: [] }],
  ];
  for (const [before, groups, after, fewer] of cases) {
    const w = world([guarded(1, before)], groups);
    const there = frame('outside', 1, tcp(22));
    const back = frame(1, 'outside', tcp(40_000, 22));
    assert.deepEqual([w.run(there), w.run(back)], [[11], ['normal']]);
    w.load(flows([guarded(1, after)], fewer));
    assert.deepEqual(w.run(there), []);
    assert.deepEqual(w.run(back), []);
  }
});

test('what a link needs: ARP, neighbours, DHCP, for addresses of its own alone', () => {
  const w = world([guarded(1, []), guarded(2, [])]);
  const broadcast = 'ff:ff:ff:ff:ff:ff';
  const ip = (n: number): string => `10.0.0.${n}`;
  const arp = (fields: Match): Match => frame(1, broadcast, { ...protocol.arp, arp_op: 1, arp_sha: mac(1), arp_spa: ip(1), ...fields });
  const nd = (icmpv6_type: number, fields: Match): Match => frame(1, '33:33:00:00:00:01', { ...protocol.icmp6, icmpv6_type, ...fields });
  const dhcp = { ip_src: '0.0.0.0', ...udp(67, 68) };
  const allowed: Match[] = [
    arp({}),
    arp({ arp_op: 2 }),
    arp({ arp_spa: '0.0.0.0', arp_tpa: ip(1) }),
    frame(1, broadcast, { ...protocol.rarp, arp_op: 3, arp_sha: mac(1), arp_tha: mac(1) }),
    frame(1, broadcast, dhcp),
    frame(1, '33:33:00:01:00:02', { ...protocol.udp6, udp_src: 546, udp_dst: 547 }),
    nd(133, {}),
    nd(135, { nd_sll: mac(1), nd_target: '2001:db8::2' }),
    nd(135, { nd_target: '2001:db8::2' }),
    nd(135, { ipv6_src: '::', nd_target: '2001:db8::1' }),
    nd(136, { nd_target: '2001:db8::1', nd_tll: mac(1) }),
    nd(136, { nd_target: 'fe80::f816:3eff:fe00:1' }),
    nd(143, {}),
    nd(143, { ipv6_src: '::' }),
  ];
  for (const f of allowed) assert.deepEqual(w.run(f), ['normal'], JSON.stringify(f));
  const denied: Match[] = [
    arp({ arp_spa: ip(2) }),
    arp({ arp_sha: mac(2) }),
    arp({ eth_src: mac(2), arp_sha: mac(2) }),
    arp({ eth_src: mac(2) }),
    arp({ arp_spa: '0.0.0.0', arp_tpa: ip(2) }),
    arp({ arp_spa: '0.0.0.0', arp_op: 2, arp_tpa: ip(1) }),
    arp({ arp_sha: undefined, arp_spa: undefined }),
    frame(1, broadcast, { ...protocol.rarp, arp_op: 3, arp_sha: mac(2), arp_tha: mac(2) }),
    frame(1, broadcast, { ...dhcp, eth_src: mac(2) }),
    frame(1, broadcast, { ...dhcp, ip_src: ip(2) }),
    frame(1, broadcast, udp(68, 67)),
    frame(1, broadcast, udp(68, 4000)),
    frame(1, 2, { ...protocol.udp6, udp_src: 547, udp_dst: 546 }),
    nd(133, { ipv6_src: '2001:db8::2' }),
    nd(134, {}),
    nd(135, { nd_sll: mac(2) }),
    nd(135, { ipv6_src: '2001:db8::2' }),
    nd(135, { ipv6_src: '::', nd_target: '2001:db8::2' }),
    nd(135, { ipv6_src: '::', nd_target: '2001:db8::1', nd_sll: mac(1) }),
    nd(136, { nd_target: '2001:db8::2', nd_tll: mac(1) }),
    nd(136, { nd_target: '2001:db8::1', nd_tll: mac(2) }),
    nd(136, { eth_src: mac(2), nd_target: '2001:db8::1' }),
    nd(137, {}),
    frame(1, broadcast, { eth_type: 0x88cc }),
    { ...arp({}), vlan_vid: vlan(0) },
  ];
  const anything = [...out, { direction: 'ingress', ethertype: 'IPv4' }, { direction: 'ingress', ethertype: 'IPv6' }];
  for (const rules of [[], anything, anything.map(r => ({ ...r, stateful: false }))]) {
    const open = world([guarded(1, rules), guarded(2, anything)]);
    for (const f of denied) assert.deepEqual(open.run(f), [], JSON.stringify(f));
  }
});

test('addresses of others are no source, whatever the rules; those of pairs are, with the MAC that goes with them', () => {
  const pairs = [{ ip_address: '10.1.0.0/24' }, { mac_address: '00:00:5e:00:01:05', ip_address: '10.0.0.99' }];
  for (const stateful of [true, false]) {
    const w = world([
      guarded(
        1,
        out.map(r => ({ ...r, stateful })),
        { allowed_address_pairs: pairs },
      ),
    ]);
    const from = (fields: Match): readonly (number | 'normal')[] => w.run(frame(1, 'outside', { ...tcp(80), ...fields }));
    assert.deepEqual(from({}), ['normal']);
    assert.deepEqual(from({ ip_src: '10.1.0.7' }), ['normal']);
    assert.deepEqual(from({ ip_src: '10.0.0.99', eth_src: '00:00:5e:00:01:05' }), ['normal']);
    assert.deepEqual(from({ ip_src: '10.0.0.99' }), []);
    assert.deepEqual(from({ eth_src: '00:00:5e:00:01:05' }), []);
    assert.deepEqual(from({ ip_src: '10.2.0.7' }), []);
    assert.deepEqual(from({ ...tcp6(80), ip_src: undefined, ipv6_src: '2001:db8::2' }), []);
  }
});

test('without any address the MAC alone binds', () => {
  const w = world([guarded(1, out, { fixed_ips: [] })]);
  assert.deepEqual(w.run(frame(1, 'outside', tcp(80))), ['normal']);
  assert.deepEqual(w.run(frame(1, 'outside', { ...tcp(80), eth_src: mac(2) })), []);
});

test('unicast in a frame to many does not come past the rules', () => {
  const w = world([guarded(1, [ssh]), guarded(2, out)], {}, [{ ofport: 20, vlan: NET }]);
  const many = { eth_dst: 'ff:ff:ff:ff:ff:ff' };
  assert.deepEqual(w.run({ ...frame('outside', 1, udp(53)), ...many }), []);
  assert.deepEqual(w.run({ ...frame('outside', 1, udp(53)), ...many, in_port: 20, vlan_vid: noVlan }), []);
  assert.deepEqual(w.run({ ...frame(2, 1, udp(53)), ...many }), []);
  assert.deepEqual(w.run(frame('outside', 'ff:ff:ff:ff:ff:ff', udp(53))), ['normal'], 'multicast is not for the rules');
});

test('unicast goes to the one it is for or out of the host, and is flooded only where anybody may be behind a port', () => {
  const router = { ofport: 20, vlan: NET, mac: 'fa:16:3e:00:00:20' };
  const outward = new Map([[NET, [UPLINK]]]);
  const w = world([guarded(1, out), guarded(2, out)], {}, [router], outward);
  const to = (eth_dst: string, from: Match = frame(1, 'outside', tcp(80))): readonly (number | 'normal')[] => w.run({ ...from, eth_dst });
  const fromRouter = { ...frame('outside', 1, tcp(80)), in_port: router.ofport, vlan_vid: noVlan };
  assert.deepEqual(to(outside.mac), [UPLINK]);
  assert.deepEqual(to(router.mac), [20]);
  assert.deepEqual(to('ff:ff:ff:ff:ff:ff', frame(1, 'outside', { ...protocol.arp, arp_op: 1, arp_sha: mac(1), arp_spa: '10.0.0.1' })), [
    'normal',
  ]);
  assert.deepEqual(to(mac(2), frame(1, 2, { ...protocol.arp, arp_op: 2, arp_sha: mac(1), arp_spa: '10.0.0.1' })), [12]);
  assert.deepEqual(to(mac(2), frame(1, 2, { ...protocol.icmp6, icmpv6_type: 136, nd_target: '2001:db8::1' })), [12]);
  assert.deepEqual(to(outside.mac, fromRouter), [UPLINK]);
  assert.deepEqual(to(router.mac, frame('outside', 1, tcp(80))), [20], 'from outside');
  for (const mac_ of [outside.mac, mac(1)]) assert.deepEqual(to(mac_, { ...fromRouter, vlan_vid: vlan(5) }), [], 'a tag of its own');
  assert.deepEqual(to(outside.mac, { ...fromRouter, vlan_vid: vlan(0) }), [UPLINK], "a priority's tag is none");
  const nested = { ofport: 21, vlan: NET };
  assert.deepEqual(world([guarded(1, out)], {}, [router, nested], outward).run(frame(1, 'outside', tcp(80))), ['normal']);
  assert.deepEqual(world([guarded(1, out)], {}, [router], new Map([[NET, []]])).run(frame(1, 'outside', tcp(80))), []);
});

test('a MAC that two ports may have leads to both, to each by its own rules', () => {
  const pair = { mac_address: '00:00:5e:00:01:05', ip_address: '10.0.0.99' };
  const shared = (n: number, rules: WireRule[]): GuardedPort => guarded(n, rules, { allowed_address_pairs: [pair] });
  const to = { ...frame('outside', 1, tcp(22)), eth_dst: pair.mac_address, ip_dst: pair.ip_address };
  assert.deepEqual(world([shared(1, [ssh]), shared(2, [ssh])]).run(to), [11, 12]);
  assert.deepEqual(world([shared(2, [ssh]), shared(1, [])]).run(to), [12]);
});

test("a MAC that is a pair's alone leads out of the host, too: who has it now may be there", () => {
  const pair = { mac_address: '00:00:5e:00:01:05', ip_address: '10.0.0.99' };
  const outward = new Map([[NET, [UPLINK]]]);
  const standby = guarded(1, [], { allowed_address_pairs: [pair] });
  const w = world([standby, guarded(2, out)], {}, [], outward);
  const to = { ...frame(2, 'outside', tcp(80)), eth_dst: pair.mac_address, ip_dst: pair.ip_address };
  assert.deepEqual(w.run(to), [UPLINK], 'the rules of the one here deny it');
  const answer = { ...frame('outside', 2, tcp(40_000, 80)), eth_src: pair.mac_address, ip_src: pair.ip_address };
  assert.deepEqual(w.run(answer), [12], 'the connection is known');
  assert.deepEqual(w.run(to), [UPLINK]);
  const asked = { ...frame(2, 'outside', { ...protocol.arp, arp_op: 2, arp_sha: mac(2), arp_spa: '10.0.0.2' }), eth_dst: pair.mac_address };
  assert.deepEqual(w.run(asked), [11, UPLINK]);
  assert.deepEqual(w.run({ ...to, in_port: UPLINK, vlan_vid: vlan(NET) }), [], 'what comes from outside does not go back');
  const owned = guarded(3, [], { allowed_address_pairs: [{ ...pair, mac_address: mac(1) }] });
  assert.deepEqual(world([guarded(1, [ssh]), owned, guarded(2, out)], {}, [], outward).run(frame(2, 1, tcp(22))), [11]);
});

test('EtherTypes that are permitted pass, from MACs of the port', () => {
  const permitted = new Pipeline([beneath, ...firewallRenderer([0x88cc])(given([guarded(1, []), guarded(2, [])]))]);
  assert.deepEqual(permitted.run(frame(1, 2, { eth_type: 0x88cc })), [12]);
  assert.deepEqual(permitted.run(frame('outside', 2, { eth_type: 0x88cc })), [12]);
  assert.deepEqual(permitted.run(frame(1, 'outside', { eth_type: 0x88cc })), ['normal']);
  assert.deepEqual(permitted.run(frame(1, 2, { eth_type: 0x88cc, eth_src: mac(3) })), []);
  assert.deepEqual(permitted.run(frame(1, 2, { eth_type: 0x88cd })), []);
});

test('what the switch cannot look at permits nothing', () => {
  const rules: WireRule[] = [{ direction: 'ingress', ethertype: 'IPv4', protocol: 'udplite', port_range_min: 7, port_range_max: 7 }];
  assert.equal(
    lines(flows([guarded(1, rules)]), l => /table=82, priority=7/.test(l)),
    '',
  );
});

test('a member more is a flow more for each direction, however many networks, ports and rules there are', () => {
  const rules: WireRule[] = [
    { ...ssh, remote_group_id: group },
    { direction: 'ingress', ethertype: 'IPv4', remote_group_id: group },
    { direction: 'egress', ethertype: 'IPv4', protocol: 'udp', remote_group_id: group },
  ];
  const ports = [1, 2, 3, 4, 5].map(n => ({ ...guarded(n, rules), vlan: n }));
  const render = firewallRenderer([]);
  const before = render(given(ports, { [group]: ['10.0.0.1'] }));
  const after = render(given(ports, { [group]: ['10.0.0.1', '10.0.0.2'] }));
  assert.equal(flowDifference(before, after).add.length, 2);
  assert.equal(flowDifference(before, after).gone.length, 0);
  assert.equal(flowDifference(after, before).gone.length, 2);
  assert.deepEqual(flowDifference(after, render(given(ports.slice(0, 4), { [group]: ['10.0.0.1', '10.0.0.2'] }))).add, []);
});

test('what is unchanged is the same values again', () => {
  const rules: WireRule[] = [{ ...ssh, remote_group_id: group }, ...out];
  const ports = [1, 2, 3].map(n => guarded(n, rules));
  const render = firewallRenderer([]);
  const known = new Set(render(given(ports, { [group]: ['10.0.0.1', '10.0.0.2'] })));
  const fresh = (now: readonly Flow[]): Flow[] => now.filter(f => !known.has(f));
  assert.deepEqual(fresh(render(given(ports, { [group]: ['10.0.0.1', '10.0.0.2'] }))), []);
  assert.equal(fresh(render(given(ports, { [group]: ['10.0.0.1', '10.0.0.3'] }))).length, 1);
});

test('numbers of groups that are gone are forgotten', () => {
  const ids = new ConjunctionIds();
  const of = (n: number): number => ids.of({ group: `group ${n}`, direction: 'ingress', family: 4, stateful: true });
  for (let n = 0; n < 1000; n++) of(n);
  assert.equal(ids.isCrowded(0), false);
  assert.equal(ids.isCrowded(of(1000)), false);
  assert.equal(ids.isCrowded(0), true);
  const render = firewallRenderer([]);
  const groupOf = (n: number): string => `fe4f52c7-ab8e-4c88-a606-${String(n).padStart(12, '0')}`;
  const used = (n: number): FirewallFlowsGiven =>
    given([guarded(1, [{ ...ssh, remote_group_id: groupOf(n) }])], { [groupOf(n)]: ['192.0.2.9'] });
  for (let n = 1; n < 1500; n++) render(used(n));
  assert.deepEqual(render(used(1500)).map(flowText), firewallRenderer([])(used(1500)).map(flowText));
});

test('another life of the agent, rules, ports and members in another order: the same flows', () => {
  const rules: WireRule[] = [ssh, { ...ssh, remote_group_id: group }, { ...ssh, port_range_max: 80, remote_group_id: other }, ...out];
  const [one, two] = [guarded(1, rules), guarded(2, out)];
  const a = flows([one, two], { [group]: ['10.0.0.1', '10.0.0.2'], [other]: ['10.0.0.2'] });
  const b = flows([two, guarded(1, rules.toReversed())], { [group]: ['10.0.0.2', '10.0.0.1'], [other]: ['10.0.0.2'] });
  assert.deepEqual(flowDifference(a, b), { add: [], gone: [] });
  assert.equal(new Set(a.map(f => flowText(f))).size, a.length);
});

test('flows of one identity do one thing, whatever the rules', () => {
  const wide: WireRule[] = [
    { ...ssh, port_range_max: 100 },
    { ...ssh, port_range_min: 50, port_range_max: 200 },
    { ...ssh, port_range_min: null, port_range_max: null },
    { ...ssh, port_range_min: 0, port_range_max: 65_535 },
    { ...ssh, port_range_min: 22, port_range_max: 23, remote_group_id: group },
    { ...ssh, port_range_min: 22, port_range_max: 23, remote_group_id: other },
  ];
  const pairs = [{ ip_address: '0.0.0.0/0' }, { ip_address: '10.0.0.1' }, { ip_address: '2001:db8::/64' }];
  const all = flows([guarded(1, wide, { allowed_address_pairs: pairs })], {
    [group]: ['10.0.0.5', '0.0.0.0/0'],
    [other]: ['10.0.0.5'],
  });
  const actions = new Map<string, string>();
  for (const flow of all) {
    const [identity, does] = flowText(flow).split(' actions=') as [string, string];
    assert.equal(actions.get(identity) ?? does, does, identity);
    actions.set(identity, does);
  }
});

test('the filter and the judge of connections decide alike, for rules of every kind', () => {
  let seed = 20_261_128;
  const below = (n: number): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((seed / 2 ** 32) * n);
  };
  const pick = <T>(all: readonly T[]): T => all[below(all.length)]!;
  const range = (): Partial<WireRule> => {
    const [min, max] = [pick([1, 20, 22, 64]), pick([22, 79, 80, 443])];
    return pick([{}, { port_range_min: Math.min(min, max), port_range_max: Math.max(min, max) }]);
  };
  const remote = (six: boolean): Partial<WireRule> =>
    pick([
      {},
      { remote_group_id: group },
      { remote_address_group_id: other },
      { source_ip_prefix: six ? '2001:db8:ffff::/48' : '192.0.2.0/24' },
      { source_ip_prefix: six ? '::/0' : '0.0.0.0/0' },
    ]);
  const icmp = (): Partial<WireRule> => pick([{}, { port_range_min: 8 }, { port_range_min: 8, port_range_max: 0 }, { port_range_min: 13 }]);
  const rule = (): WireRule => {
    const six = below(2) === 1;
    const proto = pick(['tcp', 'udp', 'icmp', 'sctp', '112', undefined]);
    const more = proto === 'icmp' ? (six ? pick([{}, { port_range_min: 128 }]) : icmp()) : proto === '112' || !proto ? {} : range();
    return { direction: 'ingress', ethertype: six ? 'IPv6' : 'IPv4', protocol: proto ?? null, ...more, ...remote(six) };
  };
  const groups: Members = {
    [group]: ['192.0.2.9', '2001:db8:ffff::9'],
    [other]: ['192.0.2.8/31', '198.51.100.0/24', '2001:db8:fffe::/64'],
  };
  const isMember: FlowView['isMember'] = (g, ip) =>
    (g === group && [0xc0000209n, parseIp('2001:db8:ffff::9')!.value].includes(ip.value)) ||
    (g === other &&
      (ip.version === 4 ? ip.value >> 1n === 0x60000104n || ip.value >> 8n === 0xc63364n : ip.value >> 64n === 0x20010db8fffe0000n));
  let allowed = 0;
  let denied = 0;
  for (let i = 0; i < 150; i++) {
    const port = guarded(1, Array.from({ length: 1 + below(4) }, rule));
    const view: FlowView = { guarded: [port.security], closed: [], openAddresses: new Set(), isMember };
    const w = world([port], groups);
    for (let k = 0; k < 25; k++) {
      const six = below(2) === 1;
      const src = pick(
        six
          ? ['2001:db8:ffff::9', '2001:db8:ffff::8', '2001:db8:fffe::8', '2001:db8::77']
          : ['192.0.2.9', '192.0.2.10', '198.51.100.7', '10.9.9.9'],
      );
      const dst = six ? '2001:db8::1' : '10.0.0.1';
      const name = pick(['tcp', 'udp', 'sctp', 'icmp', '112'] as const);
      const dstPort = pick([20, 21, 22, 63, 64, 80, 443, 444]);
      const number = { tcp: 6, udp: 17, sctp: 132, icmp: six ? 58 : 1, '112': 112 }[name];
      const icmpType = six ? 128 : pick([8, 13]);
      const l4: Match =
        name === 'icmp'
          ? six
            ? { icmpv6_type: icmpType, icmpv6_code: 0 }
            : { icmp_type: icmpType, icmp_code: 0 }
          : name === '112'
            ? {}
            : { [`${name}_src`]: 40_000, [`${name}_dst`]: dstPort };
      const ip: Match = six ? { eth_type: 0x86dd, ipv6_src: src, ipv6_dst: dst } : { eth_type: 0x0800, ip_src: src, ip_dst: dst };
      const reached = w.run({
        in_port: UPLINK,
        vlan_vid: vlan(NET),
        eth_src: outside.mac,
        eth_dst: mac(1),
        nw_proto: number,
        ...ip,
        ...l4,
      });
      const tracked = {
        family: six ? (6 as const) : (4 as const),
        protocol: String(number),
        src,
        dst,
        ...(name === 'icmp' ? { icmpType, icmpCode: 0 } : name === '112' ? {} : { srcPort: 40_000, dstPort }),
      };
      const ends = judgeFlows([tracked], view).end.length > 0;
      assert.deepEqual(
        reached,
        ends ? [] : [11],
        `${JSON.stringify(tracked)} ${JSON.stringify(port.security.rules, (_, v: unknown) => (typeof v === 'bigint' ? String(v) : v))}`,
      );
      if (ends) denied++;
      else allowed++;
    }
  }
  assert.ok(allowed > 300 && denied > 300, `${allowed} and ${denied}`);
});
