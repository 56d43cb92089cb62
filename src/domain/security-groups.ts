// Rules of security groups: reading, validation, the canonical form that is stored, and when two rules are the same.
import { apiError } from './errors.ts';
import { pyRepr, pyStr, toInt } from './input/python.ts';
import { formatCidr, formatCidrText, parseIpPrefix } from './net/cidr.ts';
import { hasPorts, isIcmp, isOnlyIpv6, meansIcmpv6, portProtocols, protocolNames, protocolNumber } from './security-groups/protocols.ts';

export type Ethertype = 'IPv4' | 'IPv6';

/** A rule as it is stored. */
export type SecurityGroupRuleValues = {
  readonly security_group_id: string;
  readonly direction: string;
  readonly ethertype: Ethertype;
  readonly protocol: string | null;
  readonly port_range_min: number | null;
  readonly port_range_max: number | null;
  readonly remote_ip_prefix: string | null;
  readonly remote_group_id: string | null;
  readonly remote_address_group_id: string | null;
  readonly normalized_cidr: string | null;
};

/** In a template: the group that the rule comes to be in. */
export const parentGroup = 'PARENT';

/** The attributes of a request, or of a stored row. */
export type RuleInput = { readonly [attribute: string]: unknown };

function refuseProtocol(value: unknown): never {
  throw apiError('SecurityGroupRuleInvalidProtocol', { protocol: pyStr(value), values: `[None, ${protocolNames.map(pyRepr).join(', ')}]` });
}

/** A name in lower case or a number's text; null and `any` are no restriction. */
export function readProtocol(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 255) return String(value);
  if (typeof value !== 'string') return refuseProtocol(value);
  const name = value.toLowerCase();
  if (name === 'any') return null;
  return protocolNumber(name) === undefined ? refuseProtocol(value) : name;
}

export function readEthertype(value: unknown): Ethertype {
  const found = typeof value === 'string' ? (['IPv4', 'IPv6'] as const).find(e => e.toLowerCase() === value.toLowerCase()) : undefined;
  if (found) return found;
  throw apiError('SecurityGroupRuleInvalidEtherType', { ethertype: pyStr(value), values: "['IPv4', 'IPv6']" });
}

/** 0…65535; also type and code of ICMP pass through here. */
export function readPort(value: unknown): number | null {
  if (value === null || value === undefined) return null;
  const number = toInt(value);
  if (number === undefined || !(number >= 0 && number <= 65535)) throw apiError('SecurityGroupInvalidPortValue', { port: pyStr(value) });
  return number;
}

/** A bare address gets its full length; host bits stay as they were written. */
export function readRemotePrefix(value: unknown): string | null {
  if (value === null || value === undefined || value === '') return null;
  const cidr = typeof value === 'string' ? parseIpPrefix(value) : undefined;
  if (!cidr) throw apiError('InvalidCIDR', { input: pyStr(value) });
  return formatCidrText(cidr);
}

/** Masked form of a prefix. */
export function normalizedCidr(prefix: string | null): string | null {
  const cidr = prefix === null ? undefined : parseIpPrefix(prefix);
  return cidr ? formatCidr(cidr) : null;
}

interface Ports {
  readonly protocol: string | null;
  readonly port_range_min: number | null;
  readonly port_range_max: number | null;
}

function checkPorts({ protocol, port_range_min: min, port_range_max: max }: Ports): void {
  if (min === null && max === null) return;
  if (protocol === null) throw apiError('SecurityGroupProtocolRequiredWithPorts');
  const number = protocolNumber(protocol)!;
  if (isIcmp(number)) checkIcmp(min, max);
  else if (!hasPorts(number)) {
    throw apiError('SecurityGroupInvalidProtocolForPort', {
      protocol: number,
      valid_port_protocols: portProtocols.map(p => p.toUpperCase()).join(', '),
    });
  } else if (min === 0 || max === 0) throw apiError('SecurityGroupInvalidPortValue', { port: 0 });
  else if (min === null || max === null || min > max) throw apiError('SecurityGroupInvalidPortRange');
}

function checkIcmp(type: number | null, code: number | null): void {
  const byte = (value: number | null, field: string, attr: string): void => {
    if (value !== null && value > 255) throw apiError('SecurityGroupInvalidIcmpValue', { field, attr, value });
  };
  byte(type, 'type', 'port_range_min');
  byte(code, 'code', 'port_range_max');
  if (type === null && code !== null) throw apiError('SecurityGroupMissingIcmpType', { value: code });
}

/** All ports of a protocol are the same as no restriction of ports. */
function wholeRange(ports: Ports): Ports {
  const whole = ports.port_range_min === 1 && ports.port_range_max === 65535;
  return whole ? { ...ports, port_range_min: null, port_range_max: null } : ports;
}

const text = (value: unknown): string | null => (value === null || value === undefined || value === '' ? null : String(value));

/** Reads and checks a request for a rule, in Neutron's order, and answers what to store. */
export function normalizeRule(input: RuleInput): SecurityGroupRuleValues {
  const given = readProtocol(input.protocol);
  const min = readPort(input.port_range_min);
  const max = readPort(input.port_range_max);
  const ethertype = readEthertype(input.ethertype === undefined ? 'IPv4' : input.ethertype);
  const remote_ip_prefix = readRemotePrefix(input.remote_ip_prefix);
  const protocol = given !== null && ethertype === 'IPv6' && ['icmp', 'icmpv6'].includes(given) ? 'ipv6-icmp' : given;
  const ports = wholeRange({ protocol, port_range_min: min, port_range_max: max });
  checkPorts(ports);
  if (remote_ip_prefix !== null && parseIpPrefix(remote_ip_prefix)?.version !== (ethertype === 'IPv4' ? 4 : 6)) {
    throw apiError('SecurityGroupRuleParameterConflict', { ethertype, cidr: remote_ip_prefix });
  }
  if (protocol !== null && ethertype === 'IPv4' && isOnlyIpv6(protocol)) {
    throw apiError('SecurityGroupEthertypeConflictWithProtocol', { ethertype, protocol });
  }
  const remotes = [remote_ip_prefix, text(input.remote_group_id), text(input.remote_address_group_id)];
  if (remotes.filter(r => r !== null).length > 1) throw apiError('SecurityGroupMultipleRemoteEntites');
  return {
    security_group_id: String(input.security_group_id),
    direction: String(input.direction),
    ethertype,
    ...ports,
    remote_ip_prefix,
    remote_group_id: text(input.remote_group_id),
    remote_address_group_id: text(input.remote_address_group_id),
    normalized_cidr: normalizedCidr(remote_ip_prefix),
  };
}

/** What the protocol means: tcp and 6 are one, and so are all spellings of ICMPv6 under IPv6. */
function protocolKey(protocol: string | null, ethertype: unknown): string {
  if (protocol === null) return '+';
  if (ethertype === 'IPv6' && meansIcmpv6(protocol)) return '58';
  return String(protocolNumber(protocol) ?? protocol);
}

const EVERYWHERE = new Set(['0.0.0.0/0', '::/0']);

/** Values of columns that rules of the same key have, of which there are few beside all rules of a group. */
export function likeness(rule: RuleInput): Readonly<Record<string, readonly (string | number | null)[]>> {
  const prefix = text(rule.remote_ip_prefix);
  return {
    security_group_id: [String(rule.security_group_id)],
    direction: [text(rule.direction)],
    ethertype: [text(rule.ethertype)],
    port_range_min: [rule.port_range_min as number | null],
    port_range_max: [rule.port_range_max as number | null],
    remote_ip_prefix: prefix === null || EVERYWHERE.has(prefix) ? [null, '', ...EVERYWHERE] : [prefix],
  };
}

/** Rules with the same key are duplicates: descriptions do not count, and a prefix of everything is none. */
export function ruleKey(rule: RuleInput): string {
  const prefix = text(rule.remote_ip_prefix);
  return [
    text(rule.security_group_id),
    text(rule.direction),
    text(rule.ethertype),
    protocolKey(text(rule.protocol), rule.ethertype),
    text(rule.port_range_min) ?? '+',
    text(rule.port_range_max) ?? '+',
    prefix === null || EVERYWHERE.has(prefix) ? '+' : prefix,
    text(rule.remote_group_id) ?? '+',
    text(rule.remote_address_group_id) ?? '+',
  ].join('_');
}
