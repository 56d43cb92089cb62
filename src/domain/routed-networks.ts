// Rules of routed networks: which subnets a port may use, which segments subnets may be on, and their routes to each other.
import { apiError } from './errors.ts';
import { cidrContainsIp, parseCidr } from './net/cidr.ts';
import { formatIp } from './net/ip.ts';

export interface RoutedSubnet {
  readonly id: string;
  readonly cidr: string;
  readonly segment_id: string | null;
}

interface Asked {
  readonly subnet_id?: string | undefined;
  readonly ip_address?: string | undefined;
}

export interface RoutedRequest<S extends RoutedSubnet> {
  readonly network_id: string;
  readonly subnets: readonly S[];
  /** Empty: not known. */
  readonly host: string;
  /** Segments of the network that the host is connected to. */
  readonly reached: readonly string[];
  readonly fixed_ips: readonly Asked[] | undefined;
}

/** The subnets that count for a port. `waits`: there are some, once its host is known. */
export function subnetsFor<S extends RoutedSubnet>(request: RoutedRequest<S>): { readonly subnets: readonly S[]; readonly waits: boolean } {
  const { subnets, host, reached, network_id, fixed_ips } = request;
  if (subnets.every(s => s.segment_id === null)) return { subnets, waits: false };
  if (host === '') {
    if (fixed_ips && fixed_ips.length > 0) return { subnets: onOneSegment(subnets, fixed_ips), waits: false };
    const anywhere = subnets.filter(s => s.segment_id === null);
    return { subnets: anywhere, waits: anywhere.length === 0 && fixed_ips === undefined };
  }
  const there = subnets.filter(s => s.segment_id === null || reached.includes(s.segment_id));
  const segments = new Set(there.flatMap(s => s.segment_id ?? []));
  if (segments.size > 1) throw apiError('HostConnectedToMultipleSegments', { host, network_id });
  if (there.length === 0) throw apiError('HostNotConnectedToAnySegment', { host, network_id });
  return { subnets: there, waits: false };
}

/** Addresses that are asked for before the host is known say on which segment it has to be. */
function onOneSegment<S extends RoutedSubnet>(subnets: readonly S[], fixed_ips: readonly Asked[]): readonly S[] {
  const named = fixed_ips.map(f =>
    subnets.find(s => (f.subnet_id === undefined ? cidrContainsIp(s.cidr, f.ip_address ?? '') : s.id === f.subnet_id)),
  );
  // What fits nowhere is refused with the addresses themselves.
  if (named.some(s => s === undefined)) return subnets;
  const segments = new Set(named.map(s => s?.segment_id ?? null));
  if (segments.size > 1) throw apiError('FixedIpsSubnetsNotOnSameSegment');
  return subnets.filter(s => segments.has(s.segment_id));
}

export interface Placement {
  readonly network_id: string;
  /** The other subnets of the network, besides those for routers alone. */
  readonly others: readonly { readonly segment_id: string | null }[];
  readonly segments: readonly { readonly id: string; readonly is_dynamic: boolean }[];
}

/** All subnets of a network are on segments, or none is. */
export function checkNewPlace({ network_id, others }: Placement, segment_id: string | null): void {
  const mixed = new Set([...others.map(o => o.segment_id === null), segment_id === null]).size > 1;
  if (mixed) throw apiError('SubnetsNotAllAssociatedWithSegments', { network_id });
}

/** Only the one subnet of a network of one segment can be put on it. */
export function checkPlaceChange({ network_id, others, segments }: Placement, now: string | null, segment_id: string | null): void {
  if (now === segment_id) return;
  if (others.length > 0) throw apiError('SubnetsNotAllAssociatedWithSegments', { network_id });
  if (now !== null) throw apiError('SubnetSegmentAssociationChangeNotAllowed');
  if (segments.length > 1) throw apiError('NoUpdateSubnetWhenMultipleSegmentsOnNetwork', { network_id });
}

export interface Route {
  readonly destination: string;
  readonly nexthop: string;
}

export interface PeerRoutes {
  readonly routes: readonly Route[];
  readonly gateway_ip: string | null;
  /** Prefixes on the other segments. */
  readonly peers: readonly string[];
  /** A gateway that was; routes through it go. */
  readonly gatewayBefore?: string | null;
  /** A prefix that is gone. */
  readonly gone?: string;
}

/** Host routes of a subnet with those to its peers, unless a route leads there already. */
export function withPeers({ routes, gateway_ip, peers, gatewayBefore, gone }: PeerRoutes): Route[] {
  const stale = (r: Route): boolean =>
    (gone !== undefined && r.destination === gone && r.nexthop === gateway_ip) ||
    (!!gatewayBefore && gatewayBefore !== gateway_ip && r.nexthop === gatewayBefore && peers.includes(r.destination));
  const out = routes.filter(r => !stale(r));
  if (!gateway_ip) return out;
  const given = out.map(r => r.destination);
  for (const cidr of peers) if (!given.some(d => covers(d, cidr))) out.push({ destination: cidr, nexthop: gateway_ip });
  return out;
}

function covers(outer: string, inner: string): boolean {
  const [a, b] = [parseCidr(outer), parseCidr(inner)];
  return (
    !!a &&
    !!b &&
    a.version === b.version &&
    a.prefix <= b.prefix &&
    cidrContainsIp(outer, formatIp({ version: b.version, value: b.network }))
  );
}
