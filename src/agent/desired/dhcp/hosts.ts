// Who gets which address: the entries of dnsmasq's hosts file and of its names file.
import { type JudgedOptions, judgeOptions } from './extra-options.ts';
import { nameOf } from './names.ts';
import { allSubnets } from './subnets.ts';
import type { DhcpNetwork, DhcpPort, DhcpSubnet, FixedIp } from './wire.ts';

/** A line of the hosts file. */
export interface HostEntry {
  readonly mac: string;
  /** The entry answers DHCPv6 requests only. */
  readonly onlyV6: boolean;
  readonly clientId?: string;
  /** Absent for stateless DHCPv6: options without an address. */
  readonly lease?: { readonly name: string; readonly address: string };
  /** The tag that its own options hang on. */
  readonly set?: string;
}

export interface NameEntry {
  readonly address: string;
  readonly fqdn: string;
  readonly hostname: string;
}

export interface Hosts {
  readonly hosts: readonly HostEntry[];
  readonly names: readonly NameEntry[];
}

/** Owners whose addresses never ask a DHCP server and need no name. */
const WITHOUT_ENTRY: ReadonlySet<string> = new Set(['network:router_ha_interface', 'network:floatingip', 'network:dhcp']);

export function needsEntry(port: DhcpPort): boolean {
  return !WITHOUT_ENTRY.has(port.device_owner);
}

export const portTag = (port: DhcpPort): string => `port-${port.id}`;

export function hostsOf(network: DhcpNetwork, dnsDomain: string): Hosts {
  const subnets = new Map(allSubnets(network).map(s => [s.id, s]));
  const hosts: HostEntry[] = [];
  const names: NameEntry[] = [];
  for (const port of network.ports) {
    if (!needsEntry(port)) continue;
    const judged = judgeOptions(port);
    for (const fixed of statelessFirst(port.fixed_ips, subnets)) {
      const name = nameOf(port, fixed.ip_address, dnsDomain);
      names.push({ address: fixed.ip_address, ...name });
      const entry = entryOf(port, fixed, subnets.get(fixed.subnet_id), judged, name.fqdn);
      if (entry) hosts.push(entry);
    }
  }
  return { hosts, names };
}

/** dnsmasq takes the last matching line first, and one without an address would hide the IPv4 one behind it. */
function statelessFirst(fixed: readonly FixedIp[], subnets: ReadonlyMap<string, DhcpSubnet>): readonly FixedIp[] {
  const stateless = (f: FixedIp): boolean => subnets.get(f.subnet_id)?.ipv6_address_mode === 'dhcpv6-stateless';
  return [...fixed.filter(stateless), ...fixed.filter(f => !stateless(f))];
}

function entryOf(
  port: DhcpPort,
  fixed: FixedIp,
  subnet: DhcpSubnet | undefined,
  judged: JudgedOptions,
  name: string,
): HostEntry | undefined {
  if (!subnet) return undefined;
  const v6 = subnet.ip_version === 6;
  const shared = { mac: port.mac_address, onlyV6: v6, ...(judged.options.length > 0 ? { set: portTag(port) } : {}) };
  if (v6 && subnet.ipv6_address_mode === 'slaac') return undefined;
  if (v6 && subnet.ipv6_address_mode === 'dhcpv6-stateless') return judged.options.length > 0 ? shared : undefined;
  const lease = { name, address: fixed.ip_address };
  return judged.clientId === undefined ? { ...shared, lease } : { ...shared, lease, clientId: judged.clientId };
}
