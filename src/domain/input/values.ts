// Reads one attribute's value by its type: converts, then validates, with Neutron's two kinds of refusal.

import type { DictKey, Type } from '../../model/kit/types.ts';
import { invalidInput } from '../errors.ts';
import { formatCidr, parseCidr, parseIpPrefix } from '../net/cidr.ts';
import { formatIp, parseIp } from '../net/ip.ts';
import { parsePortMac } from '../net/mac.ts';
import { readDnsDomain, readDnsName, readRelativeDnsName } from './dns.ts';
import { pyRepr, pySet, pyStr, toInt } from './python.ts';
import { readSpecial } from './special.ts';
import { Invalid, isUuid, readFilled, readString, refuse } from './text.ts';

export { Invalid, isUuid };

export function read(type: Type, value: unknown): unknown {
  switch (type.kind) {
    case 'optional':
      if (value === null) return null;
      // What may be null is checked by Neutron as it is, and not converted before.
      return type.of.kind === 'int' && toInt(value) === undefined ? refuse(`'${pyStr(value)}' is not an integer.`) : read(type.of, value);
    case 'string':
      return type.notBlank ? readFilled(value, type.max) : readString(value, type.max);
    case 'uuid':
      return isUuid(value) ? value : refuse(`'${pyStr(value)}' is not a valid UUID.`);
    case 'bool':
      return readBool(value);
    case 'int':
      return readInt(value, type);
    case 'enum':
      return readEnum(value, type.values, type.convert);
    case 'list':
      return readList(value, type.item, type);
    case 'dict':
      return readDict(value, type.keys, type);
    case 'special':
      return readSpecial(type.name, value);
    case 'ip':
      return readIp(value);
    case 'nameserver':
      return readNameserver(value);
    case 'cidr':
      return readCidr(value);
    case 'ip_or_cidr':
      return typeof value === 'string' && value.includes('/') ? readCidr(value) : readIp(value);
    case 'mac':
      return readMac(value);
    case 'dns_name':
      return readDnsName(value);
    case 'relative_dns_name':
      return readRelativeDnsName(value);
    case 'dns_domain':
      return readDnsDomain(value);
    case 'time':
    case 'any':
      return value;
  }
}

const truths: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  t: true,
  y: true,
  '1': true,
  false: false,
  no: false,
  off: false,
  f: false,
  n: false,
  '0': false,
};

export function readBool(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  if (value === 0 || value === 1) return value === 1;
  const truth = typeof value === 'string' && Object.hasOwn(truths, value.toLowerCase()) ? truths[value.toLowerCase()] : undefined;
  if (truth === undefined) throw invalidInput(`'${pyStr(value)}' cannot be converted to boolean`);
  return truth;
}

interface IntBounds {
  readonly min?: number;
  readonly max?: number;
  readonly range?: true;
}

function readInt(value: unknown, { min, max, range }: IntBounds): number {
  const n = toInt(value);
  if (n === undefined) throw invalidInput(`'${pyStr(value)}' is not an integer`);
  if (min !== undefined && n < min)
    return refuse(min === 0 && !range ? `'${n}' should be non-negative.` : `'${n}' is too small - must be at least '${min}'.`);
  if (max !== undefined && n > max) return refuse(`'${n}' is too large - must be no larger than '${max}'.`);
  return n;
}

function readEnum(value: unknown, values: readonly (string | number | null)[], convert: 'int' | 'protocol' | undefined): unknown {
  let v = convert === 'protocol' ? readIpProtocol(value) : value;
  if (convert === 'int') {
    const n = toInt(value);
    if (n === undefined) throw invalidInput(`'${pyStr(value)}' is not an integer`);
    v = n;
  }
  return (values as readonly unknown[]).includes(v) ? v : refuse(`${pyStr(v)} is not in valid_values.`);
}

const namedProtocols = ['dccp', 'icmp', 'ipv6-icmp', 'sctp', 'tcp', 'udp'];

/** As it is, if it is a protocol at all: one of a few names, or the text of a number. */
export function readIpProtocol(value: unknown): unknown {
  if (value === null) return null;
  if (typeof value !== 'string') throw invalidInput(`Input value ${pyStr(value)} must be string type`);
  if (namedProtocols.includes(value.toLowerCase()) || (/^\s*\+?\d{1,15}\s*$/.test(value) && Number(value) <= 255)) return value;
  const known = 'Only protocol names and their integer representation (0 to 255) are supported';
  throw invalidInput(`IP protocol '${value}' is not supported. ${known}`);
}

function readIp(value: unknown): string {
  const ip = typeof value === 'string' ? parseIp(value) : undefined;
  if (ip) return formatIp(ip);
  const meant = typeof value === 'string' && /^\d+(\.\d+){3}$/.test(value) ? parseIp(withoutZeros(value)) : undefined;
  const advice = meant ? `is not an accepted IP address, '${formatIp(meant)}' is recommended.` : 'is not a valid IP address.';
  return refuse(`'${pyStr(value)}' ${advice}`);
}

/** Zeros in front: some read them as octal numbers. */
const withoutZeros = (quad: string): string => quad.replace(/\b0+(?=\d)/g, '');

function readNameserver(value: unknown): string {
  const ip = typeof value === 'string' ? parseIp(value) : undefined;
  return ip ? formatIp(ip) : refuse(`'${pyStr(value)}' is not a valid nameserver. '${pyStr(value)}' is not a valid IP address.`);
}

export function readCidr(value: unknown): string {
  const text = typeof value === 'string' ? value : pyStr(value);
  // The length may be written as a mask; without one, all of the address counts.
  const cidr = typeof value === 'string' ? parseIpPrefix(text) : undefined;
  if (!cidr) throw invalidInput(`${text} is not in a CIDR format`);
  return formatCidr(cidr);
}

function readMac(value: unknown): string {
  const mac = typeof value === 'string' ? parsePortMac(value) : undefined;
  if (mac === undefined) return refuse(`'${pyStr(value)}' is not a valid MAC address.`);
  return mac;
}

/** No list that anybody needs is longer, and what is checked against each other should not be without bound. */
const longestList = 1000;

interface ListRules {
  readonly unique?: boolean;
  readonly nullIsEmpty?: boolean;
  readonly max?: number;
  readonly called?: string;
}

function readList(value: unknown, item: Type, rules: ListRules): unknown[] {
  if (value === null && rules.nullIsEmpty) return [];
  if (!Array.isArray(value))
    return refuse(rules.called ? `Invalid data format for ${rules.called}: '${pyStr(value)}'.` : `'${pyStr(value)}' is not a list.`);
  const most = rules.max ?? longestList;
  if (value.length > most) return refuse(`the list has more than ${most} items.`);
  const isNameservers = item.kind === 'nameserver';
  // Neutron looks for duplicates before it looks at the items, except for name servers and routes.
  if (rules.unique && !isNameservers && item.kind !== 'dict') refuseDuplicates(value);
  const seen = new Set<string>();
  return value.map(v => {
    const out = readItem(item, v);
    const key = JSON.stringify(out);
    if (rules.unique && seen.has(key)) {
      return refuse(isNameservers ? `Duplicate nameserver '${pyStr(out)}'.` : `Duplicate items in the list: '${pyStr(out)}'.`);
    }
    seen.add(key);
    return out;
  });
}

function refuseDuplicates(values: readonly unknown[]): void {
  const seen = new Set<string>();
  for (const value of values) {
    const key = JSON.stringify(value);
    if (seen.has(key)) refuse(`Duplicate items in the list: '${pyStr(value)}'.`);
    seen.add(key);
  }
}

function readSubnet(value: unknown): string {
  const cidr = typeof value === 'string' ? parseCidr(value) : undefined;
  if (cidr) return formatCidr(cidr);
  const ip = typeof value === 'string' ? parseIp(value) : undefined;
  const text = pyStr(value);
  return refuse(
    ip
      ? `'${text}' isn't a recognized IP subnet cidr, '${text}/${ip.version === 4 ? 32 : 128}' is recommended.`
      : `'${text}' is not a valid IP subnet.`,
  );
}

/** In lists a bad CIDR is the validator's refusal, not the converter's. */
function readItem(item: Type, value: unknown): unknown {
  if (item.kind === 'cidr') return readSubnet(value);
  if (item.kind !== 'dict' || !item.exact) return read(item, value);
  const keys = Object.keys(item.keys);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return refuse(`Invalid input. '${pyStr(value)}' must be a dictionary with keys: ${pyRepr(keys)}.`);
  return readDict(value, item.keys, item);
}

function readDict(
  value: unknown,
  keys: Readonly<Record<string, DictKey>>,
  rules: { exact?: boolean; open?: boolean; mayBeEmpty?: boolean },
): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return refuse(`'${pyStr(value)}' is not a dictionary.`);
  const given = value as Record<string, unknown>;
  if (rules.mayBeEmpty && Object.keys(given).length === 0) return {};
  const required = Object.keys(keys).filter(k => keys[k]?.required);
  const missing = required.filter(k => !Object.hasOwn(given, k));
  const unknown = rules.open ? [] : Object.keys(given).filter(k => !Object.hasOwn(keys, k));
  if (missing.length > 0 || (rules.exact && unknown.length > 0)) {
    return refuse(`Validation of dictionary's keys failed. Expected keys: ${pySet(required)} Provided keys: ${pySet(Object.keys(given))}.`);
  }
  if (unknown.length > 0) return refuse(`Unexpected keys supplied: ${unknown.join(', ')}.`);
  const out: Record<string, unknown> = {};
  for (const [k, v] of Object.entries(given)) {
    const key = keys[k];
    out[k] = key ? readKey(key.type, v) : v;
  }
  return out;
}

function readKey(type: Type, value: unknown): unknown {
  if (type.kind === 'cidr') {
    const cidr = typeof value === 'string' ? parseCidr(value) : undefined;
    return cidr && String(value).includes('/') ? formatCidr(cidr) : refuse(`'${pyStr(value)}' is not a valid CIDR.`);
  }
  return read(type, value);
}
