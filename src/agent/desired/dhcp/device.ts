// What the DHCP port looks like inside its namespace: names, addresses and default routes.
import { isProvisional } from '../../../domain/ipam/delegation.ts';
import { contains, parseCidr } from '../../../domain/net/cidr.ts';
import { parseIp } from '../../../domain/net/ip.ts';
import { METADATA_IPV4, METADATA_IPV6 } from './options.ts';
import type { MetadataSwitches } from './subnets.ts';
import type { DhcpNetwork, DhcpPort, DhcpSubnet } from './wire.ts';

export interface DefaultRoute {
  readonly family: 4 | 6;
  readonly via: string;
  /** The gateway is outside the subnet. */
  readonly onlink: boolean;
}

export interface DhcpDevice {
  readonly portId: string;
  readonly netns: string;
  readonly inside: string;
  readonly mac: string;
  readonly mtu: number;
  readonly addresses: readonly string[];
  readonly routes: readonly DefaultRoute[];
}

export const netnsOf = (networkId: string): string => `qdhcp-${networkId}`;

export interface DeviceSettings extends MetadataSwitches {
  /** What names of devices begin with, as the interface driver has it; by default `ns-`. */
  readonly devicePrefix?: 'ns-' | 'tap';
}

export function deviceOf(network: DhcpNetwork, port: DhcpPort, switches: DeviceSettings): DhcpDevice {
  const served = new Map(network.subnets.map(s => [s.id, s]));
  const addresses = port.fixed_ips.flatMap(fixed => {
    const subnet = served.get(fixed.subnet_id);
    return subnet ? [`${fixed.ip_address}/${parseCidr(subnet.cidr)?.prefix}`] : [];
  });
  if (switches.forceMetadata || switches.enableIsolatedMetadata) addresses.push(`${METADATA_IPV4}/32`, `${METADATA_IPV6}/64`);
  return {
    portId: port.id,
    netns: netnsOf(network.id),
    inside: `${switches.devicePrefix ?? 'ns-'}${port.id.slice(0, 11)}`,
    mac: port.mac_address,
    mtu: network.mtu,
    addresses,
    routes: ([4, 6] as const).flatMap(family => defaultRoute([...served.values()], family)),
  };
}

/** Of each family the first served subnet with a gateway decides. */
function defaultRoute(subnets: readonly DhcpSubnet[], family: 4 | 6): readonly DefaultRoute[] {
  for (const subnet of subnets) {
    const cidr = parseCidr(subnet.cidr);
    const gateway = subnet.gateway_ip === null ? undefined : parseIp(subnet.gateway_ip);
    if (subnet.ip_version !== family || !cidr || !gateway || subnet.gateway_ip === null) continue;
    if (family === 6 && (cidr.prefix === 0 || cidr.prefix > 126 || isProvisional(subnet.cidr))) continue;
    return [{ family, via: subnet.gateway_ip, onlink: !contains(cidr, gateway) }];
  }
  return [];
}

/** For a kernel that knows no IPv6. */
export function withoutIpv6(device: DhcpDevice): DhcpDevice {
  return {
    ...device,
    addresses: device.addresses.filter(a => !a.includes(':')),
    routes: device.routes.filter(r => r.family === 4),
  };
}
