// network_data.json: links, networks and services of an instance's port, in the form of Nova's config drive.
import { cidrContainsIp } from '../../domain/net/cidr.ts';
import type { DhcpNetwork, DhcpSubnet } from '../desired/dhcp/wire.ts';
import type { Port } from './identity.ts';
import { fixedIps } from './instance.ts';

/** Without a network every address is left to DHCP. */
export function networkData(port: Port, network: DhcpNetwork | undefined): object {
  const link = `tap${String(port['id'] ?? '').slice(0, 11)}`;
  const subnets = network?.subnets ?? [];
  const used = fixedIps(port).map(f => subnets.find(s => s.id === f.subnet_id && cidrContainsIp(s.cidr, f.ip_address)));
  const services = [...new Set(used.flatMap(s => s?.dns_nameservers ?? []))].filter(a => a !== '0.0.0.0' && a !== '::');
  return {
    links: [
      {
        id: link,
        vif_id: port['id'],
        type: 'bridge',
        mtu: network && network.mtu > 0 ? network.mtu : null,
        ethernet_mac_address: port['mac_address'],
      },
    ],
    networks: fixedIps(port).map(({ ip_address }, i) => ({
      id: `network${i}`,
      type: networkType(ip_address, used[i]),
      link,
      network_id: port['network_id'],
    })),
    services: services.map(address => ({ type: 'dns', address })),
  };
}

/** The server names the subnets with DHCP; on the others, too, the instance has nobody else to ask. */
function networkType(address: string, subnet: DhcpSubnet | undefined): string {
  if (!address.includes(':')) return 'ipv4_dhcp';
  if (subnet?.ipv6_address_mode === 'slaac') return 'ipv6_slaac';
  if (subnet?.ipv6_address_mode === 'dhcpv6-stateless') return 'ipv6_dhcpv6-stateless';
  if (subnet?.ipv6_address_mode === 'dhcpv6-stateful') return 'ipv6_dhcpv6-stateful';
  return 'ipv6_dhcp';
}
