// What a rule matches, in the fields of flows: one match for most rules, several for a range of ports.
import { formatCidr } from '../../../domain/net/cidr.ts';
import type { IpVersion } from '../../../domain/net/ip.ts';
import { type Masked, type Match, protocol } from '../../../domain/openflow/match.ts';
import { ICMP, ICMPV6, type PortRange, type Rule, TCP, UDP } from '../security-rules.ts';
import { portMasks } from './port-masks.ts';

const SCTP = 132;

/** Whether the switch can look at all that the rule speaks of: it knows no ports of DCCP and UDP-Lite, and no ICMP in the other family. */
export function canMatch(r: Rule): boolean {
  if ((r.sourcePorts || r.destPorts) && portFields(r.protocol) === undefined) return false;
  return r.icmp === undefined || r.protocol === (r.family === 4 ? ICMP : ICMPV6);
}

/** The rule without its remote group. Of a rule that cannot be matched none: nothing is permitted that it did not say. */
export function ruleMatches(r: Rule): Match[] {
  if (!canMatch(r)) return [];
  const whole: Match = {
    ...family(r.family),
    ...(r.protocol === undefined ? {} : { nw_proto: r.protocol }),
    ...(r.source ? address(r.family, 'src', formatCidr(r.source)) : {}),
    ...(r.dest ? address(r.family, 'dst', formatCidr(r.dest)) : {}),
    ...icmp(r),
  };
  const fields = portFields(r.protocol);
  if (!fields) return [whole];
  const sources = masks(r.sourcePorts);
  const dests = masks(r.destPorts);
  return sources.flatMap(source => dests.map(dest => ({ ...whole, ...given(fields.source, source), ...given(fields.dest, dest) })));
}

export const family = (version: IpVersion): typeof protocol.ip | typeof protocol.ipv6 => (version === 4 ? protocol.ip : protocol.ipv6);

export function address(version: IpVersion, side: 'src' | 'dst', prefix: string): Match {
  if (version === 4) return side === 'src' ? { ip_src: prefix } : { ip_dst: prefix };
  return side === 'src' ? { ipv6_src: prefix } : { ipv6_dst: prefix };
}

/** As Neutron ranks rules: the more a rule says of the protocol, the higher. All of them permit, so it decides nothing. */
export function rank(r: Rule): number {
  if (r.protocol === undefined) return 0;
  if (r.protocol !== ICMP && r.protocol !== ICMPV6) return 3;
  return r.icmp === undefined ? 1 : r.icmp.code === undefined ? 2 : 3;
}

function icmp({ family: version, icmp: wanted }: Rule): Match {
  if (!wanted) return {};
  const { type, code } = wanted;
  return version === 4
    ? { icmp_type: type, ...(code === undefined ? {} : { icmp_code: code }) }
    : { icmpv6_type: type, ...(code === undefined ? {} : { icmpv6_code: code }) };
}

type PortField = 'tcp_src' | 'tcp_dst' | 'udp_src' | 'udp_dst' | 'sctp_src' | 'sctp_dst';

function portFields(number: number | undefined): { readonly source: PortField; readonly dest: PortField } | undefined {
  if (number === TCP) return { source: 'tcp_src', dest: 'tcp_dst' };
  if (number === UDP) return { source: 'udp_src', dest: 'udp_dst' };
  if (number === SCTP) return { source: 'sctp_src', dest: 'sctp_dst' };
  return undefined;
}

const masks = (range: PortRange | undefined): (number | Masked<number> | undefined)[] => (range ? portMasks(range) : [undefined]);

const given = (field: PortField, value: number | Masked<number> | undefined): Match => (value === undefined ? {} : { [field]: value });
