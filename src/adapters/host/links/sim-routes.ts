// Routes of a simulated namespace: replaced and deleted under the kernel's conditions.
import type { Route } from '../../../contracts/host/links.ts';
import { contains, formatCidr, formatCidrText, parseCidr, parseIpPrefix } from '../../../domain/net/cidr.ts';
import { canonicalIp, parseIp } from '../../../domain/net/ip.ts';
import type { SimNet } from './sim-net.ts';
import { Refused } from './sim-refused.ts';

/** With what the kernel fills in. */
function complete(net: SimNet, route: Route): Route {
  const prefix = route.dst === 'default' ? undefined : parseIpPrefix(route.dst);
  if (prefix && formatCidr(prefix) !== formatCidrText(prefix)) throw new Refused('Error: Invalid prefix for given prefix length.');
  const dev = route.dev ?? (route.via === undefined ? undefined : devToward(net, route));
  return {
    ...route,
    dst: prefix && prefix.prefix > 0 ? formatCidr(prefix) : 'default',
    table: route.table === 254 ? 'main' : (route.table ?? 'main'),
    proto: route.proto ?? 'boot',
    scope: route.scope ?? (route.via === undefined && route.family === 4 ? 'link' : 'global'),
    ...(route.via === undefined ? {} : { via: canonicalIp(route.via) ?? route.via }),
    ...(dev === undefined ? {} : { dev }),
    ...(route.metric === undefined && route.family === 6 ? { metric: 1024 } : {}),
  };
}

const sameRoute = (a: Route, b: Route): boolean =>
  a.family === b.family && a.dst === b.dst && a.table === b.table && (a.metric ?? 0) === (b.metric ?? 0);

export function replaceRoute(net: SimNet, wanted: Route): void {
  if (wanted.dev !== undefined && !net.link(wanted.dev)) throw new Refused(`Cannot find device "${wanted.dev}"`);
  const route = complete(net, wanted);
  check(net, route);
  const at = net.routes.findIndex(r => sameRoute(r, route));
  if (at < 0) net.routes.push(route);
  else net.routes[at] = route;
}

function check(net: SimNet, route: Route): void {
  const v4 = route.family === 4;
  const dev = route.dev === undefined ? undefined : net.link(route.dev);
  const linkLocal = route.via?.startsWith('fe80:') && route.dev !== undefined;
  if (route.via !== undefined && !route.onlink && !linkLocal && devToward(net, route) === undefined) {
    throw new Refused(v4 ? 'Error: Nexthop has invalid gateway.' : 'RTNETLINK answers: No route to host');
  }
  if (!dev) throw new Refused('RTNETLINK answers: No such device');
  if (!dev.up) throw new Refused(v4 ? 'Error: Device for nexthop is not up.' : 'RTNETLINK answers: Network is down');
  if (!v4 && net.ipv6Off(dev.name)) throw new Refused('Error: IPv6 is disabled on nexthop device.');
  if (route.src !== undefined && !ownAddress(net, route.src)) throw new Refused('Error: Invalid prefsrc address.');
}

/** The device on whose link the gateway is: by a connected prefix, or by a route without a gateway. */
function devToward(net: SimNet, route: Route): string | undefined {
  const gateway = parseIp(route.via ?? '');
  if (!gateway) return undefined;
  const onLink = net.routes.flatMap(r => {
    const prefix = parseCidr(r.dst);
    return r.via === undefined && prefix && r.dev !== undefined ? [{ prefix, dev: r.dev }] : [];
  });
  const reach = [...net.connected(gateway.version), ...onLink].filter(c => route.dev === undefined || c.dev === route.dev);
  return reach.find(c => contains(c.prefix, gateway))?.dev;
}

const ownAddress = (net: SimNet, ip: string): boolean =>
  [...net.links.values()].some(l => l.addresses.some(a => a.cidr.split('/')[0] === canonicalIp(ip)));

/** What is not said matches anything, but for the table. */
export function delRoute(net: SimNet, wanted: Route): void {
  if (wanted.dev !== undefined && !net.link(wanted.dev)) throw new Refused(`Cannot find device "${wanted.dev}"`);
  const want = complete(net, wanted);
  const fits = (r: Route): boolean =>
    r.family === want.family &&
    r.dst === want.dst &&
    r.table === want.table &&
    (wanted.via === undefined || r.via === want.via) &&
    (wanted.dev === undefined || r.dev === want.dev) &&
    (wanted.metric === undefined || (r.metric ?? 0) === wanted.metric) &&
    (wanted.proto === undefined || r.proto === wanted.proto);
  const at = net.routes.findIndex(fits);
  if (at < 0) throw new Refused('RTNETLINK answers: No such process');
  net.routes.splice(at, 1);
}
