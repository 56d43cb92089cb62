// IP protocols of security group rules: names that are taken, their numbers, and what each may carry.

const NUMBERS = {
  ah: 51,
  dccp: 33,
  egp: 8,
  esp: 50,
  gre: 47,
  hopopt: 0,
  icmp: 1,
  igmp: 2,
  ip: 0,
  ipip: 4,
  'ipv6-encap': 41,
  'ipv6-frag': 44,
  'ipv6-icmp': 58,
  icmpv6: 58,
  'ipv6-nonxt': 59,
  'ipv6-opts': 60,
  'ipv6-route': 43,
  ospf: 89,
  pgm: 113,
  rsvp: 46,
  sctp: 132,
  tcp: 6,
  udp: 17,
  udplite: 136,
  vrrp: 112,
} as const;

export type ProtocolName = keyof typeof NUMBERS;
export const protocolNames = Object.keys(NUMBERS) as readonly ProtocolName[];

const WITH_PORTS = ['dccp', 'sctp', 'tcp', 'udp', 'udplite'] as const;
export const portProtocols: readonly string[] = WITH_PORTS;
const PORT_NUMBERS: ReadonlySet<number> = new Set(WITH_PORTS.map(n => NUMBERS[n]));

const ICMP = NUMBERS.icmp;
const ICMPV6 = NUMBERS['ipv6-icmp'];
const ONLY_IPV6: readonly string[] = ['ipv6-encap', 'ipv6-frag', 'ipv6-icmp', 'icmpv6', 'ipv6-nonxt', 'ipv6-opts', 'ipv6-route'];
const ONLY_IPV6_NUMBERS: ReadonlySet<string> = new Set([41, 44, 58, 59, 60, 43].map(String));

/** Number of a name or of a number's text; undefined for neither. */
export function protocolNumber(protocol: string): number | undefined {
  if (Object.hasOwn(NUMBERS, protocol)) return NUMBERS[protocol as ProtocolName];
  return /^(?:0|[1-9][0-9]{0,2})$/.test(protocol) && Number(protocol) <= 255 ? Number(protocol) : undefined;
}

/** Protocols whose rules may name ports. */
export const hasPorts = (number: number): boolean => PORT_NUMBERS.has(number);
/** Protocols whose port fields mean type and code. */
export const isIcmp = (number: number): boolean => number === ICMP || number === ICMPV6;
export const isOnlyIpv6 = (protocol: string): boolean => ONLY_IPV6.includes(protocol) || ONLY_IPV6_NUMBERS.has(protocol);
/** Spellings of ICMPv6; under IPv6 plain `icmp` means it too. */
export const meansIcmpv6 = (protocol: string): boolean => ['icmp', 'icmpv6', 'ipv6-icmp', '1', '58'].includes(protocol);
