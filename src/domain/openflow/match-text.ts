// A match in ovs-ofctl's words and order, as `ovs-ofctl dump-flows` prints it.
import { canonicalMatch } from './canonical.ts';
import { type FieldName, fieldOf } from './fields.ts';
import type { Match } from './match.ts';
import { type Bits, matchBits, ones, spelled } from './values.ts';

/** As C's `%#x`: zero has no prefix. */
export const hex = (n: bigint): string => (n === 0n ? '0' : `0x${n.toString(16)}`);

/** Fields whose name in a match is an older one. */
const OLD_NAMES: Partial<Record<FieldName, string>> = {
  eth_src: 'dl_src',
  eth_dst: 'dl_dst',
  ip_src: 'nw_src',
  ip_dst: 'nw_dst',
  ip_frag: 'nw_frag',
  ip_dscp: 'nw_tos',
  icmpv6_type: 'icmp_type',
  icmpv6_code: 'icmp_code',
  tcp_src: 'tp_src',
  tcp_dst: 'tp_dst',
  udp_src: 'tp_src',
  udp_dst: 'tp_dst',
  sctp_src: 'tp_src',
  sctp_dst: 'tp_dst',
};

const registers = Array.from({ length: 16 }, (_, i) => `reg${i}` as FieldName);

const BEFORE_PROTOCOL: readonly FieldName[] = [
  'pkt_mark',
  'conj_id',
  'actset_output',
  'ct_state',
  'ct_zone',
  'ct_mark',
  'ct_label',
  'ct_nw_src',
  'ct_ipv6_src',
  'ct_nw_dst',
  'ct_ipv6_dst',
  'ct_nw_proto',
  'ct_tp_src',
  'ct_tp_dst',
];

const BEFORE_TAG: readonly FieldName[] = [
  ...registers,
  'tun_id',
  'tun_src',
  'tun_dst',
  'tun_ipv6_src',
  'tun_ipv6_dst',
  'tun_gbp_id',
  'tun_gbp_flags',
  'tun_flags',
  'metadata',
  'in_port',
];

const AFTER_TYPE: readonly FieldName[] = [
  'ipv6_src',
  'ipv6_dst',
  'ipv6_label',
  'arp_spa',
  'arp_tpa',
  'ip_src',
  'ip_dst',
  'nw_proto',
  'arp_op',
  'arp_sha',
  'arp_tha',
  'ip_dscp',
  'nw_ecn',
  'nw_ttl',
  'mpls_label',
  'mpls_tc',
  'mpls_ttl',
  'mpls_bos',
  'ip_frag',
  'icmp_type',
  'icmp_code',
  'icmpv6_type',
  'icmpv6_code',
  'nd_target',
  'nd_sll',
  'nd_tll',
  'nd_reserved',
  'nd_options_type',
  'tcp_src',
  'tcp_dst',
  'udp_src',
  'udp_dst',
  'sctp_src',
  'sctp_dst',
  'tcp_flags',
];

const PROTOCOLS: Readonly<Record<number, Readonly<Record<number, string>>>> = {
  2048: { 1: 'icmp', 6: 'tcp', 17: 'udp', 132: 'sctp' },
  34525: { 6: 'tcp6', 17: 'udp6', 58: 'icmp6', 132: 'sctp6' },
};

const TYPES: Readonly<Record<number, string>> = {
  2048: 'ip',
  34525: 'ipv6',
  2054: 'arp',
  32821: 'rarp',
  34887: 'mpls',
  34888: 'mplsm',
};

/** Terms such as `tcp`, `in_port=1`. Throws BadFlow. */
export function matchTerms(match: Match): string[] {
  const found = new Map(canonicalMatch(match));
  const terms: string[] = [];
  const take = (names: readonly FieldName[]): void => {
    for (const name of names) {
      const bits = found.get(name);
      if (bits && found.delete(name)) terms.push(`${OLD_NAMES[name] ?? name}=${matchValue(name, bits)}`);
    }
  };
  take(BEFORE_PROTOCOL);
  terms.push(...protocolTerm(found));
  take(BEFORE_TAG);
  terms.push(...tagTerms(found));
  take(['eth_src', 'eth_dst']);
  const type = found.get('eth_type');
  if (type && found.delete('eth_type')) terms.push(`dl_type=0x${type.value.toString(16).padStart(4, '0')}`);
  take(AFTER_TYPE);
  take([...found.keys()]);
  return [...terms, ...(match.opaque ?? []).toSorted().map(tlv => `opaque=${tlv}`)];
}

function protocolTerm(found: Map<FieldName, Bits>): string[] {
  const type = found.get('eth_type')?.value;
  if (type === undefined) return [];
  const word = PROTOCOLS[Number(type)]?.[Number(found.get('nw_proto')?.value ?? -1)];
  const name = word ?? TYPES[Number(type)];
  if (name === undefined) return [];
  found.delete('eth_type');
  if (word !== undefined) found.delete('nw_proto');
  return [name];
}

function tagTerms(found: Map<FieldName, Bits>): string[] {
  const vid = found.get('vlan_vid') ?? { value: 0n, mask: 0n };
  const pcp = found.get('vlan_pcp') ?? { value: 0n, mask: 0n };
  if (!found.delete('vlan_vid') || vid.mask === 0n) return [];
  found.delete('vlan_pcp');
  const named = (vid.value & 0x1000n) !== 0n && (vid.mask === 0x1fffn || (vid.mask === 0x1000n && pcp.mask !== 0n));
  if (!named) {
    const tci = (n: bigint): string => `0x${n.toString(16).padStart(4, '0')}`;
    const mask = (pcp.mask << 13n) | vid.mask;
    return [`vlan_tci=${tci((pcp.value << 13n) | vid.value)}${mask === 0xffffn ? '' : `/${tci(mask)}`}`];
  }
  return [...(vid.mask === 0x1fffn ? [`dl_vlan=${vid.value & 0xfffn}`] : []), ...(pcp.mask === 0n ? [] : [`dl_vlan_pcp=${pcp.value}`])];
}

function matchValue(name: FieldName, bits: Bits): string {
  if (name === 'ip_dscp') return String(bits.value << 2n);
  return valueText(name, bits);
}

/** A value as ovs-ofctl writes it: of a match, or of set_field. */
export function valueText(name: FieldName, bits: Bits): string {
  const field = fieldOf(name);
  const { value, mask } = bits;
  const exact = mask === ones(matchBits(field));
  switch (field.kind) {
    case 'decimal':
      return exact ? String(value) : `${hex(value)}/${hex(mask)}`;
    case 'hex':
      if (name === 'ct_zone') return String(value);
      return exact ? hex(value) : `${hex(value)}/${hex(mask)}`;
    case 'wide':
      return exact ? hex(value) : `${hex(value)}/${hex(mask)}`;
    case 'port':
      return portText(value);
    default:
      return String(spelled(name, bits));
  }
}

const RESERVED: Readonly<Record<string, string>> = {
  fffffff8: 'IN_PORT',
  fffffff9: 'TABLE',
  fffffffa: 'NORMAL',
  fffffffb: 'FLOOD',
  fffffffc: 'ALL',
  fffffffd: 'CONTROLLER',
  fffffffe: 'LOCAL',
  ffffffff: 'ANY',
};

const portText = (value: bigint): string => RESERVED[value.toString(16)] ?? String(value);
