// The rules of subnets: a request to create or change one becomes the values to store, or the refusal that Neutron gives.
import { apiError, badRequest, invalidInput } from '../errors.ts';
import { pyRepr } from '../input/python.ts';
import { type Cidr, cidrsOverlap, contains, formatCidr, lastOf, parseCidr, parseIpPrefix } from '../net/cidr.ts';
import { parseIp } from '../net/ip.ts';
import { isLoopback, isMulticast } from '../net/well-known.ts';
import { isProvisional } from './delegation.ts';
import { checkModes, checkModesOnUpdate } from './modes.ts';
import { checkGatewayOutOfPools, checkPools, defaultGateway, defaultPools, type Pool, poolsOf, rangesOf } from './pools.ts';

export interface HostRoute {
  readonly destination: string;
  readonly nexthop: string;
}

export interface SubnetLimits {
  readonly max_dns_nameservers: number;
  readonly max_subnet_host_routes: number;
}

export const subnetLimits: SubnetLimits = { max_dns_nameservers: 5, max_subnet_host_routes: 20 };

/** What a request for a new subnet says. `gateway_ip` undefined means the default, null means none. */
export interface NewSubnet {
  readonly network_id: string;
  readonly ip_version: number;
  readonly cidr: string;
  readonly gateway_ip?: string | null | undefined;
  readonly allocation_pools?: readonly Pool[] | null | undefined;
  readonly enable_dhcp: boolean;
  readonly ipv6_ra_mode?: string | null | undefined;
  readonly ipv6_address_mode?: string | null | undefined;
  readonly dns_nameservers?: readonly string[] | null | undefined;
  readonly host_routes?: readonly HostRoute[] | null | undefined;
}

export interface PlannedSubnet {
  readonly cidr: string;
  readonly gateway_ip: string | null;
  readonly allocation_pools: readonly Pool[];
}

function sameVersion(version: number, value: string, name: string): void {
  const parsed = parseIpPrefix(value);
  if (parsed?.version !== version) throw invalidInput(`${name} '${value}' does not match the ip_version '${version}'`);
}

function parsedCidr(text: string): Cidr {
  const cidr = parseCidr(text);
  if (!cidr) throw invalidInput(`${text} is not in a CIDR format`);
  return cidr;
}

/** DHCP needs room for a network, a broadcast and two hosts, and addresses that hosts can have. */
function checkDhcpPrefix(cidr: Cidr): void {
  if (cidr.prefix > (cidr.version === 4 ? 30 : 126)) {
    throw invalidInput('Subnet has a prefix length that is incompatible with DHCP service enabled');
  }
  const ip = { version: cidr.version, value: cidr.network };
  if (isMulticast(ip)) throw invalidInput('Multicast IP subnet is not supported if enable_dhcp is True');
  if (isLoopback(ip)) throw invalidInput('Loopback IP subnet is not supported if enable_dhcp is True');
  if (cidr.version === 4 && cidr.network === 0n)
    throw invalidInput("First IP '0.0.0.0' of network is not supported if enable_dhcp is True.");
}

/** A gateway may lie outside; inside, it may not be the IPv4 network or broadcast address. */
function checkGateway(cidr: Cidr, gateway: string): void {
  const ip = parseIp(gateway);
  if (ip?.version !== 4 || !contains(cidr, ip) || cidr.prefix > 30) return;
  if (ip.value === cidr.network || ip.value === lastOf(cidr)) throw invalidInput('Gateway is not valid on subnet');
}

interface Lists {
  readonly dns_nameservers?: readonly string[] | null | undefined;
  readonly host_routes?: readonly HostRoute[] | null | undefined;
}

function checkLists(version: number, lists: Lists, subnet_id: string, limits: SubnetLimits): void {
  const servers = lists.dns_nameservers ?? [];
  if (servers.length > limits.max_dns_nameservers) {
    throw apiError('DNSNameServersExhausted', { subnet_id, quota: limits.max_dns_nameservers });
  }
  for (const server of servers) {
    if (!parseIp(server)) throw invalidInput(`Error parsing dns address ${server}`);
    sameVersion(version, server, 'dns_nameserver');
  }
  const routes = lists.host_routes ?? [];
  if (routes.length > limits.max_subnet_host_routes) {
    throw apiError('HostRoutesExhausted', { subnet_id, quota: limits.max_subnet_host_routes });
  }
  for (const route of routes) checkHostRoute(version, route);
}

function checkHostRoute(version: number, route: HostRoute): void {
  if (!parseIpPrefix(route.destination) || !parseIp(route.nexthop)) throw invalidInput(`Invalid route: ${pyRepr(route)}`);
  sameVersion(version, route.nexthop, 'nexthop');
  sameVersion(version, route.destination, 'destination');
}

/** `cidrs` are those of the network's other subnets. */
export function checkOverlap(cidr: string, cidrs: readonly string[], network_id: string): void {
  if (parsedCidr(cidr).prefix === 0) throw invalidInput('0 is not allowed as CIDR prefix length');
  if (isProvisional(cidr)) return;
  if (cidrs.some(other => !isProvisional(other) && cidrsOverlap(cidr, other))) {
    throw invalidInput(`Requested subnet with cidr: ${cidr} for network: ${network_id} overlaps with another subnet`);
  }
}

/** Cidr, or prefix length of a pool, but not both and not neither. */
export function checkSource(request: {
  cidr?: unknown;
  prefixlen?: unknown;
  subnetpool_id?: unknown;
  use_default_subnetpool?: unknown;
}): void {
  const given = (value: unknown): boolean => value !== undefined && value !== null;
  if (given(request.cidr) && given(request.prefixlen)) throw badRequest('subnets', 'cidr and prefixlen must not be supplied together');
  if (given(request.subnetpool_id) && request.use_default_subnetpool === true) {
    throw badRequest('subnets', 'subnetpool_id and use_default_subnetpool cannot both be specified');
  }
  if (!given(request.cidr) && !given(request.subnetpool_id) && request.use_default_subnetpool !== true) {
    throw badRequest('subnets', 'a subnetpool must be specified in the absence of a cidr');
  }
}

/** What can be said without knowing the network: Neutron looks the network up only after that. */
export function checkNewSubnet(request: NewSubnet, limits: SubnetLimits = subnetLimits): void {
  const cidr = parsedCidr(request.cidr);
  sameVersion(request.ip_version, request.cidr, 'cidr');
  if (request.enable_dhcp) checkDhcpPrefix(cidr);
  if (request.gateway_ip) {
    sameVersion(request.ip_version, request.gateway_ip, 'gateway_ip');
    checkGateway(cidr, request.gateway_ip);
  }
  checkLists(request.ip_version, request, 'new subnet', limits);
  checkModes({ ...request, cidr: formatCidr(cidr) }, cidr.prefix);
}

/** The values to store; `others` are the cidrs of the network's other subnets. Calls `checkNewSubnet`. */
export function planSubnet(request: NewSubnet, others: readonly string[], limits: SubnetLimits = subnetLimits): PlannedSubnet {
  checkNewSubnet(request, limits);
  const cidr = parsedCidr(request.cidr);
  const gateway_ip = request.gateway_ip === undefined ? defaultGateway(cidr) : request.gateway_ip;
  const asked = request.allocation_pools?.length ? checkPools(cidr, request.allocation_pools) : undefined;
  if (asked) checkGatewayOutOfPools(cidr, gateway_ip, asked);
  const allocation_pools = asked ? poolsOf(cidr, asked) : defaultPools(cidr, gateway_ip);
  checkOverlap(formatCidr(cidr), others, request.network_id);
  return { cidr: formatCidr(cidr), gateway_ip, allocation_pools };
}

export interface StoredSubnet {
  readonly id: string;
  readonly ip_version: number;
  readonly cidr: string;
  readonly gateway_ip: string | null;
  readonly allocation_pools: readonly Pool[];
  readonly enable_dhcp: boolean;
  readonly ipv6_ra_mode: string | null;
  readonly ipv6_address_mode: string | null;
}

/** What a PUT may say; what is undefined stays. */
export interface SubnetChange extends Lists {
  readonly gateway_ip?: string | null | undefined;
  readonly allocation_pools?: readonly Pool[] | undefined;
  readonly enable_dhcp?: boolean | undefined;
}

/**
 * Refuses a bad change and answers gateway and pools as they will be. `gatewayPort` is the router port that has the present gateway
 * address, if there is one.
 */
export function planSubnetChange(
  current: StoredSubnet,
  change: SubnetChange,
  gatewayPort: string | undefined,
  limits: SubnetLimits = subnetLimits,
): { readonly gateway_ip: string | null; readonly allocation_pools: readonly Pool[] } {
  const cidr = parsedCidr(current.cidr);
  if (change.enable_dhcp === true && !current.enable_dhcp) checkDhcpPrefix(cidr);
  if (change.gateway_ip) {
    sameVersion(current.ip_version, change.gateway_ip, 'gateway_ip');
    checkGateway(cidr, change.gateway_ip);
  }
  const gateway_ip = change.gateway_ip === undefined ? current.gateway_ip : change.gateway_ip;
  if (gateway_ip !== current.gateway_ip && current.gateway_ip !== null && gatewayPort !== undefined) {
    throw apiError('GatewayIpInUse', { ip_address: current.gateway_ip, port_id: gatewayPort });
  }
  checkLists(current.ip_version, change, current.id, limits);
  checkModesOnUpdate(current, change.enable_dhcp);
  const asked = change.allocation_pools && checkPools(cidr, change.allocation_pools);
  if (asked || gateway_ip !== current.gateway_ip) checkGatewayOutOfPools(cidr, gateway_ip, asked ?? rangesOf(current.allocation_pools));
  return { gateway_ip, allocation_pools: asked ? poolsOf(cidr, asked) : current.allocation_pools };
}

const SERVICE_PREFIXES = ['network:', 'neutron:', 'compute:', 'baremetal:', 'trunk:', 'manila:'];

/** Service types are device owners. */
export function checkServiceTypes(types: readonly unknown[]): void {
  for (const type of types) {
    if (typeof type !== 'string') throw apiError('InvalidInputSubnetServiceType', { service_type: pyRepr(type) });
    if (!SERVICE_PREFIXES.some(p => type.startsWith(p))) throw apiError('InvalidSubnetServiceType', { service_type: type });
  }
}
