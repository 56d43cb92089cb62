// All that should stand on the host for one network: the pure heart of the DHCP agent.
import { type Cidr, lastOf, netmaskOf, parseCidr } from '../../../domain/net/cidr.ts';
import { ipText } from '../../../domain/net/ip.ts';
import { type DeviceSettings, type DhcpDevice, deviceOf } from './device.ts';
import { type Hosts, hostsOf } from './hosts.ts';
import { type OptionEntry, optionsOf, subnetTag } from './options.ts';
import { allSubnets, hasRange, servesMetadata } from './subnets.ts';
import type { DhcpNetwork, DhcpPort } from './wire.ts';

export interface PlanSettings extends DeviceSettings {
  readonly dnsDomain: string;
  /** `dnsmasq_lease_max` */
  readonly leaseMax?: number;
}

/** One `--dhcp-range`. */
export interface Range {
  readonly tag: string;
  /** Network address of the subnet. */
  readonly network: string;
  /** Netmask (IPv4) or prefix length (IPv6). */
  readonly mask: string;
}

export interface NetworkPlan {
  readonly device: DhcpDevice;
  readonly hosts: Hosts;
  readonly options: readonly OptionEntry[];
  readonly ranges: readonly Range[];
  readonly mtu: number;
  readonly maxLeases: number;
  /** The namespace has its own metadata proxy. */
  readonly metadata: boolean;
  readonly warnings: readonly string[];
}

const LEASE_MAX = 2 ** 24;

/** Whether the agent should serve the network at all. */
export function isServed(network: DhcpNetwork): boolean {
  return network.admin_state_up && network.subnets.length > 0;
}

/** `port` is our own DHCP port on the network, as the server made it. */
export function planNetwork(network: DhcpNetwork, port: DhcpPort, settings: PlanSettings): NetworkPlan {
  // The server's list may be older than our port.
  const view = { ...network, ports: [...network.ports.filter(p => p.id !== port.id), port] };
  const { options, warnings } = optionsOf(view, port.fixed_ips, settings);
  const ranged = allSubnets(view).filter(hasRange);
  return {
    device: deviceOf(view, port, settings),
    hosts: hostsOf(view, settings.dnsDomain),
    options,
    ranges: ranged.map(subnet => rangeOf(subnet)),
    mtu: network.mtu,
    maxLeases: ranged.reduce((sum, s) => Math.min(settings.leaseMax ?? LEASE_MAX, sum + addressCount(cidrOf(s))), 0),
    metadata: servesMetadata(view, settings),
    warnings,
  };
}

function rangeOf(subnet: { readonly id: string; readonly cidr: string }): Range {
  const cidr = cidrOf(subnet);
  const mask = cidr.version === 4 ? netmaskOf(cidr) : String(cidr.prefix);
  return { tag: subnetTag(subnet), network: ipText(cidr.version, cidr.network), mask };
}

const addressCount = (cidr: Cidr): number => Number(lastOf(cidr) - cidr.network + 1n);

function cidrOf(subnet: { readonly cidr: string }): Cidr {
  const cidr = parseCidr(subnet.cidr);
  if (!cidr) throw new Error(`not a prefix: ${subnet.cidr}`);
  return cidr;
}
