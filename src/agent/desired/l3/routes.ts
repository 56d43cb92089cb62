// The routes of a router beside those that its addresses bring along.
import { type Cidr, contains, formatCidr, parseCidr } from '../../../domain/net/cidr.ts';
import { parseIp } from '../../../domain/net/ip.ts';
import { isLinkLocal } from '../../../domain/net/well-known.ts';
import { gatewayDevice, internalDevice } from './names.ts';
import type { WantedRoute } from './state.ts';
import type { Family, RouterPort, RouterView, SubnetView } from './view.ts';

interface Wanted {
  readonly routes: readonly WantedRoute[];
  readonly complaints: readonly string[];
}

/** `accept_ra` of the gateway device makes the IPv6 default route where the server names no gateway. */
export function routesOf(router: RouterView): Wanted {
  const complaints: string[] = [];
  const routes = new Map<string, WantedRoute>();
  const take = (route: WantedRoute): void => {
    const key = `${route.family} ${route.dst}`;
    if (!routes.has(key)) routes.set(key, route);
    else if (routes.get(key)?.via !== route.via) complaints.push(`a second route to ${route.dst} is not realised`);
  };
  const { gateway } = router;
  if (gateway) {
    const dev = gatewayDevice(gateway.id);
    for (const subnet of gateway.extraSubnets) take({ family: subnet.family, dst: subnet.cidr, dev });
  }
  // An extra route to everywhere stands above the gateway's, as the API's user asked for it.
  const onlink = onlinkDevices(router);
  for (const { family, destination, nexthop } of router.routes) {
    const dev = deviceTowards(onlink, nexthop);
    if (onlink.some(o => formatCidr(o.net) === destination)) complaints.push(`${destination} is on the router's own link: no extra route`);
    else if (isOwnAddress(router, nexthop)) complaints.push(`the next hop ${nexthop} of ${destination} is the router itself`);
    else if (dev === undefined) complaints.push(`the next hop ${nexthop} of ${destination} is on none of the router's subnets`);
    else take({ family, dst: isEverywhere(destination) ? 'default' : destination, dev, via: nexthop });
  }
  for (const route of gateway ? defaultRoutes(gateway) : []) if (!routes.has(`${route.family} ${route.dst}`)) take(route);
  return { routes: [...routes.values()], complaints };
}

const isEverywhere = (cidr: string): boolean => cidr === '0.0.0.0/0' || cidr === '::/0';

/** The first subnet of each family that has a gateway; a gateway outside its subnet, and not link-local, needs a route of its own. */
function defaultRoutes(gateway: RouterPort): WantedRoute[] {
  const dev = gatewayDevice(gateway.id);
  return ([4, 6] as const).flatMap(family => {
    const subnet = defaultSubnet(gateway, family);
    const via = subnet?.gatewayIp;
    if (!subnet || via === undefined) return [];
    const toGateway = isReachable(subnet, via) ? [] : [{ family, dst: `${via}/${family === 4 ? 32 : 128}`, dev }];
    return [...toGateway, { family, dst: 'default', dev, via }];
  });
}

function defaultSubnet(gateway: RouterPort, family: Family): SubnetView | undefined {
  if (!gateway.fixedIps.some(f => f.family === family)) return undefined;
  return gateway.subnets.find(s => s.family === family && s.gatewayIp !== undefined);
}

/** False when the IPv6 default route has to be learnt from advertisements on the gateway's network. */
export function hasIpv6Gateway(gateway: RouterPort): boolean {
  return defaultSubnet(gateway, 6) !== undefined;
}

const isOwnAddress = (router: RouterView, ip: string): boolean =>
  [...router.interfaces, ...(router.gateway ? [router.gateway] : [])].some(p => p.fixedIps.some(f => f.ip === ip));

function isReachable(subnet: SubnetView, address: string): boolean {
  const net = parseCidr(subnet.cidr);
  const ip = parseIp(address);
  return net !== undefined && ip !== undefined && (contains(net, ip) || (ip.version === 6 && isLinkLocal(ip)));
}

function onlinkDevices(router: RouterView): { readonly net: Cidr; readonly dev: string }[] {
  const of = (dev: string, cidrs: readonly string[]) =>
    cidrs.flatMap(cidr => {
      const net = parseCidr(cidr);
      return net ? [{ net, dev }] : [];
    });
  const own = (port: RouterPort): string[] => port.fixedIps.map(f => f.cidr);
  return [
    ...router.interfaces.flatMap(p => of(internalDevice(p.id), own(p))),
    ...(router.gateway
      ? of(gatewayDevice(router.gateway.id), [...own(router.gateway), ...router.gateway.extraSubnets.map(s => s.cidr)])
      : []),
  ];
}

/** The device with the longest prefix that holds the address. */
function deviceTowards(onlink: readonly { readonly net: Cidr; readonly dev: string }[], address: string): string | undefined {
  const ip = parseIp(address);
  if (!ip) return undefined;
  return onlink.filter(o => contains(o.net, ip)).sort((a, b) => b.net.prefix - a.net.prefix)[0]?.dev;
}
