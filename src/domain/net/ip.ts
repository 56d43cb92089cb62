// IPv4 and IPv6 addresses: strict, linear parsing and canonical text (RFC 5952 for IPv6).

export type IpVersion = 4 | 6;

/** An address as a number of 32 or 128 bits. */
export interface Ip {
  readonly version: IpVersion;
  readonly value: bigint;
}

const DIGIT_0 = 48;
const DIGIT_9 = 57;
/** Longest text of an IPv6 address with an embedded IPv4 one. */
const LONGEST = 45;

/** Dotted quad without leading zeros and short forms; undefined for anything else. */
export function parseIpv4(text: string): number | undefined {
  if (text.length < 7 || text.length > 15) return undefined;
  let value = 0;
  let octet = -1;
  let dots = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= DIGIT_0 && code <= DIGIT_9) {
      if (octet === 0) return undefined;
      octet = octet < 0 ? code - DIGIT_0 : octet * 10 + code - DIGIT_0;
      if (octet > 255) return undefined;
    } else if (text[i] === '.' && octet >= 0 && dots < 3) {
      value = value * 256 + octet;
      octet = -1;
      dots++;
    } else return undefined;
  }
  return dots === 3 && octet >= 0 ? value * 256 + octet : undefined;
}

function parseGroup(text: string): number | undefined {
  if (text.length < 1 || text.length > 4) return undefined;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = hexDigit(text.charCodeAt(i));
    if (digit < 0) return undefined;
    value = value * 16 + digit;
  }
  return value;
}

export function hexDigit(code: number): number {
  if (code >= DIGIT_0 && code <= DIGIT_9) return code - DIGIT_0;
  if (code >= 97 && code <= 102) return code - 87;
  if (code >= 65 && code <= 70) return code - 55;
  return -1;
}

/** The 16-bit groups of one side of `::`; an IPv4 tail counts for two. */
function parseGroups(text: string, ipv4Tail: boolean): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    if (ipv4Tail && i === parts.length - 1 && part.includes('.')) {
      const tail = parseIpv4(part);
      if (tail === undefined) return undefined;
      groups.push(tail >>> 16, tail & 0xffff);
      continue;
    }
    const group = parseGroup(part);
    if (group === undefined) return undefined;
    groups.push(group);
  }
  return groups;
}

/** Any RFC 4291 text without a zone; undefined for anything else. */
export function parseIpv6(text: string): bigint | undefined {
  if (text.length < 2 || text.length > LONGEST) return undefined;
  const gap = text.indexOf('::');
  if (gap >= 0 && text.indexOf('::', gap + 1) >= 0) return undefined;
  const head = parseGroups(gap < 0 ? text : text.slice(0, gap), gap < 0);
  const tail = gap < 0 ? [] : parseGroups(text.slice(gap + 2), true);
  if (!head || !tail) return undefined;
  const given = head.length + tail.length;
  if (gap < 0 ? given !== 8 : given > 7) return undefined;
  let value = 0n;
  for (const group of head) value = (value << 16n) | BigInt(group);
  value <<= BigInt(16 * (8 - given));
  for (const group of tail) value = (value << 16n) | BigInt(group);
  return value;
}

export function parseIp(text: string): Ip | undefined {
  if (text.includes(':')) {
    const value = parseIpv6(text);
    return value === undefined ? undefined : { version: 6, value };
  }
  const value = parseIpv4(text);
  return value === undefined ? undefined : { version: 4, value: BigInt(value) };
}

export function bits(version: IpVersion): 32 | 128 {
  return version === 4 ? 32 : 128;
}

export function formatIp(ip: Ip): string {
  return ipText(ip.version, ip.value);
}

export function ipText(version: IpVersion, value: bigint): string {
  if (version === 6) return formatIpv6(value);
  const n = Number(value);
  return `${(n >>> 24) & 255}.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}`;
}

/** First longest run of at least two zero groups: [start, length]. */
function zeroRun(groups: readonly number[]): [number, number] {
  let best: [number, number] = [-1, 1];
  for (let i = 0; i < 8; i++) {
    let n = 0;
    while (i + n < 8 && groups[i + n] === 0) n++;
    if (n > best[1]) best = [i, n];
    i += n;
  }
  return best;
}

function formatIpv6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(112 - 16 * i)) & 0xffffn));
  const [start, length] = zeroRun(groups);
  // As inet_ntop: IPv4-mapped and IPv4-compatible addresses end in a dotted quad.
  if (start === 0 && (length === 6 || (length === 5 && groups[5] === 0xffff))) {
    return `::${length === 5 ? 'ffff:' : ''}${ipText(4, value & 0xffffffffn)}`;
  }
  const hex = (part: readonly number[]): string => part.map(g => g.toString(16)).join(':');
  return start < 0 ? hex(groups) : `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}

/** Canonical text of an address, undefined when it is none. */
export function canonicalIp(text: string): string | undefined {
  const ip = parseIp(text);
  return ip && formatIp(ip);
}

/** -1, 0 or 1; every IPv4 address before every IPv6 one. */
export function compareIp(a: Ip, b: Ip): number {
  if (a.version !== b.version) return a.version - b.version < 0 ? -1 : 1;
  return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
}
