// Security group rules as small typed values: what came over the wire is compiled here once, and printed or evaluated elsewhere.
import { type Cidr, formatCidr, parseIpPrefix } from '../../domain/net/cidr.ts';
import type { IpVersion } from '../../domain/net/ip.ts';

/** A rule of a group, or a provider rule of a port, as `security_group_info_for_devices` sends it; absent fields are null columns. */
export interface WireRule {
  readonly direction?: unknown;
  readonly ethertype?: unknown;
  readonly protocol?: unknown;
  readonly port_range_min?: unknown;
  readonly port_range_max?: unknown;
  readonly source_port_range_min?: unknown;
  readonly source_port_range_max?: unknown;
  readonly source_ip_prefix?: unknown;
  readonly dest_ip_prefix?: unknown;
  readonly remote_group_id?: unknown;
  readonly remote_address_group_id?: unknown;
  readonly stateful?: unknown;
}

export type Direction = 'ingress' | 'egress';

export interface PortRange {
  readonly min: number;
  readonly max: number;
}

/** One permission. An absent field does not restrict. */
export interface Rule {
  readonly direction: Direction;
  readonly family: IpVersion;
  /** IP protocol number, 1…255. */
  readonly protocol?: number;
  readonly sourcePorts?: PortRange;
  readonly destPorts?: PortRange;
  readonly icmp?: { readonly type: number; readonly code?: number };
  readonly source?: Cidr;
  readonly dest?: Cidr;
  /** The group, or address group, whose members are the other side. */
  readonly remoteGroup?: string;
}

/** A rule that says something that cannot be matched: its port fails closed. */
export class BadRule extends Error {}

export const ICMP = 1;
export const TCP = 6;
export const UDP = 17;
export const ICMPV6 = 58;

/** Neutron's protocol names. `any` and 0 restrict nothing, as with iptables. */
const protocolNumbers: Readonly<Record<string, number>> = {
  any: 0,
  ip: 0,
  hopopt: 0,
  icmp: 1,
  igmp: 2,
  ipip: 4,
  tcp: 6,
  egp: 8,
  udp: 17,
  dccp: 33,
  'ipv6-encap': 41,
  'ipv6-route': 43,
  'ipv6-frag': 44,
  rsvp: 46,
  gre: 47,
  esp: 50,
  ah: 51,
  icmpv6: 58,
  'ipv6-icmp': 58,
  'ipv6-nonxt': 59,
  'ipv6-opts': 60,
  ospf: 89,
  vrrp: 112,
  pgm: 113,
  sctp: 132,
  udplite: 136,
};

/** Protocols whose ports a packet filter can see. */
const withPorts: ReadonlySet<number> = new Set([TCP, UDP, 33, 132, 136]);

export function compileRule(wire: WireRule): Rule {
  const direction = wire.direction;
  if (direction !== 'ingress' && direction !== 'egress') throw new BadRule(`direction ${say(direction)}`);
  const family = familyOf(wire.ethertype);
  const protocol = protocolOf(wire.protocol, family);
  const remote =
    optionalText(wire.remote_group_id, 'remote_group_id') ?? optionalText(wire.remote_address_group_id, 'remote_address_group_id');
  if (remote !== undefined && !/^[0-9a-f-]{1,64}$/.test(remote)) throw new BadRule(`remote group ${say(remote)}`);
  return {
    direction,
    family,
    ...(protocol === 0 ? {} : { protocol }),
    ...portsOf(wire, protocol),
    ...given('source', prefixOf(wire.source_ip_prefix, family)),
    ...given('dest', prefixOf(wire.dest_ip_prefix, family)),
    ...given('remoteGroup', remote),
  };
}

/** Two rules with one key permit the same packets. */
export function ruleKey(r: Rule): string {
  const range = (p: PortRange | undefined): string => (p ? `${p.min}:${p.max}` : '');
  const cidr = (c: Cidr | undefined): string => (c ? formatCidr(c) : '');
  const icmp = r.icmp ? `${r.icmp.type}/${r.icmp.code ?? ''}` : '';
  return [
    r.direction,
    r.family,
    r.protocol ?? '',
    range(r.sourcePorts),
    range(r.destPorts),
    icmp,
    cidr(r.source),
    cidr(r.dest),
    r.remoteGroup ?? '',
  ].join(' ');
}

const say = (value: unknown): string => JSON.stringify(value)?.slice(0, 64) ?? 'missing';
const given = <K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> =>
  value === undefined ? {} : ({ [key]: value } as Record<K, V>);
const absent = (value: unknown): value is null | undefined => value === null || value === undefined;

function optionalText(value: unknown, name: string): string | undefined {
  if (absent(value)) return undefined;
  if (typeof value !== 'string') throw new BadRule(`${name} ${say(value)}`);
  return value;
}

function familyOf(ethertype: unknown): IpVersion {
  if (ethertype === 'IPv4') return 4;
  if (ethertype === 'IPv6') return 6;
  throw new BadRule(`ethertype ${say(ethertype)}`);
}

function protocolOf(value: unknown, family: IpVersion): number {
  if (absent(value) || value === '') return 0;
  const text = String(value).toLowerCase();
  const number = /^[0-9]{1,3}$/.test(text) ? Number(text) : Object.hasOwn(protocolNumbers, text) ? protocolNumbers[text] : undefined;
  if (number === undefined || number > 255) throw new BadRule(`protocol ${say(value)}`);
  // `icmp` in an IPv6 rule has always meant ICMPv6.
  return family === 6 && number === ICMP ? ICMPV6 : number;
}

function numberOf(value: unknown, name: string, max: number): number | undefined {
  if (absent(value) || value === '') return undefined;
  const number = typeof value === 'number' ? value : typeof value === 'string' && /^[0-9]{1,5}$/.test(value) ? Number(value) : Number.NaN;
  if (!Number.isInteger(number) || number < 0 || number > max) throw new BadRule(`${name} ${say(value)}`);
  return number;
}

function rangeOf(min: unknown, max: unknown, name: string): PortRange | undefined {
  const low = numberOf(min, `${name}_min`, 65_535);
  const high = numberOf(max, `${name}_max`, 65_535);
  if (low === undefined && high === undefined) return undefined;
  const range = { min: low ?? high ?? 0, max: high ?? low ?? 0 };
  if (range.min > range.max) throw new BadRule(`${name} ${range.min}:${range.max}`);
  return range;
}

function portsOf(wire: WireRule, protocol: number): Pick<Rule, 'sourcePorts' | 'destPorts' | 'icmp'> {
  if (protocol === ICMP || protocol === ICMPV6) return icmpOf(wire);
  const destPorts = rangeOf(wire.port_range_min, wire.port_range_max, 'port_range');
  const sourcePorts = rangeOf(wire.source_port_range_min, wire.source_port_range_max, 'source_port_range');
  if ((destPorts || sourcePorts) && !withPorts.has(protocol))
    throw new BadRule(`ports with protocol ${say(wire.protocol)}, which has none`);
  return { ...given('destPorts', destPorts), ...given('sourcePorts', sourcePorts) };
}

/** For ICMP the range is type and code. Provider rules put the type of a router advertisement into the source range. */
function icmpOf(wire: WireRule): Pick<Rule, 'icmp'> {
  const type = numberOf(wire.port_range_min, 'ICMP type', 255) ?? numberOf(wire.source_port_range_min, 'ICMP type', 255);
  const code = numberOf(wire.port_range_max, 'ICMP code', 255);
  if (type === undefined) {
    if (code !== undefined) throw new BadRule('ICMP code without a type');
    return {};
  }
  return { icmp: { type, ...given('code', code) } };
}

function prefixOf(value: unknown, family: IpVersion): Cidr | undefined {
  if (absent(value) || value === '') return undefined;
  const cidr = typeof value === 'string' ? parseIpPrefix(value) : undefined;
  if (!cidr || cidr.version !== family) throw new BadRule(`prefix ${say(value)} in an IPv${family} rule`);
  const { version, network, prefix } = cidr;
  // A prefix of length 0 restricts nothing.
  return prefix === 0 ? undefined : { version, network, prefix };
}
