// The flows of Neutron's own openvswitch firewall and ours, for the same ports and rules, let the same frames through, but for what is named here.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { members } from '../../src/agent/render/ipset.ts';
import { firewallRenderer } from '../../src/agent/render/openflow/firewall-flows.ts';
import { Pipeline } from '../../src/agent/render/openflow/pipeline.suite.ts';
import { compilePort } from '../../src/agent/render/security-port.ts';
import type { WireRule } from '../../src/agent/render/security-rules.ts';
import type { Action } from '../../src/domain/openflow/actions.ts';
import type { Flow } from '../../src/domain/openflow/flow.ts';
import { type Match, noVlan, protocol, vlan } from '../../src/domain/openflow/match.ts';

const python = '/usr/bin/python3';
const skip =
  spawnSync(python, ['-c', 'import neutron.agent.linux.openvswitch_firewall']).status === 0
    ? false
    : 'missing here (Debian: neutron-openvswitch-agent)';

const NET = 3;
const UPLINK = 1;
const group = 'fe4f52c7-ab8e-4c88-a606-b012618227f7';
const remote = 'aa4f52c7-ab8e-4c88-a606-b012618227f7';
const offices = 'bb4f52c7-ab8e-4c88-a606-b012618227f7';
const mac = (n: number): string => `fa:16:3e:00:00:0${n}`;
const outside = 'fa:16:3e:99:99:99';

const rule = (fields: WireRule): WireRule => ({ direction: 'ingress', ethertype: 'IPv4', ...fields });
const rules: readonly WireRule[] = [
  rule({ direction: 'egress' }),
  rule({ direction: 'egress', ethertype: 'IPv6', protocol: 'tcp' }),
  rule({ protocol: 'tcp', port_range_min: 22, port_range_max: 30, source_ip_prefix: '192.0.2.0/24' }),
  rule({ protocol: 'udp', port_range_min: 53, port_range_max: 53 }),
  rule({ protocol: 'icmp', port_range_min: 8, port_range_max: 0 }),
  rule({ protocol: '112' }),
  rule({ protocol: 'tcp', port_range_min: 80, port_range_max: 81, remote_group_id: remote }),
  rule({ protocol: 'sctp', port_range_min: 7, port_range_max: 9, remote_address_group_id: offices }),
  rule({ ethertype: 'IPv6', remote_group_id: remote }),
  rule({ ethertype: 'IPv6', protocol: 'udp', port_range_min: 5000, port_range_max: 5100 }),
];
const groups: Readonly<Record<string, readonly string[]>> = {
  [remote]: ['198.51.100.1', '2001:db8:ffff::9'],
  [offices]: ['203.0.113.0/24'],
};
const ports = [1, 2].map(n => ({
  id: `a000000${n}-0000-4000-8000-000000000000`,
  device: `port${n}`,
  mac_address: mac(n),
  ofport: 10 + n,
  fixed_ips: [`10.0.0.${n}`, `2001:db8::${n}`],
  allowed_address_pairs: n === 1 ? [{ mac_address: mac(1), ip_address: '10.1.0.0/24' }] : [],
  security_groups: [group],
  port_security_enabled: true,
}));

const beneath: Flow = { table: 60, priority: 3, cookie: 0n, match: {}, actions: [{ do: 'output', port: 'normal' }] };

function ours(): Pipeline {
  const guarded = ports.map(p => ({ security: compilePort({ ...p, rules }), ofport: p.ofport, vlan: NET }));
  const of = (g: string): readonly string[] => groups[g] ?? [];
  return new Pipeline([
    beneath,
    ...firewallRenderer([])({ guarded, open: [], outward: new Map(), members: (g, version) => members(version, of(g)) }),
  ]);
}

function neutrons(): Pipeline {
  const family = (g: string, six: boolean): [string, string | null][] =>
    (groups[g] ?? []).filter(ip => ip.includes(':') === six).map(ip => [ip, g === remote ? outside : null]);
  const input = {
    vlan: NET,
    ports,
    trusted: [],
    // The driver wants what is not there to be absent.
    groups: { [group]: rules.map(r => ({ ...r, security_group_id: group })) },
    members: Object.fromEntries(Object.keys(groups).map(g => [g, { IPv4: family(g, false), IPv6: family(g, true) }])),
  };
  const done = spawnSync(python, [join(import.meta.dirname, 'neutron_ovs_firewall.py')], {
    input: JSON.stringify(input),
    encoding: 'utf8',
  });
  assert.equal(done.status, 0, done.stderr);
  const flows = done.stdout
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => flowOf(JSON.parse(line) as Record<string, string | number>));
  // The last of one identity stays.
  const byIdentity = new Map(flows.map(f => [JSON.stringify([f.table, f.priority, f.match]), f]));
  return new Pipeline([beneath, ...byIdentity.values()]);
}

type Words = Readonly<Record<string, string | number>>;

/** What ovs-ofctl takes, as the driver says it. */
function flowOf({ table, priority, actions, ...words }: Words): Flow {
  return {
    table: Number(table),
    priority: Number(priority),
    cookie: 0n,
    match: matchOf(words),
    actions: actionsOf(String(actions)),
  };
}

const RENAMED: Readonly<Record<string, string>> = { dl_src: 'eth_src', dl_dst: 'eth_dst', nw_src: 'ip_src', nw_dst: 'ip_dst' };
const TEXTS = new Set(['dl_src', 'dl_dst', 'nw_src', 'nw_dst', 'ipv6_src', 'ipv6_dst', 'arp_spa', 'nd_target', 'ct_state']);

function matchOf(words: Words): Match {
  const six = Number(words['dl_type']) === 0x86dd;
  const out: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(words)) {
    if (name === 'cookie') continue;
    if (name === 'dl_vlan') out['vlan_vid'] = vlan(Number(value));
    else if (name === 'dl_type') out['eth_type'] = Number(value);
    else if (name === 'icmp_type' || name === 'icmp_code') out[six ? name.replace('icmp', 'icmpv6') : name] = Number(value);
    else if (name === 'tp_src' || name === 'tp_dst') out[name.replace('tp', 'udp')] = Number(value);
    else if (TEXTS.has(name)) out[RENAMED[name] ?? name] = String(value);
    else {
      const [bits = '', mask] = String(value).split('/');
      out[name] = mask === undefined ? Number(bits) : { value: Number(bits), mask: Number(mask) };
    }
  }
  return out as Match;
}

/** Split at commas outside of brackets. */
const actionsOf = (text: string): Action[] => (text.match(/[^,(]+(\((?:[^()]|\([^()]*\))*\))?[^,(]*/g) ?? []).flatMap(one => actionOf(one));

const zone = { field: 'reg6', bits: [0, 15] } as const;

function actionOf(word: string): Action[] {
  const number = (pattern: RegExp): number => Number(pattern.exec(word)?.[1]);
  if (word === 'drop') return [];
  if (word === 'normal') return [{ do: 'output', port: 'normal' }];
  if (word === 'ct_clear') return [{ do: 'ct_clear' }];
  if (word === 'strip_vlan') return [{ do: 'pop_vlan' }];
  if (word.startsWith('resubmit')) return [{ do: 'resubmit', table: number(/,(\d+)/) }];
  if (word.startsWith('output')) return [{ do: 'output', port: number(/:(\d+)/) }];
  const set = /^set_field:(\d+)->reg([567])$/.exec(word);
  if (set) return [{ do: 'set_field', field: `reg${set[2]}` as 'reg5', value: Number(set[1]) }];
  const joined = /^conjunction\((\d+),(\d)\/(\d)\)$/.exec(word);
  if (joined) return [{ do: 'conjunction', id: Number(joined[1]), clause: Number(joined[2]), of: Number(joined[3]) }];
  if (word.startsWith('ct(table=')) return [{ do: 'ct', table: number(/table=(\d+)/), zone }];
  if (word.includes('ct_mark')) return [{ do: 'ct', commit: true, zone, exec: [{ do: 'set_field', field: 'ct_mark', value: 1 }] }];
  if (word.startsWith('ct(commit')) return [{ do: 'ct', commit: true, zone }];
  throw new Error(`the test does not know ${word}`);
}

interface Case {
  readonly name: string;
  readonly frame: Match;
  /** What the two make of it, where that differs: Neutron's, ours. */
  readonly differs?: readonly [neutron: boolean, weft: boolean];
}

const ip = (n: number): string => `10.0.0.${n}`;
const ip6 = (n: number): string => `2001:db8::${n}`;
const inward = (to: number, fields: Match): Match => ({
  in_port: UPLINK,
  vlan_vid: vlan(NET),
  eth_src: outside,
  eth_dst: mac(to),
  ...fields,
});
const outward = (from: number, fields: Match): Match => ({
  in_port: 10 + from,
  vlan_vid: noVlan,
  eth_src: mac(from),
  eth_dst: outside,
  ...fields,
});
const all = 'ff:ff:ff:ff:ff:ff';

function comesIn(): Case[] {
  const out: Case[] = [];
  const l4: readonly (readonly [string, Match, Match])[] = [
    ...[21, 22, 30, 31, 79, 80, 81, 82].map(p => [`tcp ${p}`, { nw_proto: 6 }, { tcp_src: 4000, tcp_dst: p }] as const),
    ...[53, 54, 5000, 5050, 5100, 5101].map(p => [`udp ${p}`, { nw_proto: 17 }, { udp_src: 4000, udp_dst: p }] as const),
    ...[6, 7, 9, 10].map(p => [`sctp ${p}`, { nw_proto: 132 }, { sctp_src: 4000, sctp_dst: p }] as const),
    ['vrrp', { nw_proto: 112 }, {}],
    ['esp', { nw_proto: 50 }, {}],
  ];
  for (const [name, proto, fields] of l4) {
    for (const ip_src of ['192.0.2.9', '198.51.100.1', '203.0.113.7', '10.9.9.9'])
      out.push({ name: `${name} from ${ip_src}`, frame: inward(1, { eth_type: 0x0800, ip_src, ip_dst: ip(1), ...proto, ...fields }) });
    for (const ipv6_src of ['2001:db8:ffff::9', '2001:db8:ffff::8'])
      out.push({
        name: `${name} from ${ipv6_src}`,
        frame: inward(1, { eth_type: 0x86dd, ipv6_src, ipv6_dst: ip6(1), ...proto, ...fields }),
      });
  }
  const echo = { ...protocol.icmp, ip_src: '10.9.9.9', ip_dst: ip(1), icmp_code: 0 };
  out.push(
    { name: 'echo', frame: inward(1, { ...echo, icmp_type: 8 }) },
    { name: 'timestamp', frame: inward(1, { ...echo, icmp_type: 13 }) },
  );
  for (const icmpv6_type of [130, 134, 135, 136, 133, 137])
    out.push({
      name: `ICMPv6 ${icmpv6_type}`,
      frame: inward(1, { ...protocol.icmp6, ipv6_src: 'fe80::9', ipv6_dst: ip6(1), icmpv6_type }),
    });
  out.push(
    { name: 'ARP', frame: inward(1, { ...protocol.arp, arp_op: 1, arp_spa: '10.0.0.9', arp_sha: outside }) },
    { name: 'DHCP offer', frame: inward(1, { ...protocol.udp, ip_src: ip(9), ip_dst: ip(1), udp_src: 67, udp_dst: 68 }) },
    { name: 'DHCPv6', frame: inward(1, { ...protocol.udp6, ipv6_src: 'fe80::9', ipv6_dst: ip6(1), udp_src: 547, udp_dst: 546 }) },
    { name: 'LLDP', frame: inward(1, { eth_type: 0x88cc }) },
    { name: 'to another MAC', frame: { ...inward(1, { eth_type: 0x0800 }), eth_dst: mac(7) } },
    {
      name: 'unicast in a broadcast frame',
      frame: { ...inward(1, { ...protocol.udp, ip_src: ip(9), ip_dst: ip(1), udp_src: 1, udp_dst: 2 }), eth_dst: all },
      differs: [true, false],
    },
  );
  return out;
}

function goesOut(): Case[] {
  const tcp = { ...protocol.tcp, tcp_src: 4000, tcp_dst: 80, ip_src: ip(1), ip_dst: '192.0.2.9' };
  const tcp6 = { ...protocol.tcp6, tcp_src: 4000, tcp_dst: 80, ipv6_src: ip6(1), ipv6_dst: '2001:db8:ffff::9' };
  const arp = { ...protocol.arp, eth_dst: all, arp_op: 1, arp_spa: ip(1), arp_sha: mac(1), arp_tpa: ip(2) };
  const nd = (icmpv6_type: number, fields: Match): Match =>
    outward(1, { ...protocol.icmp6, eth_dst: '33:33:00:00:00:01', ipv6_src: ip6(1), ipv6_dst: 'ff02::1', icmpv6_type, ...fields });
  const dhcp = { ...protocol.udp, eth_dst: all, ip_src: '0.0.0.0', ip_dst: '255.255.255.255', udp_src: 68, udp_dst: 67 };
  return [
    { name: 'TCP', frame: outward(1, tcp) },
    { name: 'TCP from the pair', frame: outward(1, { ...tcp, ip_src: '10.1.0.7' }) },
    { name: 'TCP from another address', frame: outward(1, { ...tcp, ip_src: '10.2.0.7' }) },
    { name: 'TCP from another MAC', frame: outward(1, { ...tcp, eth_src: mac(2) }) },
    { name: 'TCP over IPv6', frame: outward(1, tcp6) },
    { name: 'UDP over IPv6', frame: outward(1, { ...protocol.udp6, udp_src: 1, udp_dst: 2, ipv6_src: ip6(1), ipv6_dst: ip6(9) }) },
    { name: 'TCP to a neighbour that does not permit it', frame: outward(1, { ...tcp, eth_dst: mac(2), ip_dst: ip(2) }) },
    {
      name: 'DNS to a neighbour that permits it',
      frame: outward(1, { ...protocol.udp, udp_src: 9, udp_dst: 53, eth_dst: mac(2), ip_src: ip(1), ip_dst: ip(2) }),
    },
    { name: 'ARP out', frame: outward(1, arp) },
    { name: 'ARP for another address', frame: outward(1, { ...arp, arp_spa: ip(2) }) },
    { name: 'ARP with another MAC inside', frame: outward(1, { ...arp, arp_sha: mac(2) }), differs: [true, false] },
    { name: 'ARP probe', frame: outward(1, { ...arp, arp_spa: '0.0.0.0', arp_tpa: ip(1) }), differs: [false, true] },
    { name: 'RS', frame: nd(133, {}) },
    { name: 'NS', frame: nd(135, { nd_target: ip6(2), nd_sll: mac(1) }) },
    { name: 'NS with another MAC', frame: nd(135, { nd_target: ip6(2), nd_sll: mac(2) }), differs: [true, false] },
    { name: 'duplicate address detection', frame: nd(135, { ipv6_src: '::', nd_target: ip6(1) }), differs: [false, true] },
    { name: 'NA', frame: nd(136, { nd_target: ip6(1), nd_tll: mac(1) }) },
    { name: 'NA for another address', frame: nd(136, { nd_target: ip6(2), nd_tll: mac(1) }) },
    { name: 'NA with another MAC', frame: nd(136, { nd_target: ip6(1), nd_tll: mac(2) }), differs: [true, false] },
    { name: 'MLD report', frame: nd(143, {}), differs: [false, true] },
    { name: 'RA', frame: nd(134, {}) },
    { name: 'DHCP request', frame: outward(1, dhcp) },
    { name: 'DHCP request from another MAC', frame: outward(1, { ...dhcp, eth_src: mac(2) }) },
    { name: 'DHCP offer of a guest', frame: outward(1, { ...dhcp, ip_src: ip(1), udp_src: 67, udp_dst: 68 }) },
    {
      name: 'to a DHCP client from any port',
      frame: outward(1, { ...dhcp, ip_src: ip(1), udp_src: 4000, udp_dst: 68 }),
      differs: [true, false],
    },
    { name: 'LLDP', frame: outward(1, { eth_type: 0x88cc }) },
    {
      name: 'RARP after a move',
      frame: outward(1, { ...protocol.rarp, eth_dst: all, arp_op: 3, arp_sha: mac(1), arp_tha: mac(1) }),
      differs: [false, true],
    },
    { name: 'TCP with a tag', frame: { ...outward(1, tcp), vlan_vid: vlan(0) }, differs: [true, false] },
  ];
}

test('the same frames pass', { skip }, () => {
  const [theirs, weft] = [neutrons(), ours()];
  const wrong: string[] = [];
  let passed = 0;
  for (const { name, frame, differs } of [...comesIn(), ...goesOut()]) {
    const [neutron, own] = [theirs.run(frame), weft.run(frame)];
    const expected = differs ?? [neutron.length > 0, neutron.length > 0];
    if (neutron.length > 0 !== expected[0] || own.length > 0 !== expected[1]) wrong.push(`${name}: ${neutron} and ${own}`);
    else if (!differs && String(neutron) !== String(own)) wrong.push(`${name}: to ${neutron} and ${own}`);
    if (own.length > 0) passed++;
  }
  assert.deepEqual(wrong, []);
  assert.ok(passed > 40, `${passed}`);
});
