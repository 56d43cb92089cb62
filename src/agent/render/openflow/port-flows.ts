// Who a guarded port is: what it may send as, whatever its rules, and what those permit. Nothing here depends on other ports.
import { formatCidr } from '../../../domain/net/cidr.ts';
import type { Flow } from '../../../domain/openflow/flow.ts';
import { type Match, protocol } from '../../../domain/openflow/match.ts';
import type { AddressPair, PortSecurity } from '../security-port.ts';
import type { Rule } from '../security-rules.ts';
import { DHCP, DHCPV6 } from './base-flows.ts';
import { CONJUNCTION_PRIORITY, type ConjunctionIds, clause, conjunctionOf, rulesTable } from './conjunctions.ts';
import { address, family, rank, ruleMatches } from './rule-matches.ts';
import { commit, flowOf, type Row, setNet, setPort, firewallTable as t, to, toPort, track } from './tables.ts';

/** A port with rules. */
export interface GuardedPort {
  readonly security: PortSecurity;
  readonly ofport: number;
  /** Local VLAN of its network. */
  readonly vlan: number;
}

/** MLD (query, report, done, v2 report): with an address of its own. */
const MLD = [130, 131, 132, 143];
/** Before an address is verified these may come from `::` (RFC 3810, section 5.2.13). */
const MLD_UNSPECIFIED = [131, 143];
const NO_LINK_ADDRESS = '00:00:00:00:00:00';
const ALL_MULTICAST = 'ff02::/16';
/** `4 +` rank above those of remote groups, which keeps the two apart. */
const RULE_PRIORITY = 74;

/** `permitted`: EtherTypes beside IP and ARP. */
export function portFlows(port: GuardedPort, ids: ConjunctionIds, permitted: readonly number[]): Flow[] {
  return [entry(port), counted(port), ...sends(port, permitted), ...receives(port), ...permits(port), ...remotes(port, ids)].map(flowOf);
}

function entry({ ofport, vlan }: GuardedPort): Row {
  return [t.transient, 100, { in_port: ofport }, [setPort(ofport), setNet(vlan), to(t.baseEgress)]];
}

/** What is dropped of a port, and of nobody else, is to be seen. */
const counted = ({ ofport }: GuardedPort): Row => [t.dropped, 10, { reg5: ofport }, []];

function sends(port: GuardedPort, permitted: readonly number[]): Row[] {
  const { macs, pairs } = port.security;
  const reg5 = port.ofport;
  const rows: (readonly [priority: number, match: Match, Row[3]])[] = [
    ...pairs.filter(p => p.prefix.version === 4).flatMap(arp),
    ...pairs.filter(p => p.prefix.version === 6).flatMap(neighbourDiscovery),
    ...macs.flatMap(mac => unverified(mac, permitted)),
    ...[...pairs, ...anyAddress(port.security)].flatMap(p => own(p, port.security.stateful)),
  ];
  return rows.map(([priority, match, actions]) => [t.baseEgress, priority, { reg5, ...match }, actions]);
}

type Sent = readonly [priority: number, match: Match, actions: Row[3]];

const link = (match: Match): Sent => [95, match, [to(t.acceptOrIngress)]];

/** A probe (RFC 5227) has no sender address yet; it may only ask for an address of the port. */
function arp({ mac, prefix }: AddressPair): Sent[] {
  const said = { ...protocol.arp, eth_src: mac, arp_sha: mac };
  return [link({ ...said, arp_spa: formatCidr(prefix) }), link({ ...said, arp_op: 1, arp_spa: '0.0.0.0', arp_tpa: formatCidr(prefix) })];
}

/** A solicitation with its own link-layer address or none, an advertisement for an address of its own with the MAC that goes with it. */
function neighbourDiscovery({ mac, prefix }: AddressPair): Sent[] {
  const address = formatCidr(prefix);
  const said = { ...protocol.icmp6, eth_src: mac };
  const from = { ...said, ipv6_src: address };
  const links = [mac, NO_LINK_ADDRESS];
  return [
    ...[...MLD, 133].map(icmpv6_type => link({ ...from, icmpv6_type })),
    ...links.map(nd_sll => link({ ...from, icmpv6_type: 135, icmpv6_code: 0, nd_sll })),
    ...links.map(nd_tll => link({ ...said, icmpv6_type: 136, icmpv6_code: 0, nd_target: address, nd_tll })),
    // Duplicate address detection: whoever hears it for an address that it is about to take does without that address.
    link({
      ...said,
      ipv6_src: '::',
      ipv6_dst: ALL_MULTICAST,
      icmpv6_type: 135,
      icmpv6_code: 0,
      nd_target: address,
      nd_sll: NO_LINK_ADDRESS,
    }),
  ];
}

/** What comes from a MAC of the port that has no address to show. RARP: an instance that moved here tells the switches so. */
function unverified(mac: string, permitted: readonly number[]): Sent[] {
  return [
    link({ ...protocol.rarp, eth_src: mac, arp_op: 3, arp_sha: mac, arp_tha: mac }),
    ...MLD_UNSPECIFIED.map(icmpv6_type => link({ ...protocol.icmp6, eth_src: mac, ipv6_src: '::', ipv6_dst: ALL_MULTICAST, icmpv6_type })),
    ...permitted.map(eth_type => link({ eth_type, eth_src: mac })),
    dhcp4({ eth_src: mac, ip_src: '0.0.0.0' }),
  ];
}

const dhcp4 = (from: Match): Sent => [
  80,
  { ...protocol.udp, ...from, udp_src: DHCP.client, udp_dst: DHCP.server },
  [to(t.acceptOrIngress)],
];

/** IP from an address of the port goes on to the rules. */
function own({ mac, prefix }: AddressPair, stateful: boolean): Sent[] {
  const from: Match = { ...family(prefix.version), eth_src: mac, ...address(prefix.version, 'src', formatCidr(prefix)) };
  const dhcp: Sent =
    prefix.version === 4
      ? dhcp4(from)
      : [80, { ...protocol.udp6, ...from, udp_src: DHCPV6.client, udp_dst: DHCPV6.server }, [to(t.acceptOrIngress)]];
  if (stateful) return [dhcp, [65, from, [track(t.rulesEgress)]]];
  // Fragments show no ports and no ICMP types before they are tracked: a server's offer could be in them, or a router's advertisement.
  return [dhcp, [66, { ...from, ip_frag: 'yes' }, [track(t.rulesEgress)]], [65, from, [to(t.rulesEgress)]]];
}

/** No address at all is known: then the MAC alone binds. */
function anyAddress({ anyAddress: any, mac }: PortSecurity): AddressPair[] {
  return any ? ([4, 6] as const).map(version => ({ mac, prefix: { version, network: 0n, prefix: 0 } })) : [];
}

/** Of a port without state, what a neighbour's connection needs is kept all the same: its answers are looked at. */
function receives({ security, ofport }: GuardedPort): Row[] {
  if (security.stateful) return [];
  return ([4, 6] as const).flatMap((version): Row[] => {
    const match = { ...family(version), reg5: ofport };
    return [
      [t.baseIngress, 92, { ...match, ct_state: '+new-est+trk' }, [commit, to(t.rulesIngress)]],
      [t.baseIngress, 91, match, [to(t.rulesIngress)]],
    ];
  });
}

function permits({ security, ofport }: GuardedPort): Row[] {
  return security.rules
    .filter(r => r.remoteGroup === undefined)
    .flatMap(r =>
      ruleMatches(r).flatMap(match => accept(r.direction, security.stateful, RULE_PRIORITY + rank(r), { reg5: ofport, ...match }, [])),
    );
}

/** The flows that let a packet on: of a connection that is there, and of a new one. `first` is done before. */
export function accept(direction: Rule['direction'], stateful: boolean, priority: number, match: Match, first: Row[3]): Row[] {
  const table = rulesTable(direction);
  const on = direction === 'egress' ? to(t.acceptOrIngress) : toPort;
  if (!stateful) return [[table, priority, match, [...first, on]]];
  const begun = direction === 'egress' ? [on] : [commit, on, to(t.acceptedIngress)];
  return [
    [table, priority, { ...match, ct_state: '+est-rel-rpl' }, [...first, on]],
    [table, priority, { ...match, ct_state: '+new-est' }, [...first, ...begun]],
  ];
}

/** Rules with a remote group: the port's half of the conjunction. One match may be half of several. */
function remotes({ security, ofport }: GuardedPort, ids: ConjunctionIds): Row[] {
  const halves = new Map<string, { readonly table: number; readonly match: Match; readonly ids: Set<number> }>();
  for (const r of security.rules) {
    const conjunction = conjunctionOf(r, security.stateful);
    if (!conjunction) continue;
    for (const rule of ruleMatches(r)) {
      const table = rulesTable(r.direction);
      const match = { reg5: ofport, ...rule };
      const key = `${table} ${JSON.stringify(match)}`;
      const half = halves.get(key) ?? { table, match, ids: new Set() };
      half.ids.add(ids.of(conjunction));
      halves.set(key, half);
    }
  }
  return [...halves.values()].map(h => [h.table, CONJUNCTION_PRIORITY, h.match, clause(h.ids, 2)]);
}
