// A field's value as bits under a mask, and back in its canonical spelling.
import { ipText, parseIp } from '../net/ip.ts';
import { formatMac, macValue } from '../net/mac.ts';
import { type Field, type FieldName, fieldOf } from './fields.ts';
import type { FieldValue, Masked } from './match.ts';

/** The value has no ones where the mask has none. */
export interface Bits {
  readonly value: bigint;
  readonly mask: bigint;
}

/** A flow that no switch could take, found before it is sent. */
export class BadFlow extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'BadFlow';
  }
}

export const LOCAL_PORT = 0xfffffffe;

/** Names of bits, from the lowest. */
const FLAGS: Partial<Record<FieldName, readonly string[]>> = {
  ct_state: ['new', 'est', 'rel', 'rpl', 'inv', 'trk', 'snat', 'dnat'],
  tcp_flags: ['fin', 'syn', 'rst', 'psh', 'ack', 'urg', 'ece', 'cwr', 'ns'],
  tun_flags: ['oam'],
};

const FRAGMENTS: Readonly<Record<string, Bits>> = {
  no: { value: 0n, mask: 3n },
  yes: { value: 1n, mask: 1n },
  first: { value: 1n, mask: 3n },
  later: { value: 3n, mask: 3n },
  not_later: { value: 0n, mask: 2n },
};

/** Width of a match of the field: a port is 32 bits there, and 16 in a subfield. */
export const matchBits = (field: Field): number => (field.kind === 'port' ? 32 : field.bits);

const ALL_ONES = Array.from({ length: 129 }, (_, bits) => (1n << BigInt(bits)) - 1n);

/** So many ones, up to 128. */
export const ones = (bits: number): bigint => ALL_ONES[bits] ?? (1n << BigInt(bits)) - 1n;

/** Throws BadFlow for a value that the field cannot have. */
export function bitsOf<F extends FieldName>(name: F, value: FieldValue<F>): Bits {
  const field = fieldOf(name);
  const all = ones(matchBits(field));
  const { value: bits, mask } = read(name, field, value, all);
  if (bits < 0n || mask < 0n || bits > all || mask > all) throw bad(name, value);
  if (mask !== all && !field.maskable && mask !== 0n) throw new BadFlow(`${name} takes no mask`);
  return { value: bits & mask, mask };
}

function bad(name: FieldName, value: unknown): BadFlow {
  const text = typeof value === 'object' ? Object.values(value ?? {}).join('/') : String(value);
  return new BadFlow(`${name} cannot be ${text}`);
}

function read(name: FieldName, field: Field, value: unknown, all: bigint): Bits {
  if (typeof value === 'string') return readText(name, field, value, all);
  if (typeof value === 'object' && value !== null) {
    const { value: v, mask } = value as Masked<unknown>;
    return { value: whole(name, v), mask: whole(name, mask) };
  }
  return { value: whole(name, value), mask: all };
}

function whole(name: FieldName, value: unknown): bigint {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value);
  throw bad(name, value);
}

function readText(name: FieldName, field: Field, text: string, all: bigint): Bits {
  if (field.kind === 'port' && text === 'local') return { value: BigInt(LOCAL_PORT), mask: all };
  if (field.kind === 'flags' || field.kind === 'frag') return readWords(name, text);
  const slash = text.indexOf('/');
  const [head, tail] = slash < 0 ? [text, undefined] : [text.slice(0, slash), text.slice(slash + 1)];
  const value = readOne(field, head);
  const mask = tail === undefined ? all : readMask(field, tail);
  if (value === undefined || mask === undefined) throw bad(name, text);
  return { value, mask };
}

function readOne(field: Field, text: string): bigint | undefined {
  if (field.kind === 'mac') return macValue(text);
  const ip = field.kind === 'ipv4' || field.kind === 'ipv6' ? parseIp(text) : undefined;
  return ip?.version === (field.kind === 'ipv4' ? 4 : 6) ? ip.value : undefined;
}

function readMask(field: Field, text: string): bigint | undefined {
  if (field.kind === 'mac' || !/^\d{1,3}$/.test(text)) return readOne(field, text);
  const length = Number(text);
  return length > field.bits ? undefined : ones(length) << BigInt(field.bits - length);
}

function readWords(name: FieldName, text: string): Bits {
  const numbers = /^(0x[0-9a-f]{1,8})\/(0x[0-9a-f]{1,8})$/.exec(text);
  if (numbers) return { value: BigInt(numbers[1] ?? ''), mask: BigInt(numbers[2] ?? '') };
  const words = FLAGS[name];
  if (!words) return FRAGMENTS[text] ?? refuse(name, text);
  if (!/^([+-][a-z]+)+$/.test(text)) throw bad(name, text);
  let value = 0n;
  let mask = 0n;
  for (const [, sign, word = ''] of text.matchAll(/([+-])([a-z]+)/g)) {
    const bit = words.indexOf(word);
    if (bit < 0 || (mask >> BigInt(bit)) & 1n) throw bad(name, text);
    mask |= 1n << BigInt(bit);
    if (sign === '+') value |= 1n << BigInt(bit);
  }
  return { value, mask };
}

function refuse(name: FieldName, value: unknown): never {
  throw bad(name, value);
}

/** The canonical spelling of bits: what `bitsOf` takes. */
export function spelled<F extends FieldName>(name: F, bits: Bits): FieldValue<F> {
  return spell(name, fieldOf(name), bits) as FieldValue<F>;
}

function spell(name: FieldName, field: Field, { value, mask }: Bits): unknown {
  const exact = mask === ones(matchBits(field));
  switch (field.kind) {
    case 'decimal':
    case 'hex':
      return exact ? Number(value) : { value: Number(value), mask: Number(mask) };
    case 'wide':
      return exact ? value : { value, mask };
    case 'port':
      return value === BigInt(LOCAL_PORT) ? 'local' : Number(value);
    case 'mac':
      return exact ? formatMac(value) : `${formatMac(value)}/${formatMac(mask)}`;
    case 'ipv4':
    case 'ipv6':
      return ipWithMask(field.kind === 'ipv4' ? 4 : 6, { value, mask });
    case 'flags':
      return flagsText(name, { value, mask });
    case 'frag':
      return fragmentText({ value, mask });
  }
}

export function ipWithMask(version: 4 | 6, { value, mask }: Bits): string {
  const width = version === 4 ? 32 : 128;
  const text = ipText(version, value);
  const hosts = ones(width) ^ mask;
  if (hosts === 0n) return text;
  const prefix = (hosts & (hosts + 1n)) === 0n;
  return `${text}/${prefix ? width - hosts.toString(2).length : ipText(version, mask)}`;
}

function flagsText(name: FieldName, { value, mask }: Bits): string {
  const words = FLAGS[name] ?? [];
  if (mask > ones(words.length)) return hexPair({ value, mask });
  const bit = (of: bigint, i: number): boolean => ((of >> BigInt(i)) & 1n) === 1n;
  return words.flatMap((word, i) => (bit(mask, i) ? [`${bit(value, i) ? '+' : '-'}${word}`] : [])).join('');
}

function fragmentText(bits: Bits): string {
  const found = Object.entries(FRAGMENTS).find(([, b]) => b.value === bits.value && b.mask === bits.mask);
  return found?.[0] ?? hexPair(bits);
}

const hexPair = ({ value, mask }: Bits): string => `0x${value.toString(16)}/0x${mask.toString(16)}`;
