// What holds for all guarded ports alike. Their own flows (port-flows.ts) say who they are; everything that is not said is dropped.
import { anyVlan, type Match, protocol } from '../../../domain/openflow/match.ts';
import { commit, commitEnded, type Row, firewallTable as t, to, toPort, track } from './tables.ts';

/** What a link needs comes in, whatever the rules: MLD queries, router advertisements (no guarded port sends any), ND. */
const ICMPV6_INGRESS = [130, 134, 135, 136];
/** Router solicitations and advertisements, ND, redirects: only as port-flows.ts has them, never as a rule would. */
const ICMPV6_LINK = [133, 134, 135, 136, 137];

export const DHCP = { server: 67, client: 68 } as const;
export const DHCPV6 = { server: 547, client: 546 } as const;

const families: readonly Match[] = [protocol.ip, protocol.ipv6];
const icmp6 = (type: number): Match => ({ ...protocol.icmp6, icmpv6_type: type });

/** `permitted`: EtherTypes beside IP and ARP (`permitted_ethertypes`). */
export function baseRows(permitted: readonly number[]): Row[] {
  return [
    ...baseEgress,
    ...ruled(t.rulesEgress, to(t.acceptOrIngress)),
    ...accepted,
    ...baseIngress(permitted),
    ...ruled(t.rulesIngress, toPort),
    ...ends,
  ];
}

const baseEgress: readonly Row[] = [
  [t.baseEgress, 120, { vlan_vid: anyVlan }, [to(t.dropped)]],
  [t.baseEgress, 110, { ct_state: '+trk' }, [{ do: 'ct_clear' }, to(t.baseEgress)]],
  // Only servers write to a DHCP client; clients do not look at the port that it comes from.
  ...clients().map((match): Row => [t.baseEgress, 70, match, [to(t.dropped)]]),
  ...ICMPV6_LINK.map((type): Row => [t.baseEgress, 70, icmp6(type), [to(t.dropped)]]),
  [t.baseEgress, 10, {}, [to(t.dropped)]],
  // The switch sees no ports in fragments before they are tracked, and where it does not put them together, not even then.
  ...clients().map((match): Row => [t.rulesEgress, 90, match, [to(t.dropped)]]),
  ...fragmentsForClients().map((match): Row => [t.rulesEgress, 90, match, [to(t.dropped)]]),
  // ND and router advertisements that were in fragments belong to no connection.
  [t.rulesEgress, 90, { ...protocol.icmp6, ct_state: '+inv+trk' }, [to(t.dropped)]],
  [t.rulesEgress, 90, { ...protocol.ipv6, ct_state: '+inv+trk', ip_frag: 'later' }, [to(t.dropped)]],
];

function clients(): Match[] {
  return [
    { ...protocol.udp, udp_dst: DHCP.client },
    { ...protocol.udp6, udp_dst: DHCPV6.client },
  ];
}

function fragmentsForClients(): Match[] {
  return [
    { ...protocol.ip, ct_state: '+trk-inv-rpl', ct_nw_proto: 17, ct_tp_dst: DHCP.client },
    { ...protocol.ipv6, ct_state: '+trk-inv-rpl', ct_nw_proto: 17, ct_tp_dst: DHCPV6.client },
  ];
}

/** Beneath the rules: what is part of a connection goes on, what is none any more ends for both sides. */
function ruled(table: number, accept: Row[3][number]): Row[] {
  return [
    [table, 50, { ct_state: '+inv+trk' }, [to(t.dropped)]],
    [table, 50, { ct_mark: 1 }, [to(t.dropped)]],
    [table, 50, { ct_state: '+est-rel+rpl', ct_mark: 0 }, [accept]],
    [table, 50, { ct_state: '-new-est+rel-inv', ct_mark: 0 }, [accept]],
    [table, 40, { ct_state: '-est' }, [to(t.dropped)]],
    ...families.map((match): Row => [table, 40, { ...match, ct_state: '+est' }, [commitEnded]]),
  ];
}

const accepted: readonly Row[] = [
  ...families.map((match): Row => [t.acceptOrIngress, 90, { ...match, ct_state: '+new-est' }, [commit, to(t.acceptedEgress)]]),
  [t.acceptOrIngress, 80, {}, [to(t.normal)]],
];

function baseIngress(permitted: readonly number[]): Row[] {
  return [
    [t.baseIngress, 100, protocol.arp, [toPort]],
    ...ICMPV6_INGRESS.map((type): Row => [t.baseIngress, 100, icmp6(type), [toPort]]),
    ...permitted.map((eth_type): Row => [t.baseIngress, 100, { eth_type }, [toPort]]),
    [t.baseIngress, 95, { ...protocol.udp, udp_src: DHCP.server, udp_dst: DHCP.client }, [toPort]],
    [t.baseIngress, 95, { ...protocol.udp6, udp_src: DHCPV6.server, udp_dst: DHCPV6.client }, [toPort]],
    ...families.map((match): Row => [t.baseIngress, 90, { ...match, ct_state: '-trk' }, [track(t.rulesIngress)]]),
    [t.baseIngress, 80, { ct_state: '+trk' }, [to(t.rulesIngress)]],
  ];
}

const ends: readonly Row[] = [
  ...[t.baseEgress, t.rulesEgress, t.acceptOrIngress, t.baseIngress, t.rulesIngress, t.acceptedIngress, t.dropped].map(
    (table): Row => [table, 0, {}, []],
  ),
  [t.acceptedEgress, 1, {}, [to(t.normal)]],
  [t.normal, 1, {}, [{ do: 'output', port: 'normal' }]],
];
