// What one port may send and receive: its addresses and its rules, compiled from the server's words. A port that does not compile fails closed.
import { type Cidr, formatCidr, parseCidr, parseIpPrefix } from '../../domain/net/cidr.ts';
import { bits } from '../../domain/net/ip.ts';
import { eui64, isMulticastMac, parseMac } from '../../domain/net/mac.ts';
import { BadRule, compileRule, type Rule, ruleKey, type WireRule } from './security-rules.ts';

/** A port of `security_group_info_for_devices`, with the rules of its groups. */
export interface WirePort {
  readonly id: string;
  readonly device: string;
  readonly mac_address: unknown;
  readonly fixed_ips: readonly unknown[];
  readonly allowed_address_pairs: readonly { readonly mac_address?: unknown; readonly ip_address?: unknown }[];
  readonly rules: readonly WireRule[];
}

/** A source that the port may use: this MAC with an address of this prefix. */
export interface AddressPair {
  readonly mac: string;
  readonly prefix: Cidr;
}

export interface PortSecurity {
  readonly id: string;
  readonly device: string;
  readonly mac: string;
  /** The port's MAC and those of its pairs. */
  readonly macs: readonly string[];
  /** Fixed addresses, allowed address pairs, and the link-local addresses of their MACs. */
  readonly pairs: readonly AddressPair[];
  /** No address at all is known: then the MAC alone binds, as Neutron has it. */
  readonly anyAddress: boolean;
  /** False when the port's groups are stateless: then no state is asked, in either direction. */
  readonly stateful: boolean;
  readonly rules: readonly Rule[];
}

const linkLocal = parseCidr('fe80::/64')!;

/** Throws BadRule when any part cannot be matched by a packet filter. */
export function compilePort(wire: WirePort): PortSecurity {
  const mac = unicastMac(wire.mac_address);
  const fixed = wire.fixed_ips.map(ip => ({ mac, prefix: prefix(ip) }));
  const allowed = wire.allowed_address_pairs.map(pair => ({
    mac: pair.mac_address === null || pair.mac_address === undefined ? mac : unicastMac(pair.mac_address),
    prefix: prefix(pair.ip_address),
  }));
  const macs = [...new Set([mac, ...allowed.map(p => p.mac)])];
  const given = [...allowed, ...fixed];
  return {
    id: wire.id,
    device: wire.device,
    mac,
    macs,
    pairs: unique([...given, ...linkLocals(mac, given)]),
    anyAddress: given.length === 0,
    stateful: !wire.rules.some(r => r.stateful === false),
    rules: compileRules(wire.rules),
  };
}

/** The link-local address of the port's MAC, and of each MAC that may use another IPv6 address. */
function linkLocals(mac: string, given: readonly AddressPair[]): AddressPair[] {
  const macs = new Set([mac, ...given.filter(p => p.prefix.version === 6).map(p => p.mac)]);
  return [...macs].map(m => ({ mac: m, prefix: { version: 6 as const, network: eui64(linkLocal, m)!, prefix: 128 } }));
}

function compileRules(wires: readonly WireRule[]): Rule[] {
  const rules = new Map<string, Rule>();
  for (const wire of wires) {
    const rule = compileRule(wire);
    rules.set(ruleKey(rule), rule);
  }
  return [...rules.values()];
}

function unicastMac(value: unknown): string {
  const mac = typeof value === 'string' ? parseMac(value) : undefined;
  if (mac === undefined || isMulticastMac(mac)) throw new BadRule(`MAC address ${JSON.stringify(value)}`);
  return mac;
}

function prefix(value: unknown): Cidr {
  const cidr = typeof value === 'string' ? parseIpPrefix(value) : undefined;
  if (!cidr) throw new BadRule(`address ${JSON.stringify(value)}`);
  return { version: cidr.version, network: cidr.network, prefix: cidr.prefix };
}

function unique(pairs: readonly AddressPair[]): AddressPair[] {
  return [...new Map(pairs.map(p => [`${p.mac} ${formatCidr(p.prefix)}`, p])).values()];
}

/** Whether the prefix is one whole address. */
export const isHost = (cidr: Cidr): boolean => cidr.prefix === bits(cidr.version);
