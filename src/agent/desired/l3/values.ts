// Strict readers of values from the wire: each answers undefined for anything but the exact shape.
import { formatCidr, formatCidrText, parseCidr, parseSmallInt } from '../../../domain/net/cidr.ts';
import { formatIp, type Ip, parseIp } from '../../../domain/net/ip.ts';
import { isMulticastMac, parseMac } from '../../../domain/net/mac.ts';

export type Dict = Readonly<Record<string, unknown>>;

export const asDict = (value: unknown): Dict | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Dict) : undefined;

export const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

export const asText = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export const isUuid = (text: string): boolean => text.length === 36 && UUID.test(text);

export function asUuid(value: unknown): string | undefined {
  return typeof value === 'string' && isUuid(value) ? value : undefined;
}

/** A unicast MAC in lower case with colons. */
export function asMac(value: unknown): string | undefined {
  const mac = typeof value === 'string' ? parseMac(value) : undefined;
  return mac === undefined || isMulticastMac(mac) ? undefined : mac;
}

export function asIp(value: unknown): Ip | undefined {
  return typeof value === 'string' ? parseIp(value) : undefined;
}

/** Canonical text of an address of that family. */
export function asAddress(value: unknown, family: 4 | 6): string | undefined {
  const ip = asIp(value);
  return ip?.version === family ? formatIp(ip) : undefined;
}

/** Canonical text of a prefix, host bits cleared, with its family. */
export function asPrefix(value: unknown): { readonly family: 4 | 6; readonly cidr: string } | undefined {
  const cidr = typeof value === 'string' ? parseCidr(value) : undefined;
  return cidr && { family: cidr.version, cidr: formatCidr(cidr) };
}

/** `address/length` in canonical text, host bits kept. */
export function asInterfaceAddress(address: unknown, prefixlen: unknown): { family: 4 | 6; ip: string; cidr: string } | undefined {
  const ip = asIp(address);
  if (!ip || !Number.isInteger(prefixlen)) return undefined;
  const cidr = parseCidr(`${formatIp(ip)}/${prefixlen}`);
  return cidr && { family: ip.version, ip: formatIp(ip), cidr: formatCidrText(cidr) };
}

/** Within what a veth takes; the kernel refuses below 68. */
export function asMtu(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= 68 && value <= 65_535 ? value : undefined;
}

const portNumber = (text: string): number | undefined => {
  const n = parseSmallInt(text, 65_535);
  return n === 0 ? undefined : n;
};

/** `80`, or `80:90` as a range; a number is taken as text. */
export function asPortRange(value: unknown): { readonly first: number; readonly last: number } | undefined {
  const text = typeof value === 'number' ? String(value) : asText(value);
  if (text === undefined || text.length > 11) return undefined;
  const parts = text.split(':');
  const first = portNumber(parts[0] ?? '');
  const last = parts.length === 1 ? first : portNumber(parts[1] ?? '');
  if (parts.length > 2 || first === undefined || last === undefined || last < first) return undefined;
  return { first, last };
}
