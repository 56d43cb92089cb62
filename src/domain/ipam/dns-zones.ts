// Which zone a name is in, and where the reverse records of an address are.
import { parseIp } from '../net/ip.ts';

/** The zones that the server may write to, and how long the prefixes of reverse zones are. */
export interface DnsZones {
  /** With their final dots. Names outside of them are published by nobody. */
  readonly zones: readonly string[];
  /** Undefined: no reverse records. */
  readonly reverse?: { readonly ipv4: number; readonly ipv6: number } | undefined;
}

/** The innermost of the zones that the name is in. */
export function zoneOf(name: string, zones: readonly string[]): string | undefined {
  const around = zones.filter(z => name === z || name.endsWith(`.${z}`));
  return around.sort((a, b) => b.length - a.length)[0];
}

/** `5.0.0.10.in-addr.arpa.` and its zone; prefixes are whole octets, or whole nibbles. */
export function reverseOf(
  address: string,
  prefixes: { readonly ipv4: number; readonly ipv6: number },
): { name: string; zone: string } | undefined {
  const ip = parseIp(address);
  if (!ip) return undefined;
  const isV4 = ip.version === 4;
  const parts = isV4 ? address.split('.') : [...ip.value.toString(16).padStart(32, '0')];
  const kept = isV4 ? prefixes.ipv4 / 8 : prefixes.ipv6 / 4;
  const suffix = isV4 ? 'in-addr.arpa.' : 'ip6.arpa.';
  const text = (of: readonly string[]): string => [...of.toReversed(), suffix].join('.');
  return { name: text(parts), zone: text(parts.slice(0, kept)) };
}
