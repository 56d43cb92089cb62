// The options that dnsmasq hands out: per subnet from its attributes, per port from its extra options.

import { judgeOptions } from './extra-options.ts';
import { needsEntry, portTag } from './hosts.ts';
import { isDomainName } from './names.ts';
import { allSubnets, isolatedSubnetIds, type MetadataSwitches } from './subnets.ts';
import type { DhcpNetwork, DhcpSubnet, FixedIp } from './wire.ts';

/** A line of the options file. An option without values tells dnsmasq to send none. */
export interface OptionEntry {
  readonly tags: readonly string[];
  readonly family: 4 | 6;
  /** dnsmasq's name or a number. */
  readonly option: string;
  readonly values: readonly string[];
}

export interface OptionSettings extends MetadataSwitches {
  readonly dnsDomain: string;
}

export const METADATA_IPV4 = '169.254.169.254';
export const METADATA_IPV6 = 'fe80::a9fe:a9fe';
const ANY_IPV4 = '0.0.0.0/0';

export const subnetTag = (subnet: { readonly id: string }): string => `subnet-${subnet.id}`;

export interface Options {
  readonly options: readonly OptionEntry[];
  readonly warnings: readonly string[];
}

/** `own` are the addresses of our own DHCP port. */
export function optionsOf(network: DhcpNetwork, own: readonly FixedIp[], settings: OptionSettings): Options {
  const warnings: string[] = [];
  const options: OptionEntry[] = [];
  for (const subnet of allSubnets(network)) {
    if (subnet.ip_version === 6 && subnet.ipv6_address_mode === 'slaac') continue;
    options.push(...subnetOptions(network, subnet, own, settings));
  }
  for (const port of network.ports) {
    if (!needsEntry(port)) continue;
    const judged = judgeOptions(port);
    warnings.push(...judged.warnings);
    for (const { family, tags, option, values } of judged.options) options.push({ tags: [portTag(port), ...tags], family, option, values });
  }
  options.push(...sharedNameservers(network));
  return { options, warnings };
}

function subnetOptions(network: DhcpNetwork, subnet: DhcpSubnet, own: readonly FixedIp[], settings: OptionSettings): OptionEntry[] {
  const out: OptionEntry[] = [];
  const add = (option: string, values: readonly string[]): void => {
    out.push({ tags: [subnetTag(subnet)], family: subnet.ip_version, option, values });
  };
  const [first, ...more] = subnet.dns_nameservers;
  if (first !== undefined) {
    // One nameserver that is the unspecified address means: announce none.
    const none = more.length === 0 && (first === '0.0.0.0' || first === '::');
    add('dns-server', none ? [] : subnet.dns_nameservers.map(literal));
  }
  if (subnet.ip_version === 6) {
    if (isDomainName(settings.dnsDomain)) add('domain-search', [settings.dnsDomain]);
    return out;
  }
  const { routes, gateway } = routesOf(network, subnet, own, settings);
  if (routes.length > 0) {
    const values = (gateway === null ? routes : [...routes, [ANY_IPV4, gateway] as const]).flat();
    add('classless-static-route', values);
    // What Windows before RFC 3442 asks for.
    add('249', values);
  }
  add('router', gateway === null ? [] : [gateway]);
  return out;
}

type RoutePair = readonly [destination: string, nexthop: string];

function routesOf(
  network: DhcpNetwork,
  subnet: DhcpSubnet,
  own: readonly FixedIp[],
  settings: OptionSettings,
): { readonly routes: readonly RoutePair[]; readonly gateway: string | null } {
  let gateway = subnet.gateway_ip;
  const routes: RoutePair[] = [];
  for (const route of subnet.host_routes) {
    if (route.destination !== ANY_IPV4) routes.push([route.destination, route.nexthop]);
    else gateway ??= route.nexthop;
  }
  const isolated = isolatedSubnetIds(network).has(subnet.id);
  if (settings.forceMetadata || (isolated && settings.enableIsolatedMetadata)) {
    const address = own.find(f => f.subnet_id === subnet.id)?.ip_address;
    if (address !== undefined) routes.push([`${METADATA_IPV4}/32`, address]);
  } else if (!isolated && gateway !== null) routes.push([`${METADATA_IPV4}/32`, gateway]);
  // The other IPv4 subnets on the same wire are reached without a router.
  const neighbours = allSubnets(network)
    .filter(s => s.ip_version === 4 && s.cidr !== subnet.cidr && s.segment_id === subnet.segment_id)
    .map((s): RoutePair => [s.cidr, '0.0.0.0'])
    .reverse();
  return { routes: [...neighbours, ...routes], gateway };
}

/** With several DHCP servers on a subnet that names no nameserver, each announces all of them. */
function sharedNameservers(network: DhcpNetwork): OptionEntry[] {
  const out: OptionEntry[] = [];
  const servers = network.ports.filter(p => p.device_owner === 'network:dhcp').flatMap(p => p.fixed_ips);
  for (const subnet of allSubnets(network)) {
    if (subnet.dns_nameservers.length > 0) continue;
    if (subnet.ip_version === 6 && subnet.ipv6_address_mode === 'slaac') continue;
    const values = servers.filter(f => f.subnet_id === subnet.id).map(f => literal(f.ip_address));
    if (values.length > 1) out.push({ tags: [subnetTag(subnet)], family: subnet.ip_version, option: 'dns-server', values });
  }
  return out;
}

/** dnsmasq wants IPv6 addresses in brackets. */
function literal(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
