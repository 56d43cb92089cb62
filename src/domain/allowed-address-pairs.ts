// Address pairs: what else a port may send from.
import type { AddressPair } from '../model/ext/allowed-address-pairs.ts';
import { apiError } from './errors.ts';
import { pyStr } from './input/python.ts';
import { formatCidr, formatCidrText, parseCidr } from './net/cidr.ts';
import { formatIp, type Ip, parseIp } from './net/ip.ts';
import { parsePortMac } from './net/mac.ts';
import { isMulticast } from './net/well-known.ts';

export interface PairOptions {
  /** How many a port may have. */
  readonly max: number;
  /** The port's own address, for pairs without one. */
  readonly mac: string;
}

function refuse(message: string): never {
  throw apiError('HTTPBadRequest', { message });
}

function readMac(value: unknown): string {
  const mac = typeof value === 'string' ? parsePortMac(value) : undefined;
  return mac ?? refuse(`'${pyStr(value)}' is not a valid MAC address`);
}

/** An address, or a prefix without host bits; never multicast. */
function readAddress(value: unknown): string {
  const shown = pyStr(value);
  const cidr = typeof value === 'string' && value.includes('/') ? parseCidr(value) : undefined;
  const ip: Ip | undefined = cidr ? { version: cidr.version, value: cidr.network } : typeof value === 'string' ? parseIp(value) : undefined;
  if (!ip) return refuse(shown.includes('/') ? `'${shown}' is not a valid IP subnet` : `'${shown}' is not a valid IP address`);
  if (isMulticast(ip)) return refuse(`'${shown}' is a multicast address, which an address pair cannot have`);
  if (!cidr) return formatIp(ip);
  if (cidr.version === 4 && formatCidrText(cidr) !== formatCidr(cidr)) {
    return refuse(`'${shown}' isn't a recognized IP subnet cidr, '${formatCidr(cidr)}' is recommended`);
  }
  return formatCidr(cidr);
}

type Item = { readonly [key: string]: unknown };

function checkShape(item: unknown): Item {
  if (typeof item !== 'object' || item === null || Array.isArray(item))
    return refuse(`Invalid input for allowed_address_pairs. Reason: '${pyStr(item)}' is not a dictionary.`);
  const given = item as Item;
  if (Object.hasOwn(given, 'mac_address')) readMac(given.mac_address);
  if (!Object.hasOwn(given, 'ip_address')) throw apiError('AllowedAddressPairsMissingIP');
  return given;
}

function checkKeys(item: Item): void {
  const unknown = Object.keys(item).filter(k => k !== 'mac_address' && k !== 'ip_address');
  if (unknown.length > 0) refuse(`Unrecognized attribute(s) '${unknown.join(', ')}'`);
}

/** Pairs as they are stored: canonical, with a MAC each, none twice. Nothing given means none. */
export function normalizePairs(given: unknown, { max, mac }: PairOptions): AddressPair[] {
  if (given === undefined || given === null) return [];
  if (!Array.isArray(given)) return refuse('Allowed address pairs must be a list.');
  if (given.length > max) throw apiError('AllowedAddressPairExhausted', { quota: max });
  const seen = new Set<string>();
  return given.map(one => {
    const item = checkShape(one);
    const mac_address = Object.hasOwn(item, 'mac_address') ? readMac(item.mac_address) : mac;
    // Neutron tells of a duplicate before it looks at the address; the key is what was written.
    const ip = typeof item.ip_address === 'string' && parseIp(item.ip_address) ? readAddress(item.ip_address) : pyStr(item.ip_address);
    const key = `${mac_address} ${ip}`;
    if (seen.has(key)) {
      throw apiError('DuplicateAddressPairInRequest', {
        mac_address: Object.hasOwn(item, 'mac_address') ? pyStr(item.mac_address) : 'None',
        ip_address: ip,
      });
    }
    seen.add(key);
    checkKeys(item);
    return { mac_address, ip_address: readAddress(item.ip_address) };
  });
}
