// Prefixes (CIDRs): strict parsing, arithmetic and well-known blocks.
import { bits, type Ip, type IpVersion, ipText, parseIp, parseIpv4 } from './ip.ts';

/** A prefix with its host bits cleared. */
export interface Cidr {
  readonly version: IpVersion;
  readonly network: bigint;
  readonly prefix: number;
}

/** What was written: the address keeps its host bits. */
export interface CidrText extends Cidr {
  readonly address: bigint;
}

export function mask(version: IpVersion, prefix: number): bigint {
  const width = BigInt(bits(version));
  return ((1n << BigInt(prefix)) - 1n) << (width - BigInt(prefix));
}

export function cidrOf(ip: Ip, prefix: number): CidrText {
  return { version: ip.version, network: ip.value & mask(ip.version, prefix), prefix, address: ip.value };
}

/** 0…max in plain decimal digits, without sign, blanks and leading zeros. */
export function parseSmallInt(text: string, max: number): number | undefined {
  if (text.length < 1 || text.length > 5 || (text.length > 1 && text.startsWith('0'))) return undefined;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return value <= max ? value : undefined;
}

/** `address/length`, host bits allowed; undefined for anything else. */
export function parseCidr(text: string): CidrText | undefined {
  const slash = text.indexOf('/');
  if (slash < 0) return undefined;
  const ip = parseIp(text.slice(0, slash));
  const prefix = ip && parseSmallInt(text.slice(slash + 1), bits(ip.version));
  return ip && prefix !== undefined ? cidrOf(ip, prefix) : undefined;
}

/** Length of a contiguous IPv4 netmask such as 255.255.255.0. */
export function prefixOfNetmask(text: string): number | undefined {
  const value = parseIpv4(text);
  if (value === undefined) return undefined;
  const inverted = ~value >>> 0;
  return (inverted & (inverted + 1)) === 0 ? 32 - Math.round(Math.log2(inverted + 1)) : undefined;
}

/** Also a bare address (a whole-length prefix) and `address/netmask`. */
export function parseIpPrefix(text: string): CidrText | undefined {
  const slash = text.indexOf('/');
  if (slash < 0) {
    const ip = parseIp(text);
    return ip && cidrOf(ip, bits(ip.version));
  }
  const cidr = parseCidr(text);
  if (cidr) return cidr;
  const ip = parseIp(text.slice(0, slash));
  const prefix = ip?.version === 4 ? prefixOfNetmask(text.slice(slash + 1)) : undefined;
  return ip && prefix !== undefined ? cidrOf(ip, prefix) : undefined;
}

/** Canonical text with host bits cleared. */
export function formatCidr(cidr: Cidr): string {
  return `${ipText(cidr.version, cidr.network)}/${cidr.prefix}`;
}

/** Text that keeps the host bits. */
export function formatCidrText(cidr: CidrText): string {
  return `${ipText(cidr.version, cidr.address)}/${cidr.prefix}`;
}

export function lastOf(cidr: Cidr): bigint {
  return cidr.network + (1n << BigInt(bits(cidr.version) - cidr.prefix)) - 1n;
}

/** The IPv4 broadcast address; none for /31, /32 and IPv6. */
export function broadcastOf(cidr: Cidr): bigint | undefined {
  return cidr.version === 4 && cidr.prefix <= 30 ? lastOf(cidr) : undefined;
}

export function netmaskOf(cidr: Cidr): string {
  return ipText(cidr.version, mask(cidr.version, cidr.prefix));
}

export function contains(cidr: Cidr, ip: Ip): boolean {
  return ip.version === cidr.version && (ip.value & mask(cidr.version, cidr.prefix)) === cidr.network;
}

export function containsCidr(outer: Cidr, inner: Cidr): boolean {
  return outer.prefix <= inner.prefix && contains(outer, { version: inner.version, value: inner.network });
}

export function overlaps(a: Cidr, b: Cidr): boolean {
  return containsCidr(a, b) || containsCidr(b, a);
}

/** Like `contains` over texts; false when either does not parse. */
export function cidrContainsIp(cidr: string, address: string): boolean {
  const net = parseCidr(cidr);
  const ip = parseIp(address);
  return net !== undefined && ip !== undefined && contains(net, ip);
}

/** Like `overlaps` over texts; false when either does not parse. */
export function cidrsOverlap(a: string, b: string): boolean {
  const one = parseCidr(a);
  const other = parseCidr(b);
  return one !== undefined && other !== undefined && overlaps(one, other);
}

/** A cidr's ends as the store compares them. */
export function endsOf(cidr: string): { readonly first_address: string; readonly last_address: string } {
  const block = parseCidr(cidr);
  if (!block) throw new Error(`${cidr} is no cidr`);
  const hex = (value: bigint): string => value.toString(16).padStart(32, '0');
  return { first_address: hex(block.network), last_address: hex(lastOf(block)) };
}
