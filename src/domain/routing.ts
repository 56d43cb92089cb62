// Routers and floating IPs as rules over plain values: what may be attached, which routes hold, which address a floating IP stands for.
import type { Route } from '../model/ext/router-modes.ts';
import type { FixedIp } from '../model/port.ts';
import { apiError, badRequest } from './errors.ts';
import { pyRepr } from './input/python.ts';
import { isProvisional } from './ipam/delegation.ts';
import { cidrsOverlap, contains, parseCidr } from './net/cidr.ts';
import { parseIp } from './net/ip.ts';

export interface RoutedSubnet {
  readonly id: string;
  readonly cidr: string;
  readonly ip_version: number;
  readonly gateway_ip: string | null;
  readonly ipv6_ra_mode: string | null;
  readonly ipv6_address_mode: string | null;
}

/** A subnet that is to be attached by its id: the router takes the gateway's address. */
export function checkBySubnet(subnet: RoutedSubnet): string {
  if (subnet.gateway_ip === null) throw badRequest('router', 'Subnet for router interface must have a gateway IP');
  if (subnet.ip_version === 6 && subnet.ipv6_ra_mode === null && subnet.ipv6_address_mode !== null) {
    throw badRequest(
      'router',
      `IPv6 subnet ${subnet.id} configured to receive RAs from an external router cannot be added to Neutron Router`,
    );
  }
  return subnet.gateway_ip;
}

export interface AttachablePort {
  readonly id: string;
  readonly network_id: string;
  readonly device_id: string;
  readonly fixed_ips: readonly FixedIp[];
}

/** A port that is to become an interface: nobody's yet, with addresses, of at most one IPv4 subnet. */
export function checkByPort(port: AttachablePort): void {
  if (port.device_id !== '') throw apiError('PortInUse', { port_id: port.id, net_id: port.network_id, device_id: port.device_id });
  if (port.fixed_ips.length === 0) throw badRequest('router', 'Router port must have at least one fixed IP');
  if (port.fixed_ips.filter(f => parseIp(f.ip_address)?.version === 4).length > 1) {
    throw badRequest('router', 'Cannot have multiple IPv4 subnets on router port');
  }
}

/** No subnet twice, and no two that overlap. `attached` are the subnets of all the router's ports, the gateway's included. */
export function checkAttach(
  added: readonly Pick<RoutedSubnet, 'id' | 'cidr'>[],
  attached: readonly Pick<RoutedSubnet, 'id' | 'cidr'>[],
): void {
  for (const subnet of added) {
    if (attached.some(a => a.id === subnet.id)) throw badRequest('router', `Router already has a port on subnet ${subnet.id}`);
  }
  for (const other of attached) {
    const subnet = added.find(s => !isProvisional(s.cidr) && cidrsOverlap(s.cidr, other.cidr));
    if (subnet) {
      throw badRequest('router', `Cidr ${subnet.cidr} of subnet ${subnet.id} overlaps with cidr ${other.cidr} of subnet ${other.id}`);
    }
  }
}

export interface RouteScene {
  readonly router_id: string;
  readonly max_routes: number;
  /** Prefixes of the subnets that the router has a port on. */
  readonly cidrs: readonly string[];
  /** The router's own addresses, canonical. */
  readonly own: readonly string[];
}

/** Next hops are neighbours: on a connected subnet, and not the router itself. */
export function checkRoutes(routes: readonly Route[], scene: RouteScene): void {
  if (routes.length > scene.max_routes) throw apiError('RoutesExhausted', { router_id: scene.router_id, quota: scene.max_routes });
  const nets = scene.cidrs.flatMap(c => parseCidr(c) ?? []);
  const own = new Set(scene.own);
  for (const { nexthop } of routes) {
    const ip = parseIp(nexthop);
    const refuse = (reason: string): never => {
      throw apiError('InvalidRoutes', { routes: pyRepr(routes), reason });
    };
    if (!ip || !nets.some(n => contains(n, ip))) refuse('the nexthop is not connected with router');
    if (own.has(nexthop)) refuse('the nexthop is used by router');
  }
}

const routeKey = (r: Route): string => `${r.destination} ${r.nexthop}`;

/** add_extraroutes: routes that are there already are no error. */
export function addRoutes(now: readonly Route[], added: readonly Route[]): Route[] {
  return [...new Map([...now, ...added].map(r => [routeKey(r), { destination: r.destination, nexthop: r.nexthop }])).values()];
}

/** remove_extraroutes: routes that are not there are no error. */
export function removeRoutes(now: readonly Route[], removed: readonly Route[]): Route[] {
  const gone = new Set(removed.map(routeKey));
  return now.filter(r => !gone.has(routeKey(r)));
}

/** Whether a route goes through this subnet, so that its interface must stay. */
export function routeNeeds(routes: readonly Route[], cidr: string): boolean {
  const net = parseCidr(cidr);
  return routes.some(r => {
    const ip = parseIp(r.nexthop);
    return net !== undefined && ip !== undefined && contains(net, ip);
  });
}

/** The fixed address that a floating IP is to stand for: the one asked for, or the port's only IPv4 address. */
export function floatingTarget(
  port: { readonly id: string; readonly fixed_ips: readonly FixedIp[] },
  asked: string | null | undefined,
): FixedIp {
  const isIpv4 = (ip: string): boolean => parseIp(ip)?.version === 4;
  if (asked) {
    if (!isIpv4(asked))
      throw badRequest('floatingip', `Cannot process floating IP association with ${asked}, since that is not an IPv4 address`);
    const found = port.fixed_ips.find(f => f.ip_address === asked);
    if (!found) throw badRequest('floatingip', `Port ${port.id} does not have fixed ip ${asked}`);
    return found;
  }
  const [first, second] = port.fixed_ips.filter(f => isIpv4(f.ip_address));
  if (!first) throw badRequest('floatingip', `Cannot add floating IP to port ${port.id} that has no fixed IPv4 addresses`);
  if (second) {
    throw badRequest(
      'floatingip',
      `Port ${port.id} has multiple fixed IPv4 addresses.  Must provide a specific IPv4 address when assigning a floating IP`,
    );
  }
  return first;
}

/** A router with a port on the inner subnet. */
export interface RouterLink {
  readonly router_id: string;
  /** Networks of the router's gateways. */
  readonly external_network_ids: readonly string[];
  /** The router's addresses on the inner subnet. */
  readonly inner: readonly string[];
}

/** The router that leads from a port's subnet to the external network; the one that is the subnet's gateway goes first. */
export function floatingRouter(
  links: readonly RouterLink[],
  from: { readonly subnet_id: string; readonly gateway_ip: string | null; readonly port_id: string; readonly external_network_id: string },
): string {
  const reaching = links.filter(l => l.external_network_ids.includes(from.external_network_id));
  const found = reaching.find(l => from.gateway_ip !== null && l.inner.includes(from.gateway_ip)) ?? reaching[0];
  if (found) return found.router_id;
  const { external_network_id, subnet_id, port_id } = from;
  throw apiError('ExternalGatewayForFloatingIPNotFound', { external_network_id, subnet_id, port_id });
}
