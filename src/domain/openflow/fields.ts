// The fields that a flow may match, load, move and learn: Open vSwitch's names, widths, spellings and numbers (ovs-fields(7)), as data.

/**
 * How a value is written. `decimal` and `hex` are numbers, `wide` (more than 32 bits) a bigint, `mac`, `ipv4`, `ipv6` text with an optional
 * mask behind a slash, `flags` text such as `+trk-est`, `frag` one of OVS's words, `port` a number or `local`.
 */
export type FieldKind = 'decimal' | 'hex' | 'wide' | 'mac' | 'ipv4' | 'ipv6' | 'flags' | 'frag' | 'port';

export interface Field {
  readonly kind: FieldKind;
  readonly bits: number;
  readonly maskable: boolean;
  /** Number in class 0x8000 (OXM_OF), or in the class given beside it. */
  readonly oxm?: number | readonly [oxmClass: number, number: number];
  /** Class 0 (NXM_OF), 1 (NXM_NX) or an experimenter's, and number; what subfields are named by. */
  readonly nxm?: readonly [nxmClass: number, number: number];
  /** The name in subfields: `NXM_NX_REG0`. */
  readonly nxmName: string;
}

const ONF = 0x4f4e4600;

function field<K extends FieldKind>(
  kind: K,
  bits: number,
  nxmName: string,
  oxm: Field['oxm'] | undefined,
  nxm: Field['nxm'] | undefined,
  maskable = true,
): Field & { readonly kind: K } {
  return { kind, bits, maskable, nxmName, ...(oxm === undefined ? {} : { oxm }), ...(nxm === undefined ? {} : { nxm }) };
}

const exact = false;
const of = (n: number): readonly [number, number] => [0, n];
const nx = (n: number): readonly [number, number] => [1, n];

type Numbered<P extends string, N extends number> = { readonly [K in `${P}${N}`]: K };
type Sixteen = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13 | 14 | 15;
type Eight = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;
type Four = 0 | 1 | 2 | 3;
type Registers = { readonly [K in keyof Numbered<'reg', Sixteen>]: Field & { readonly kind: 'hex' } } & {
  readonly [K in keyof (Numbered<'xreg', Eight> & Numbered<'xxreg', Four>)]: Field & { readonly kind: 'wide' };
};

function registers(): Registers {
  const out: Record<string, Field> = {};
  for (let i = 0; i < 16; i++) out[`reg${i}`] = field('hex', 32, `NXM_NX_REG${i}`, undefined, nx(i));
  for (let i = 0; i < 8; i++) out[`xreg${i}`] = field('wide', 64, `OXM_OF_PKT_REG${i}`, [0x8001, i], undefined);
  for (let i = 0; i < 4; i++) out[`xxreg${i}`] = field('wide', 128, `NXM_NX_XXREG${i}`, undefined, nx(111 + i));
  return out as Registers;
}

const named = {
  conj_id: field('decimal', 32, 'NXM_NX_CONJ_ID', undefined, nx(37), exact),
  tun_id: field('wide', 64, 'NXM_NX_TUN_ID', 38, nx(16)),
  tun_src: field('ipv4', 32, 'NXM_NX_TUN_IPV4_SRC', undefined, nx(31)),
  tun_dst: field('ipv4', 32, 'NXM_NX_TUN_IPV4_DST', undefined, nx(32)),
  tun_ipv6_src: field('ipv6', 128, 'NXM_NX_TUN_IPV6_SRC', undefined, nx(109)),
  tun_ipv6_dst: field('ipv6', 128, 'NXM_NX_TUN_IPV6_DST', undefined, nx(110)),
  tun_gbp_id: field('decimal', 16, 'NXM_NX_TUN_GBP_ID', undefined, nx(38)),
  tun_gbp_flags: field('hex', 8, 'NXM_NX_TUN_GBP_FLAGS', undefined, nx(39)),
  tun_flags: field('flags', 16, 'NXM_NX_TUN_FLAGS', undefined, nx(104)),
  /** 16 bits as a subfield, 32 bits as a match. */
  in_port: field('port', 16, 'NXM_OF_IN_PORT', 0, of(0), exact),
  /** The same with 32 bits. For subfields; a match becomes in_port. */
  in_port_oxm: field('port', 32, 'OXM_OF_IN_PORT', 0, undefined, exact),
  pkt_mark: field('hex', 32, 'NXM_NX_PKT_MARK', undefined, nx(33)),
  actset_output: field('port', 32, 'OXM_OF_ACTSET_OUTPUT', [ONF, 43], undefined, exact),
  ct_state: field('flags', 32, 'NXM_NX_CT_STATE', undefined, nx(105)),
  ct_zone: field('hex', 16, 'NXM_NX_CT_ZONE', undefined, nx(106), exact),
  ct_mark: field('hex', 32, 'NXM_NX_CT_MARK', undefined, nx(107)),
  ct_label: field('wide', 128, 'NXM_NX_CT_LABEL', undefined, nx(108)),
  ct_nw_proto: field('decimal', 8, 'NXM_NX_CT_NW_PROTO', undefined, nx(119), exact),
  ct_nw_src: field('ipv4', 32, 'NXM_NX_CT_NW_SRC', undefined, nx(120)),
  ct_nw_dst: field('ipv4', 32, 'NXM_NX_CT_NW_DST', undefined, nx(121)),
  ct_ipv6_src: field('ipv6', 128, 'NXM_NX_CT_IPV6_SRC', undefined, nx(122)),
  ct_ipv6_dst: field('ipv6', 128, 'NXM_NX_CT_IPV6_DST', undefined, nx(123)),
  ct_tp_src: field('decimal', 16, 'NXM_NX_CT_TP_SRC', undefined, nx(124)),
  ct_tp_dst: field('decimal', 16, 'NXM_NX_CT_TP_DST', undefined, nx(125)),
  metadata: field('wide', 64, 'OXM_OF_METADATA', 2, undefined),
  eth_src: field('mac', 48, 'NXM_OF_ETH_SRC', 4, of(2)),
  eth_dst: field('mac', 48, 'NXM_OF_ETH_DST', 3, of(1)),
  eth_type: field('hex', 16, 'NXM_OF_ETH_TYPE', 5, of(3), exact),
  /** 12 bits and, as 0x1000, "there is a tag": `vlan(5)`, `noVlan`, `anyVlan` of match.ts. */
  vlan_vid: field('decimal', 13, 'OXM_OF_VLAN_VID', 6, undefined),
  vlan_pcp: field('decimal', 3, 'OXM_OF_VLAN_PCP', 7, undefined, exact),
  /** The tag as OVS keeps it, bit 12 meaning that there is one. For subfields; a match becomes vlan_vid and vlan_pcp. */
  vlan_tci: field('hex', 16, 'NXM_OF_VLAN_TCI', undefined, of(4)),
  mpls_label: field('decimal', 20, 'OXM_OF_MPLS_LABEL', 34, undefined, exact),
  mpls_tc: field('decimal', 3, 'OXM_OF_MPLS_TC', 35, undefined, exact),
  mpls_bos: field('decimal', 1, 'OXM_OF_MPLS_BOS', 36, undefined, exact),
  mpls_ttl: field('decimal', 8, 'NXM_NX_MPLS_TTL', undefined, nx(30), exact),
  ip_src: field('ipv4', 32, 'NXM_OF_IP_SRC', 11, of(7)),
  ip_dst: field('ipv4', 32, 'NXM_OF_IP_DST', 12, of(8)),
  ipv6_src: field('ipv6', 128, 'NXM_NX_IPV6_SRC', 26, nx(19)),
  ipv6_dst: field('ipv6', 128, 'NXM_NX_IPV6_DST', 27, nx(20)),
  ipv6_label: field('hex', 20, 'NXM_NX_IPV6_LABEL', 28, nx(27)),
  nw_proto: field('decimal', 8, 'NXM_OF_IP_PROTO', 10, of(6), exact),
  nw_ttl: field('decimal', 8, 'NXM_NX_IP_TTL', undefined, nx(29), exact),
  ip_frag: field('frag', 2, 'NXM_NX_IP_FRAG', undefined, nx(26)),
  /** DSCP in the upper six bits. For subfields; a match becomes ip_dscp. */
  nw_tos: field('decimal', 8, 'NXM_OF_IP_TOS', undefined, of(5), exact),
  ip_dscp: field('decimal', 6, 'OXM_OF_IP_DSCP', 8, undefined, exact),
  nw_ecn: field('decimal', 2, 'NXM_NX_IP_ECN', 9, nx(28), exact),
  arp_op: field('decimal', 16, 'NXM_OF_ARP_OP', 21, of(15), exact),
  arp_spa: field('ipv4', 32, 'NXM_OF_ARP_SPA', 22, of(16)),
  arp_tpa: field('ipv4', 32, 'NXM_OF_ARP_TPA', 23, of(17)),
  arp_sha: field('mac', 48, 'NXM_NX_ARP_SHA', 24, nx(17)),
  arp_tha: field('mac', 48, 'NXM_NX_ARP_THA', 25, nx(18)),
  tcp_src: field('decimal', 16, 'NXM_OF_TCP_SRC', 13, of(9)),
  tcp_dst: field('decimal', 16, 'NXM_OF_TCP_DST', 14, of(10)),
  tcp_flags: field('flags', 12, 'NXM_NX_TCP_FLAGS', [ONF, 42], nx(34)),
  udp_src: field('decimal', 16, 'NXM_OF_UDP_SRC', 15, of(11)),
  udp_dst: field('decimal', 16, 'NXM_OF_UDP_DST', 16, of(12)),
  sctp_src: field('decimal', 16, 'OXM_OF_SCTP_SRC', 17, undefined),
  sctp_dst: field('decimal', 16, 'OXM_OF_SCTP_DST', 18, undefined),
  icmp_type: field('decimal', 8, 'NXM_OF_ICMP_TYPE', 19, of(13), exact),
  icmp_code: field('decimal', 8, 'NXM_OF_ICMP_CODE', 20, of(14), exact),
  icmpv6_type: field('decimal', 8, 'NXM_NX_ICMPV6_TYPE', 29, nx(21), exact),
  icmpv6_code: field('decimal', 8, 'NXM_NX_ICMPV6_CODE', 30, nx(22), exact),
  nd_target: field('ipv6', 128, 'NXM_NX_ND_TARGET', 31, nx(23)),
  nd_sll: field('mac', 48, 'NXM_NX_ND_SLL', 32, nx(24)),
  nd_tll: field('mac', 48, 'NXM_NX_ND_TLL', 33, nx(25)),
  nd_reserved: field('decimal', 32, 'ERICOXM_OF_ICMPV6_ND_RESERVED', undefined, [0x1000, 1], exact),
  nd_options_type: field('decimal', 8, 'ERICOXM_OF_ICMPV6_ND_OPTIONS_TYPE', undefined, [0x1000, 2], exact),
};

export const fields: typeof named & Registers = { ...named, ...registers() };

export type FieldName = keyof typeof fields;

export const fieldNames = Object.keys(fields) as readonly FieldName[];

/** Without the type of its values. */
export const fieldOf = (name: FieldName): Field => fields[name];
