// What Open vSwitch refuses of a flow that can be written down: fields without what they need, actions that do not fit the match.
import type { Action, Subfield } from '../../../domain/openflow/actions.ts';
import { canonicalMatch } from '../../../domain/openflow/canonical.ts';
import type { FieldName } from '../../../domain/openflow/fields.ts';
import type { Flow } from '../../../domain/openflow/flow.ts';

/** OpenFlow's name of the error. */
export class SimRefused extends Error {}

export interface Around {
  hasGroup(id: number): boolean;
  hasMeter(id: number): boolean;
}

/** What is known of the packet: exact values, and whether there is a tag. */
interface Packet {
  readonly type: number | undefined;
  readonly protocol: number | undefined;
  readonly icmpv6: number | undefined;
  tagged: boolean;
}

const IP = 0x0800;
const IPV6 = 0x86dd;
const isIp = (p: Packet): boolean => p.type === IP || p.type === IPV6;
const over = (protocol: number, p: Packet): boolean => isIp(p) && p.protocol === protocol;
const isIcmpv6 = (p: Packet): boolean => p.type === IPV6 && p.protocol === 58;
const isNd = (p: Packet, ...types: readonly number[]): boolean => isIcmpv6(p) && types.includes(p.icmpv6 ?? -1);

const NEEDS: readonly (readonly [fields: RegExp, holds: (p: Packet) => boolean])[] = [
  [/^ip_(src|dst)$/, p => p.type === IP],
  [/^ipv6_/, p => p.type === IPV6],
  [/^(nw_proto|nw_ttl|ip_dscp|nw_tos|nw_ecn|ip_frag)$/, isIp],
  [/^arp_/, p => p.type === 0x0806 || p.type === 0x8035],
  [/^tcp_/, p => over(6, p)],
  [/^udp_/, p => over(17, p)],
  [/^sctp_/, p => over(132, p)],
  [/^icmp_/, p => p.type === IP && p.protocol === 1],
  [/^icmpv6_/, isIcmpv6],
  [/^nd_sll$/, p => isNd(p, 135)],
  [/^nd_tll$/, p => isNd(p, 136)],
  [/^nd_/, p => isNd(p, 135, 136)],
  [/^vlan_pcp$/, p => p.tagged],
  [/^mpls_/, p => p.type === 0x8847 || p.type === 0x8848],
];

const fits = (name: FieldName, p: Packet): boolean => NEEDS.find(([pattern]) => pattern.test(name))?.[1](p) ?? true;

const READ_ONLY =
  /^(conj_id|actset_output|ct_state|ct_zone|ct_nw_proto|ct_(nw|ipv6|tp)_(src|dst)|eth_type|nw_proto|ip_frag|tcp_flags|mpls_bos)$/;

/** Throws SimRefused. */
export function checkFlow(flow: Pick<Flow, 'table' | 'match' | 'actions'>, around: Around): void {
  const match = canonicalMatch(flow.match);
  const exact = (name: FieldName): number | undefined => {
    const bits = match.get(name);
    return bits && Number(bits.value);
  };
  const vid = match.get('vlan_vid');
  const packet: Packet = {
    type: exact('eth_type'),
    protocol: exact('nw_proto'),
    icmpv6: exact('icmpv6_type'),
    tagged: ((vid?.value ?? 0n) & 0x1000n) !== 0n,
  };
  for (const name of match.keys()) if (!fits(name, packet)) throw new SimRefused('OFPBMC_BAD_PREREQ');
  const plain = flow.actions.filter(a => a.do !== 'note');
  if (plain.some(a => a.do === 'conjunction') && plain.some(a => a.do !== 'conjunction')) throw new SimRefused('NXBAC_BAD_CONJUNCTION');
  for (const action of flow.actions) checkAction(action, packet, flow.table, around);
}

function checkAction(a: Action, p: Packet, table: number, around: Around): void {
  const inconsistent = (): never => {
    throw new SimRefused('OFPBAC_MATCH_INCONSISTENT');
  };
  switch (a.do) {
    case 'group':
      if (!around.hasGroup(a.group)) throw new SimRefused('OFPBAC_BAD_OUT_GROUP');
      return;
    case 'meter':
      if (!around.hasMeter(a.meter)) throw new SimRefused('OFPMMFC_INVALID_METER');
      return;
    case 'controller':
      if (a.meter !== undefined && !around.hasMeter(a.meter)) throw new SimRefused('OFPMMFC_INVALID_METER');
      return;
    case 'goto_table':
      if (a.table <= table) throw new SimRefused('OFPBIC_BAD_TABLE_ID');
      return;
    case 'push_vlan':
      p.tagged = true;
      return;
    case 'pop_vlan':
      if (!p.tagged) inconsistent();
      p.tagged = false;
      return;
    case 'dec_ttl':
      if (!isIp(p)) inconsistent();
      return;
    case 'set_field':
      checkSet(a.field, p);
      return;
    case 'load':
      checkSet(nameOf(a.to), p);
      return;
    case 'move':
      if (!fits(nameOf(a.from), p)) inconsistent();
      checkSet(nameOf(a.to), p);
      return;
    case 'ct':
      if (!isIp(p)) inconsistent();
      return;
    case 'clone':
    case 'write_actions':
      for (const inner of a.actions) checkAction(inner, { ...p }, table, around);
  }
}

const nameOf = (s: Subfield): FieldName => (typeof s === 'string' ? s : s.field);

function checkSet(name: FieldName, p: Packet): void {
  if (READ_ONLY.test(name)) throw new SimRefused('OFPBAC_BAD_SET_ARGUMENT');
  if (!fits(name, p)) throw new SimRefused('OFPBAC_MATCH_INCONSISTENT');
}
