// Which addresses a port gets: what a request (or its absence) means on the subnets of its network.
import type { FixedIp } from '../../model/port.ts';
import { apiError, invalidInput } from '../errors.ts';
import { cidrContainsIp, lastOf, parseCidr } from '../net/cidr.ts';
import { formatIp, parseIp } from '../net/ip.ts';
import { eui64 } from '../net/mac.ts';
import { isAutoAddress, type Modes } from './modes.ts';
import { isRouterInterface, isRouterInterfaceOrSnat, isRouterPort } from './owners.ts';

export interface RequestedIp {
  readonly subnet_id?: string | undefined;
  readonly ip_address?: string | undefined;
}

export interface CandidateSubnet extends Modes {
  readonly id: string;
  readonly cidr: string;
  readonly enable_dhcp: boolean;
  readonly service_types?: readonly string[] | null | undefined;
}

/** What is known of addresses in use. */
export interface Addresses {
  /** A free address of the subnet's pools besides these, or undefined when there is none. */
  free(subnet_id: string, besides: ReadonlySet<string>): string | undefined;
  taken(subnet_id: string, ip_address: string): boolean;
}

export interface AddressRequest {
  readonly network_id: string;
  /** undefined: automatic; []: only automatic IPv6 addresses. */
  readonly fixed_ips: readonly RequestedIp[] | undefined;
  /** All subnets of the network that this port may use (of its segment, where networks are routed). */
  readonly subnets: readonly CandidateSubnet[];
  readonly mac_address: string;
  readonly device_owner: string;
  readonly addresses: Addresses;
}

/** Subnets that serve this kind of port, those that name it first. */
export function eligible(subnets: readonly CandidateSubnet[], device_owner: string, network_id: string): readonly CandidateSubnet[] {
  const named = (s: CandidateSubnet): boolean => (s.service_types?.length ?? 0) > 0;
  const serves = (s: CandidateSubnet): boolean =>
    !named(s) || s.service_types!.includes(device_owner) || (device_owner === 'network:dhcp' && s.enable_dhcp);
  const found = subnets.filter(serves);
  if (found.length === 0 && subnets.length > 0) {
    throw apiError('IpAddressGenerationFailureNoMatchingSubnet', { network_id, service_type: device_owner });
  }
  return [...found.filter(named), ...found.filter(s => !named(s))];
}

/** Inside, and not a network or broadcast address; IPv6 routers may have the network (anycast) address. */
export function fitsSubnet(cidrText: string, ip_address: string, device_owner: string): boolean {
  const cidr = parseCidr(cidrText);
  const ip = parseIp(ip_address);
  if (!cidr || !ip || !cidrContainsIp(cidrText, ip_address)) return false;
  if (cidr.version === 6) return ip.value !== cidr.network || device_owner === '' || isRouterPort(device_owner) || cidr.prefix === 128;
  return cidr.prefix > 30 || (ip.value !== cidr.network && ip.value !== lastOf(cidr));
}

/** The address that stateless configuration gives to this MAC. */
export function autoAddress(subnet: { readonly cidr: string }, mac_address: string): string | undefined {
  const cidr = parseCidr(subnet.cidr);
  const value = cidr && eui64(cidr, mac_address);
  return value === undefined ? undefined : formatIp({ version: 6, value });
}

/** What is to be done for one address: take this one, or any of the first of these subnets that has one. */
type Need = { readonly take: FixedIp } | { readonly oneOf: readonly CandidateSubnet[] };

/** Told before anything about the subnets that were named. */
export const noSubnets = (): Error => invalidInput('IP allocation requires subnets for network');

function subnetFor(fixed: RequestedIp, request: AddressRequest, subnets: readonly CandidateSubnet[]): CandidateSubnet {
  if (subnets.length === 0) throw noSubnets();
  const { ip_address, subnet_id } = fixed;
  if (subnet_id !== undefined) {
    const subnet = subnets.find(s => s.id === subnet_id);
    if (!subnet) {
      throw invalidInput(`Failed to create port on network ${request.network_id}, because fixed_ips included invalid subnet ${subnet_id}`);
    }
    if (ip_address !== undefined && !fitsSubnet(subnet.cidr, ip_address, request.device_owner)) {
      throw apiError('InvalidIpForSubnet', { ip_address });
    }
    return subnet;
  }
  if (ip_address === undefined) throw invalidInput('IP allocation requires subnet_id or ip_address');
  const subnet = subnets.find(s => fitsSubnet(s.cidr, ip_address, request.device_owner));
  if (!subnet) throw apiError('InvalidIpForNetwork', { ip_address });
  return subnet;
}

/** The needs of what was asked for explicitly; automatic subnets without an address are served with all the others of their kind. */
function requestedNeeds(fixed: readonly RequestedIp[], request: AddressRequest, subnets: readonly CandidateSubnet[]): Need[] {
  return fixed.flatMap<Need>(one => {
    const subnet = subnetFor(one, request, subnets);
    const auto = isAutoAddress(subnet);
    if (one.ip_address === undefined) {
      return auto && !isRouterInterfaceOrSnat(request.device_owner) ? [] : [{ oneOf: [subnet] }];
    }
    if (auto && !isRouterInterface(request.device_owner)) {
      if (one.ip_address === autoAddress(subnet, request.mac_address)) return [];
      throw apiError('AllocationOnAutoAddressSubnet', { ip: one.ip_address, subnet_id: subnet.id });
    }
    return [{ take: { subnet_id: subnet.id, ip_address: one.ip_address } }];
  });
}

function autoNeeds(request: AddressRequest, subnets: readonly CandidateSubnet[], besides: ReadonlySet<string>): Need[] {
  if (isRouterInterfaceOrSnat(request.device_owner)) return [];
  return subnets
    .filter(s => isAutoAddress(s) && !besides.has(s.id))
    .flatMap<Need>(s => {
      const ip_address = autoAddress(s, request.mac_address);
      return ip_address === undefined ? [] : [{ take: { subnet_id: s.id, ip_address } }];
    });
}

/** One IPv4 address and one of the IPv6 subnets that IPAM hands out of. */
function defaultNeeds(subnets: readonly CandidateSubnet[]): Need[] {
  const plain = [subnets.filter(s => s.ip_version === 4), subnets.filter(s => s.ip_version === 6 && !isAutoAddress(s))];
  return plain.filter(group => group.length > 0).map(oneOf => ({ oneOf }));
}

function fulfil(needs: readonly Need[], request: AddressRequest): FixedIp[] {
  const chosen: FixedIp[] = [];
  const besides = new Set<string>();
  // Subnets that wait for a prefix may give a port the same address each.
  const named = new Set<string>();
  const add = (ip: FixedIp): void => {
    chosen.push(ip);
    besides.add(ip.ip_address);
  };
  // Explicit addresses first, so that a free one is never one that is asked for by name.
  for (const need of needs) {
    if (!('take' in need)) continue;
    const { subnet_id, ip_address } = need.take;
    const key = `${subnet_id} ${ip_address}`;
    if (request.addresses.taken(subnet_id, ip_address) || named.has(key)) {
      throw apiError('IpAddressAlreadyAllocated', { ip: ip_address, subnet_id });
    }
    named.add(key);
    besides.add(ip_address);
  }
  for (const need of needs) add('take' in need ? need.take : firstFree(need.oneOf, request, besides));
  return chosen;
}

function firstFree(subnets: readonly CandidateSubnet[], request: AddressRequest, besides: ReadonlySet<string>): FixedIp {
  for (const subnet of subnets) {
    const ip_address = request.addresses.free(subnet.id, besides);
    if (ip_address !== undefined) return { subnet_id: subnet.id, ip_address };
  }
  throw apiError('IpAddressGenerationFailure', { net_id: request.network_id });
}

/** The addresses of a new port. */
export function choosePortAddresses(request: AddressRequest): FixedIp[] {
  const subnets = eligible(request.subnets, request.device_owner, request.network_id);
  const needs = request.fixed_ips ? requestedNeeds(request.fixed_ips, request, subnets) : defaultNeeds(subnets);
  return fulfil([...needs, ...autoNeeds(request, subnets, new Set())], request);
}

export interface AddressChange {
  readonly keep: readonly FixedIp[];
  readonly add: readonly FixedIp[];
  readonly remove: readonly FixedIp[];
}

export interface AddressUpdate extends AddressRequest {
  readonly fixed_ips: readonly RequestedIp[];
  /** The port's present addresses. */
  readonly current: readonly FixedIp[];
}

interface Matched {
  readonly keep: FixedIp[];
  readonly fresh: RequestedIp[];
  readonly left: FixedIp[];
}

/** Which of the present addresses the request means: by address first, then by subnet. */
function match(update: AddressUpdate): Matched {
  const left = new Set(update.current);
  const keep: FixedIp[] = [];
  const fresh: RequestedIp[] = [];
  const take = (ip: FixedIp): void => {
    left.delete(ip);
    keep.push(ip);
  };
  for (const wanted of update.fixed_ips) {
    if (wanted.ip_address === undefined) continue;
    const had = [...left].find(
      ip => ip.ip_address === wanted.ip_address && (wanted.subnet_id === undefined || wanted.subnet_id === ip.subnet_id),
    );
    if (had) take(had);
    else fresh.push(wanted);
  }
  for (const wanted of update.fixed_ips) {
    if (wanted.ip_address !== undefined) continue;
    const had = [...left].find(ip => ip.subnet_id === wanted.subnet_id);
    if (had) take(had);
    else fresh.push(wanted);
  }
  return { keep, fresh, left: [...left] };
}

/** PUT of fixed_ips (or of the MAC): the whole set is replaced, what stays the same stays allocated, automatic addresses follow the MAC. */
export function changePortAddresses(update: AddressUpdate): AddressChange {
  const byId = new Map(update.subnets.map(s => [s.id, s]));
  const auto = (subnet_id: string): boolean => {
    const subnet = byId.get(subnet_id);
    return subnet !== undefined && isAutoAddress(subnet) && !isRouterInterfaceOrSnat(update.device_owner);
  };
  const rightAuto = (ip: FixedIp): boolean => autoAddress(byId.get(ip.subnet_id)!, update.mac_address) === ip.ip_address;
  const found = match(update);
  const stale = (ip: FixedIp): boolean => auto(ip.subnet_id) && !rightAuto(ip);
  // An automatic address stays unless the MAC has moved on.
  const keep = [...found.keep, ...found.left.filter(ip => auto(ip.subnet_id))].filter(ip => !stale(ip));
  const remove = [...found.keep.filter(stale), ...found.left.filter(ip => !auto(ip.subnet_id) || stale(ip))];
  const fresh = found.fresh;
  const subnets = eligible(update.subnets, update.device_owner, update.network_id);
  const kept = new Set(keep.map(ip => ip.subnet_id));
  const own = new Set(update.current.map(ip => `${ip.subnet_id} ${ip.ip_address}`));
  const addresses: Addresses = {
    free: (subnet_id, besides) => update.addresses.free(subnet_id, new Set([...besides, ...keep.map(ip => ip.ip_address)])),
    taken: (subnet_id, ip) => update.addresses.taken(subnet_id, ip) && !own.has(`${subnet_id} ${ip}`),
  };
  const request = { ...update, addresses };
  const add = fulfil([...requestedNeeds(fresh, request, subnets), ...autoNeeds(request, subnets, kept)], request);
  return { keep, add, remove };
}
