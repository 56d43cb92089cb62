// The iptables chains of one port, in the words that iptables-save prints: ingress (i), egress (o) and anti-spoofing (s).
import { formatCidr } from '../../domain/net/cidr.ts';
import type { IpVersion } from '../../domain/net/ip.ts';
import { setName } from './ipset.ts';
import { type AgentNames, comment } from './iptables-names.ts';
import type { PortSecurity } from './security-port.ts';
import { ICMP, ICMPV6, type PortRange, type Rule, TCP, UDP } from './security-rules.ts';

/** MLD (query, report, done, v2 report), router solicitation, neighbour solicitation and advertisement. RA (134) is never let out. */
const ICMPV6_EGRESS = [130, 131, 132, 133, 135, 136, 143];
/** Before an address is verified (duplicate address detection) only these may come from `::`. */
const ICMPV6_UNSPECIFIED = [131, 135, 143];
const ICMPV6_INGRESS = [130, 135, 136];

const established = '-m state --state RELATED,ESTABLISHED';
const invalid = '-m state --state INVALID';

/** Chain name → rules. */
export function portChains(names: AgentNames, port: PortSecurity, family: IpVersion): Map<string, string[]> {
  const rules = port.rules.filter(r => r.family === family);
  return new Map([
    // A group may permit what every port may do anyway.
    [names.port('ingress', port.id), [...new Set(ingress(names, port, family, rules))]],
    [names.port('egress', port.id), [...new Set(egress(names, port, family, rules))]],
    [names.port('spoof', port.id), spoof(port, family)],
  ]);
}

/** The chains of a port whose rules do not compile: nothing passes. */
export function closedChains(names: AgentNames, portId: string): Map<string, string[]> {
  const drop = [`${comment('unmatched')} -j ${names.fallback}`];
  return new Map([
    [names.port('ingress', portId), drop],
    [names.port('egress', portId), drop],
  ]);
}

function ingress(names: AgentNames, port: PortSecurity, family: IpVersion, rules: readonly Rule[]): string[] {
  return [
    ...known(port),
    ...(family === 6 ? ICMPV6_INGRESS.map(type => `${icmp6(type)} -j RETURN`) : []),
    ...permits(rules, 'ingress'),
    ...rest(names, port),
  ];
}

function egress(names: AgentNames, port: PortSecurity, family: IpVersion, rules: readonly Rule[]): string[] {
  return [
    ...(family === 4 ? baseEgress4(names, port) : baseEgress6(names, port)),
    ...known(port),
    ...permits(rules, 'egress'),
    ...rest(names, port),
  ];
}

function baseEgress4(names: AgentNames, port: PortSecurity): string[] {
  const dhcp = comment('dhcp-client');
  return [
    `-s 0.0.0.0/32 -d 255.255.255.255/32 -p udp -m udp --sport 68 --dport 67 ${dhcp} -j RETURN`,
    `-j ${names.port('spoof', port.id)}`,
    `-p udp -m udp --sport 68 --dport 67 ${dhcp} -j RETURN`,
    `-p udp -m udp --sport 67 --dport 68 ${comment('dhcp-spoof')} -j DROP`,
  ];
}

function baseEgress6(names: AgentNames, port: PortSecurity): string[] {
  const nd = comment('icmp6');
  return [
    ...ICMPV6_UNSPECIFIED.map(type => `-s ::/128 -d ff02::/16 ${icmp6(type)} ${nd} -j RETURN`),
    `-j ${names.port('spoof', port.id)}`,
    `${icmp6(134)} ${comment('ra-drop')} -j DROP`,
    ...ICMPV6_EGRESS.map(type => `${icmp6(type)} ${nd} -j RETURN`),
    `-p udp -m udp --sport 546 --dport 547 ${comment('dhcp-client')} -j RETURN`,
    `-p udp -m udp --sport 547 --dport 546 ${comment('dhcp-spoof')} -j DROP`,
  ];
}

function spoof(port: PortSecurity, family: IpVersion): string[] {
  const pairs = port.pairs.filter(p => p.prefix.version === family);
  const source = (cidr: (typeof pairs)[number]['prefix']): string => (cidr.prefix === 0 ? '' : `-s ${formatCidr(cidr)} `);
  return [
    ...pairs.map(p => `${source(p.prefix)}-m mac --mac-source ${p.mac} ${comment('pair-allow')} -j RETURN`),
    ...(port.anyAddress ? [`-m mac --mac-source ${port.mac} ${comment('pair-allow')} -j RETURN`] : []),
    `${comment('pair-drop')} -j DROP`,
  ];
}

const known = (port: PortSecurity): string[] => (port.stateful ? [`${established} ${comment('established')} -j RETURN`] : []);

/** Permissions come before the drop of invalid packets: what a rule permits passes whatever the tracker thinks of it. */
function rest(names: AgentNames, port: PortSecurity): string[] {
  return [...(port.stateful ? [`${invalid} ${comment('invalid')} -j DROP`] : []), `${comment('unmatched')} -j ${names.fallback}`];
}

function permits(rules: readonly Rule[], direction: Rule['direction']): string[] {
  return rules.filter(r => r.direction === direction && !neverSent(r)).map(r => `${words(r)}-j RETURN`);
}

/** ICMP type 255 is reserved, and to iptables it means every type. */
const neverSent = (r: Rule): boolean => r.family === 4 && r.icmp?.type === 255;

function words(r: Rule): string {
  const out: string[] = [];
  if (r.source) out.push(`-s ${formatCidr(r.source)}`);
  if (r.dest) out.push(`-d ${formatCidr(r.dest)}`);
  if (r.protocol !== undefined) out.push(`-p ${protocolWord(r.protocol)}`);
  if (r.remoteGroup) out.push(`-m set --match-set ${setName(r.remoteGroup, r.family)} ${r.direction === 'ingress' ? 'src' : 'dst'}`);
  if (r.icmp) out.push(icmpWords(r));
  out.push(...portWords(r));
  return out.map(o => `${o} `).join('');
}

function icmpWords(r: Rule): string {
  const type = `${r.icmp?.type}${r.icmp?.code === undefined ? '' : `/${r.icmp.code}`}`;
  return r.family === 4 ? `-m icmp --icmp-type ${type}` : `-m icmp6 --icmpv6-type ${type}`;
}

const icmp6 = (type: number): string => `-p ipv6-icmp -m icmp6 --icmpv6-type ${type}`;

/** Single ports of TCP and UDP by their own match; ranges, and the other protocols with ports, by multiport. */
function portWords(r: Rule): string[] {
  const { sourcePorts, destPorts, protocol } = r;
  if (!sourcePorts && !destPorts) return [];
  const own = protocol === TCP ? 'tcp' : protocol === UDP ? 'udp' : undefined;
  const single = (p: PortRange | undefined): boolean => p === undefined || p.min === p.max;
  if (own && single(sourcePorts) && single(destPorts)) {
    return [`-m ${own}${sourcePorts ? ` --sport ${sourcePorts.min}` : ''}${destPorts ? ` --dport ${destPorts.min}` : ''}`];
  }
  const multi = (option: string, p: PortRange | undefined): string[] =>
    p ? [`-m multiport --${option} ${p.min === p.max ? p.min : `${p.min}:${p.max}`}`] : [];
  return [...multi('sports', sourcePorts), ...multi('dports', destPorts)];
}

const names: Readonly<Record<number, string>> = {
  [ICMP]: 'icmp',
  [TCP]: 'tcp',
  [UDP]: 'udp',
  [ICMPV6]: 'ipv6-icmp',
  132: 'sctp',
  136: 'udplite',
};
const protocolWord = (protocol: number): string => names[protocol] ?? String(protocol);
