// MAC addresses: parsing of the usual spellings, one canonical form, random ones under a base, EUI-64.
import { type Cidr, mask as maskOf } from './cidr.ts';
import { hexDigit } from './ip.ts';

/** Group sizes in hex digits of the spellings that are taken, by separator. */
const SPELLINGS: readonly { readonly separator: string; readonly digits: number }[] = [
  { separator: ':', digits: 2 },
  { separator: '-', digits: 2 },
  { separator: '.', digits: 4 },
];

/** 48 bits as twelve lower-case hex digits, from `aa:bb:…`, `aa-bb-…`, `aabb.ccdd.eeff` or twelve digits. */
function macDigits(text: string): string | undefined {
  if (text.length < 11 || text.length > 17) return undefined;
  const spelling = SPELLINGS.find(s => text.includes(s.separator));
  const groups = spelling ? text.split(spelling.separator) : [text];
  const width = spelling?.digits ?? 12;
  if (groups.length * width !== 12) return undefined;
  let digits = '';
  for (const group of groups) {
    if (group.length < (spelling ? 1 : 12) || group.length > width) return undefined;
    for (let i = 0; i < group.length; i++) if (hexDigit(group.charCodeAt(i)) < 0) return undefined;
    digits += group.padStart(width, '0');
  }
  return digits.toLowerCase();
}

/** Lower case, colons; undefined when the text is no MAC address. */
export function parseMac(text: string): string | undefined {
  const digits = macDigits(text);
  return digits?.replace(/(..)(?!$)/g, '$1:');
}

/** Of nobody, and of everybody. */
const ofNoPort = ['00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff'];

export function parsePortMac(text: string): string | undefined {
  const mac = parseMac(text);
  return mac !== undefined && ofNoPort.includes(mac) ? undefined : mac;
}

export function macValue(text: string): bigint | undefined {
  const digits = macDigits(text);
  return digits === undefined ? undefined : BigInt(`0x${digits}`);
}

export function formatMac(value: bigint): string {
  return value
    .toString(16)
    .padStart(12, '0')
    .replace(/(..)(?!$)/g, '$1:');
}

/** Least significant bit of the first octet: multicast and broadcast. */
export function isMulticastMac(text: string): boolean {
  const value = macValue(text);
  return value !== undefined && ((value >> 40n) & 1n) === 1n;
}

/**
 * A random address under a base such as fa:16:3e:00:00:00: its first three octets stay, and the fourth too unless it is 00.
 * `randomInt(n)` answers 0…n-1.
 */
export function randomMac(base: string, randomInt: (n: number) => number): string {
  const value = macValue(base);
  if (value === undefined) throw new Error(`base MAC ${base} is not a MAC address`);
  const free = ((value >> 16n) & 0xffn) === 0n ? 24n : 16n;
  return formatMac(((value >> free) << free) | BigInt(randomInt(1 << Number(free))));
}

/** The modified EUI-64 interface identifier (RFC 4291 appendix A) of a MAC. */
function interfaceId(mac: bigint): bigint {
  const high = (mac >> 24n) ^ 0x020000n;
  return (high << 40n) | 0xfffe000000n | (mac & 0xffffffn);
}

/** Address that stateless configuration gives under a prefix of at most 64 bits; undefined when the MAC does not parse. */
export function eui64(prefix: Cidr, mac: string): bigint | undefined {
  const value = macValue(mac);
  if (value === undefined || prefix.version !== 6 || prefix.prefix > 64) return undefined;
  return (prefix.network & maskOf(6, 64)) | interfaceId(value);
}
