// Which tracked connections the rules no longer permit. Only those end: a connection that is still permitted survives any change.
import { type Cidr, contains } from '../../domain/net/cidr.ts';
import { type Ip, type IpVersion, parseIp } from '../../domain/net/ip.ts';
import type { Cut } from './nft-bridge.ts';
import type { PortSecurity } from './security-port.ts';
import { isHost } from './security-port.ts';
import { ICMP, ICMPV6, type PortRange, type Rule, TCP, UDP } from './security-rules.ts';

/** One tracked connection of a network's zone, in its original direction. */
export interface TrackedFlow {
  readonly family: IpVersion;
  readonly protocol?: string;
  readonly src?: string;
  readonly dst?: string;
  readonly srcPort?: number;
  readonly dstPort?: number;
  readonly icmpType?: number;
  readonly icmpCode?: number;
}

/** A network's ports on this host. */
export interface FlowView {
  readonly guarded: readonly PortSecurity[];
  /** Ports that let nothing through at present. */
  readonly closed: readonly { readonly device: string; readonly addresses: readonly string[] }[];
  /** Addresses of trusted and unfiltered ports. */
  readonly openAddresses: ReadonlySet<string>;
  /** Whether an address is a member of a remote group. */
  isMember(group: string, ip: Ip): boolean;
}

export interface Verdict {
  /** Connections to forget. */
  readonly end: readonly TrackedFlow[];
  /** TCP connections that must not be picked up again by their own later packets, at the taps concerned. */
  readonly cut: readonly Cut[];
}

const protocols: Readonly<Record<string, number>> = {
  icmp: ICMP,
  tcp: TCP,
  udp: UDP,
  icmpv6: ICMPV6,
  'ipv6-icmp': ICMPV6,
  dccp: 33,
  sctp: 132,
  udplite: 136,
  gre: 47,
};

/** What the agent lets every port do, beside its rules. */
const base: readonly Rule[] = [
  { direction: 'egress', family: 4, protocol: UDP, sourcePorts: { min: 68, max: 68 }, destPorts: { min: 67, max: 67 } },
  { direction: 'egress', family: 6, protocol: UDP, sourcePorts: { min: 546, max: 546 }, destPorts: { min: 547, max: 547 } },
];

export function judgeFlows(flows: readonly TrackedFlow[], view: FlowView): Verdict {
  const end: TrackedFlow[] = [];
  const cut: Cut[] = [];
  for (const flow of flows) {
    const src = flow.src === undefined ? undefined : parseIp(flow.src);
    const dst = flow.dst === undefined ? undefined : parseIp(flow.dst);
    if (!src || !dst) continue;
    const sides = [...deniedSides(flow, 'egress', src, dst, view), ...deniedSides(flow, 'ingress', dst, src, view)];
    if (sides.some(s => s.certain) || unowned(flow, src, dst, view)) end.push(flow);
    else if (sides.length > 0 && number(flow) !== TCP) end.push(flow);
    if (number(flow) === TCP) cut.push(...sides.flatMap(s => cutsOf(flow, s)));
  }
  return { end, cut };
}

interface Side {
  readonly device: string;
  /** Whether the port was to begin the connection, or to accept it. */
  readonly began: Rule['direction'];
  /** False where the port only may use the address (a wide allowed pair): the connection may be another's. */
  readonly certain: boolean;
}

/** The ports at one end (`own`) whose rules deny the connection in that direction. */
function deniedSides(flow: TrackedFlow, direction: Rule['direction'], own: Ip, other: Ip, view: FlowView): Side[] {
  const closed = view.closed
    .filter(c => c.addresses.includes(textOf(flow, direction)))
    .map(c => ({ device: c.device, began: direction, certain: true }));
  const { exactly, maybe } = ownersIn(view);
  const exact = exactly(own);
  const asked = exact.length > 0 || view.openAddresses.has(textOf(flow, direction)) ? exact : maybe(own);
  const denied = asked.filter(p => p.stateful && ![...base, ...p.rules].some(r => permits(r, flow, direction, other, view, own)));
  return [...closed, ...denied.map(p => ({ device: p.device, began: direction, certain: exact.length > 0 }))];
}

const textOf = (flow: TrackedFlow, direction: Rule['direction']): string => (direction === 'egress' ? flow.src : flow.dst) ?? '';

interface Owners {
  /** The ports that have this very address. */
  exactly(ip: Ip): readonly PortSecurity[];
  /** Those that may use it: by a prefix, or because no address of theirs is known. */
  maybe(ip: Ip): readonly PortSecurity[];
}

/** Connections are many, and ports are: each connection is looked up, not compared with each port. */
const owners = new WeakMap<FlowView, Owners>();

function ownersIn(view: FlowView): Owners {
  const known = owners.get(view) ?? indexOwners(view.guarded);
  owners.set(view, known);
  return known;
}

const nobody: readonly PortSecurity[] = [];

function indexOwners(ports: readonly PortSecurity[]): Owners {
  const hosts = { 4: new Map<bigint, PortSecurity[]>(), 6: new Map<bigint, PortSecurity[]>() };
  const wide: { readonly port: PortSecurity; readonly prefixes: readonly Cidr[] }[] = [];
  for (const port of ports) {
    const prefixes: Cidr[] = [];
    for (const { prefix } of port.pairs) {
      if (!isHost(prefix)) prefixes.push(prefix);
      else {
        const here = hosts[prefix.version].get(prefix.network) ?? [];
        hosts[prefix.version].set(prefix.network, here);
        if (here.at(-1) !== port) here.push(port);
      }
    }
    if (port.anyAddress || prefixes.length > 0) wide.push({ port, prefixes });
  }
  const exactly = (ip: Ip): readonly PortSecurity[] => hosts[ip.version].get(ip.value) ?? nobody;
  const byPrefix = (ip: Ip): PortSecurity[] =>
    wide.flatMap(({ port, prefixes }) => (port.anyAddress || prefixes.some(p => contains(p, ip)) ? [port] : []));
  return { exactly, maybe: ip => [...new Set([...exactly(ip), ...byPrefix(ip)])] };
}

/** An address that no port here has, at both ends: left over from a port, or an address, that is gone. */
function unowned(flow: TrackedFlow, src: Ip, dst: Ip, view: FlowView): boolean {
  const owned = (ip: Ip, text: string | undefined): boolean =>
    (text !== undefined && view.openAddresses.has(text)) || ownersIn(view).maybe(ip).length > 0;
  return !owned(src, flow.src) && !owned(dst, flow.dst);
}

function permits(r: Rule, flow: TrackedFlow, direction: Rule['direction'], other: Ip, view: Pick<FlowView, 'isMember'>, own: Ip): boolean {
  if (r.direction !== direction || r.family !== flow.family) return false;
  const [source, dest] = direction === 'egress' ? [own, other] : [other, own];
  if (r.source && !contains(r.source, source)) return false;
  if (r.dest && !contains(r.dest, dest)) return false;
  if (r.remoteGroup !== undefined && !view.isMember(r.remoteGroup, other)) return false;
  if (r.protocol !== undefined && r.protocol !== number(flow)) return false;
  if (!inRange(r.sourcePorts, flow.srcPort) || !inRange(r.destPorts, flow.dstPort)) return false;
  if (r.icmp && (r.icmp.type !== flow.icmpType || (r.icmp.code !== undefined && r.icmp.code !== flow.icmpCode))) return false;
  return true;
}

/** Whether one of the rules lets the port begin (egress) or take (ingress) the connection. */
export function isPermitted(
  rules: readonly Rule[],
  flow: TrackedFlow,
  direction: Rule['direction'],
  isMember: FlowView['isMember'],
): boolean {
  const [src, dst] = [flow.src, flow.dst].map(text => (text === undefined ? undefined : parseIp(text)));
  if (!src || !dst) return false;
  const [own, other] = direction === 'egress' ? [src, dst] : [dst, src];
  return rules.some(r => permits(r, flow, direction, other, { isMember }, own));
}

const inRange = (range: PortRange | undefined, port: number | undefined): boolean =>
  range === undefined || (port !== undefined && port >= range.min && port <= range.max);

function number(flow: TrackedFlow): number | undefined {
  const name = flow.protocol?.toLowerCase();
  if (name === undefined) return undefined;
  return protocols[name] ?? (/^[0-9]{1,3}$/.test(name) ? Number(name) : undefined);
}

/** Both directions of a TCP connection at one tap: packets that come from the port, and packets that go to it. */
function cutsOf(flow: TrackedFlow, { device, began }: Side): Cut[] {
  const { family, src, dst, srcPort, dstPort } = flow;
  if (src === undefined || dst === undefined || srcPort === undefined || dstPort === undefined) return [];
  const there = { family, device, began, src, srcPort, dst, dstPort };
  const back = { family, device, began, src: dst, srcPort: dstPort, dst: src, dstPort: srcPort };
  return began === 'egress'
    ? [
        { ...there, way: 'from' },
        { ...back, way: 'to' },
      ]
    : [
        { ...back, way: 'from' },
        { ...there, way: 'to' },
      ];
}

/** Whether a cut is still called for: its port is here and would still deny the connection. */
export function stillDenied(cut: Cut, view: FlowView): boolean {
  const { family, src, srcPort, dst, dstPort } = cut;
  const asSent = (cut.way === 'from') === (cut.began === 'egress');
  const flow = asSent ? { src, srcPort, dst, dstPort } : { src: dst, srcPort: dstPort, dst: src, dstPort: srcPort };
  return judgeFlows([{ family, protocol: 'tcp', ...flow }], view).cut.some(c => c.device === cut.device && c.began === cut.began);
}
