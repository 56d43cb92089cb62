// Questions about the subnets of a network: which are served, how, and whether a router is on them.
import { parseCidr } from '../../../domain/net/cidr.ts';
import type { DhcpNetwork, DhcpSubnet } from './wire.ts';

const ROUTER_INTERFACE_OWNERS: ReadonlySet<string> = new Set([
  'network:router_interface',
  'network:router_interface_distributed',
  'network:ha_router_replicated_interface',
]);

export function allSubnets(network: DhcpNetwork): readonly DhcpSubnet[] {
  return [...network.subnets, ...network.non_local_subnets];
}

/**
 * Whether dnsmasq gets a range for the subnet. Addresses always come from the hosts file, so the mode is always `static`;
 * SLAAC subnets get none, and neither do those whose address mode alone is missing.
 */
export function hasRange(subnet: DhcpSubnet): boolean {
  if (subnet.ip_version === 4) return true;
  if ((parseCidr(subnet.cidr)?.prefix ?? 0) < 64) return false;
  const mode = subnet.ipv6_address_mode;
  return mode === 'dhcpv6-stateful' || mode === 'dhcpv6-stateless' || (mode === null && subnet.ipv6_ra_mode === null);
}

/** Subnets on whose gateway address no router port stands. */
export function isolatedSubnetIds(network: DhcpNetwork): ReadonlySet<string> {
  const subnets = new Map(allSubnets(network).map(s => [s.id, s]));
  const isolated = new Set(subnets.keys());
  for (const port of network.ports) {
    if (!ROUTER_INTERFACE_OWNERS.has(port.device_owner)) continue;
    for (const fixed of port.fixed_ips) {
      if (subnets.get(fixed.subnet_id)?.gateway_ip === fixed.ip_address) isolated.delete(fixed.subnet_id);
    }
  }
  return isolated;
}

export interface MetadataSwitches {
  readonly enableIsolatedMetadata: boolean;
  readonly forceMetadata: boolean;
}

/** Whether the DHCP namespace serves metadata itself. */
export function servesMetadata(network: DhcpNetwork, config: MetadataSwitches): boolean {
  const served = allSubnets(network);
  if (served.length === 0) return false;
  if (config.forceMetadata) return true;
  if (!config.enableIsolatedMetadata) return false;
  const isolated = isolatedSubnetIds(network);
  return served.some(s => isolated.has(s.id));
}
