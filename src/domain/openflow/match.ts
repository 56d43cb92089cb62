// What a flow matches: a field's value, or its value under a mask.
import type { FieldName, fields } from './fields.ts';

export interface Masked<T> {
  readonly value: T;
  readonly mask: T;
}

interface Values {
  readonly decimal: number | Masked<number>;
  readonly hex: number | Masked<number>;
  readonly wide: bigint | Masked<bigint>;
  /** `fa:16:3e:00:00:01`, or with a mask: `01:00:00:00:00:00/01:00:00:00:00:00`. */
  readonly mac: string;
  /** `10.0.0.0/24`, or with any mask: `10.0.0.1/255.0.0.255`. */
  readonly ipv4: string;
  readonly ipv6: string;
  /** `+trk-est`: set and unset; what is not named is not looked at. */
  readonly flags: string;
  /** One of `no`, `yes`, `first`, `later`, `not_later`. */
  readonly frag: string;
  readonly port: number | 'local';
}

/** What a field of that name is matched with. */
export type FieldValue<F extends FieldName> = Values[(typeof fields)[F]['kind']];

export type Match = { readonly [F in FieldName]?: FieldValue<F> | undefined } & {
  /** Fields of the switch's answer that are not known here, as the hexadecimal text of their TLVs: kept, told apart, sent back. */
  readonly opaque?: readonly string[] | undefined;
};

const TAGGED = 0x1000;

/** Values of `vlan_vid`: that tag, no tag, any tag. */
export const vlan = (vid: number): number => TAGGED | vid;
export const noVlan = 0;
export const anyVlan: Masked<number> = { value: TAGGED, mask: TAGGED };

/** The fields that make a packet one of a protocol, by OVS's words. */
export const protocol = {
  ip: { eth_type: 0x0800 },
  ipv6: { eth_type: 0x86dd },
  arp: { eth_type: 0x0806 },
  rarp: { eth_type: 0x8035 },
  icmp: { eth_type: 0x0800, nw_proto: 1 },
  icmp6: { eth_type: 0x86dd, nw_proto: 58 },
  tcp: { eth_type: 0x0800, nw_proto: 6 },
  tcp6: { eth_type: 0x86dd, nw_proto: 6 },
  udp: { eth_type: 0x0800, nw_proto: 17 },
  udp6: { eth_type: 0x86dd, nw_proto: 17 },
  sctp: { eth_type: 0x0800, nw_proto: 132 },
  sctp6: { eth_type: 0x86dd, nw_proto: 132 },
} as const satisfies Readonly<Record<string, Match>>;
