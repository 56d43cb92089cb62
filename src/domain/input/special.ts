// Attributes whose reading has rules of its own. Where a rule needs other attributes too, only the shape is read here.
import type { SpecialName } from '../../model/kit/types.ts';
import { normalizePairs } from '../allowed-address-pairs.ts';
import { apiError, invalidInput, isApiError } from '../errors.ts';
import { normalizeDhcpOpts } from '../extra-dhcp-opts.ts';
import { readMeteringPrefix } from '../metering.ts';
import { formatCidr, parseCidr, parseIpPrefix } from '../net/cidr.ts';
import { formatIp, parseIp } from '../net/ip.ts';
import { readPortRange } from '../port-forwarding.ts';
import { readCommunity } from '../pvlan.ts';
import { readEthertype, readPort, readProtocol, readRemotePrefix } from '../security-groups.ts';
import { readSubPorts } from '../trunks.ts';
import { pyStr } from './python.ts';
import { Invalid, isUuid, readString } from './text.ts';

export function readSpecial(name: SpecialName, value: unknown): unknown {
  switch (name) {
    case 'fixed_ips':
      return readFixedIps(value);
    case 'tags':
      return tagsOfBody(value);
    case 'service_types':
      return readServiceTypes(value);
    case 'metainfo':
      return readMetainfo(value);
    case 'metering_prefix':
      return value === '' ? null : readMeteringPrefix(value);
    case 'port_range':
      return readPortRange(value);
    case 'profile':
      return readProfile(value);
    case 'allowed_address_pairs':
      normalizePairs(value, { max: Number.POSITIVE_INFINITY, mac: '' });
      return value ?? [];
    case 'extra_dhcp_opts':
      normalizeDhcpOpts(value as readonly unknown[] | null, []);
      return value ?? [];
    case 'sub_ports':
      return readSubPorts(value);
    case 'target_project':
      return readTargetProject(value);
    case 'subnet_list':
      return readSubnetList(value);
    case 'pvlan_community':
      return readCommunity(value);
    case 'subnetpool_id':
      return readSubnetpoolId(value);
    case 'sg_protocol':
      return readProtocol(value);
    case 'sg_port':
      return readPort(value);
    case 'sg_ethertype':
      return readEthertype(value);
    case 'sg_remote_prefix':
      return readRemotePrefix(value);
  }
}

/** Of one port; each costs a look-up. */
const mostFixedIps = 256;

function readFixedIps(value: unknown): unknown[] {
  const seen = new Set<string>();
  const isDict = (item: unknown): boolean => typeof item === 'object' && item !== null && !Array.isArray(item);
  const wrong = Array.isArray(value) ? value.filter(item => !isDict(item)) : [value];
  if (wrong.length > 0) throw new Invalid(`Invalid data format for fixed IP: '${pyStr(wrong[0])}'.`);
  const items = value as Record<string, unknown>[];
  if (items.length > mostFixedIps) throw invalidInput('Exceeded maximum amount of fixed ips per port');
  return items.map(item => {
    const out: Record<string, string> = {};
    if (Object.hasOwn(item, 'ip_address')) out.ip_address = fixedAddress(item.ip_address, seen);
    if (Object.hasOwn(item, 'subnet_id')) {
      if (!isUuid(item.subnet_id)) throw new Invalid(`'${pyStr(item.subnet_id)}' is not a valid UUID.`);
      out.subnet_id = item.subnet_id;
    }
    return out;
  });
}

function fixedAddress(value: unknown, seen: Set<string>): string {
  const ip = typeof value === 'string' ? parseIp(value) : undefined;
  if (!ip) throw new Invalid(`'${pyStr(value)}' is not a valid IP address.`);
  const text = formatIp(ip);
  if (seen.has(text)) throw new Invalid(`Duplicate IP address '${text}'.`);
  seen.add(text);
  return text;
}

/** Of a create, where what is wrong is said as of any attribute. */
function tagsOfBody(value: unknown): string[] {
  try {
    return readTags(value);
  } catch (error) {
    if (isApiError(error, 'InvalidInput')) throw new Invalid(`${error.message.replace(/^Invalid input for operation: |\.+$/g, '')}.`);
    throw error;
  }
}

export function readTags(value: unknown): string[] {
  if (!Array.isArray(value)) throw invalidInput(`'${pyStr(value)}' is not a list`);
  const seen = new Set<string>();
  for (const tag of value) {
    let text: string;
    try {
      text = readString(tag, 255);
    } catch (error) {
      throw invalidInput((error as Error).message.replace(/\.$/, ''));
    }
    if (seen.has(text)) throw invalidInput(`Duplicate items in the list: '${text}'`);
    seen.add(text);
  }
  if (seen.size > 50) throw invalidInput(`The number of tags exceed the per-resource limit of 50`);
  return [...seen];
}

const mostServiceTypes = 1000;

function readServiceTypes(value: unknown): string[] {
  if (value === null) return [];
  if (!Array.isArray(value)) throw apiError('HTTPBadRequest', { message: 'Subnet service types must be a list.' });
  if (value.length > mostServiceTypes) throw new Invalid(`the list has more than ${mostServiceTypes} items.`);
  for (const type of value) {
    if (typeof type !== 'string') throw apiError('InvalidInputSubnetServiceType', { service_type: pyStr(type) });
    readString(type, 255);
    // Owners are made by services that nobody here knows of; what has no prefix is no owner.
    if (!/^[^:]+:/.test(type)) throw apiError('InvalidSubnetServiceType', { service_type: type });
  }
  return value as string[];
}

/** What only the driver of a service reads: a text, also of a number. */
function readMetainfo(value: unknown): string {
  const isScalar = typeof value === 'number' || typeof value === 'boolean';
  return readString(isScalar ? pyStr(value) : value, 4096);
}

/** A project's id, with dashes or without, or `*` for all. */
function readTargetProject(value: unknown): string {
  const text = readString(value, 255);
  if (text === '*' || isUuid(text) || /^[0-9a-f]{32}$/i.test(text)) return text;
  throw new Invalid(`'${text}' is not a valid UUID or '*'.`);
}

function readProfile(value: unknown): Record<string, unknown> {
  if (value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw new Invalid(`'${pyStr(value)}' is not a dictionary.`);
  if (JSON.stringify(value).length > 4095) throw invalidInput('binding:profile value too large');
  return value as Record<string, unknown>;
}

/** Of one request; each is compared with those that are there. */
const mostPrefixes = 1000;

/** Prefixes as they were written: host bits may be set, but the length must be there. */
function readSubnetList(value: unknown): string[] {
  if (!Array.isArray(value)) throw new Invalid(`'${pyStr(value)}' is not a list.`);
  if (value.length > mostPrefixes) throw new Invalid(`the list has more than ${mostPrefixes} items.`);
  const seen = new Set<unknown>();
  for (const item of value) {
    if (seen.has(item)) throw new Invalid(`Duplicate items in the list: '${pyStr(item)}'.`);
    seen.add(item);
  }
  return value.map(readPrefix);
}

function readPrefix(value: unknown): string {
  if (typeof value === 'string' && parseCidr(value)) return value;
  const meant = typeof value === 'string' ? parseIpPrefix(value) : undefined;
  throw new Invalid(
    meant
      ? `'${value}' isn't a recognized IP subnet cidr, '${formatCidr(meant)}' is recommended.`
      : `'${pyStr(value)}' is not a valid IP subnet.`,
  );
}

/** Prefixes from outside (RFC 3633) have this pool. */
export const delegated = 'prefix_delegation';

function readSubnetpoolId(value: unknown): string | null {
  if (value === null || value === delegated || isUuid(value)) return value;
  throw new Invalid(`'${pyStr(value)}' is not a valid UUID.`);
}
