// What to ask the server for so that this host has its DHCP port on a network.
import type { DhcpNetwork, DhcpPort } from './wire.ts';

export const RESERVED_DEVICE_ID = 'reserved_dhcp_port';

export type PortRequest =
  | { readonly kind: 'keep'; readonly port: DhcpPort }
  /** Body of update_dhcp_port, inside `{port: …}`. */
  | { readonly kind: 'update'; readonly port: DhcpPort; readonly body: Readonly<Record<string, unknown>> }
  /** Body of create_dhcp_port, inside `{port: …}`. */
  | { readonly kind: 'create'; readonly body: Readonly<Record<string, unknown>> };

export function requestPort(network: DhcpNetwork, deviceId: string): PortRequest {
  const subnetIds = network.subnets.map(s => s.id);
  // The owner too: a tenant may write any device_id on a port.
  const own = network.ports.find(p => p.device_id === deviceId && p.device_owner === 'network:dhcp');
  if (own) return keepOrUpdate(network, own, subnetIds);
  const reserved = network.ports.find(p => p.device_id === RESERVED_DEVICE_ID && p.device_owner === 'network:dhcp');
  if (reserved) return { kind: 'update', port: reserved, body: { network_id: network.id, device_id: deviceId } };
  return {
    kind: 'create',
    body: {
      name: '',
      admin_state_up: true,
      device_id: deviceId,
      network_id: network.id,
      project_id: network.project_id,
      fixed_ips: subnetIds.map(subnet_id => ({ subnet_id })),
    },
  };
}

function keepOrUpdate(network: DhcpNetwork, own: DhcpPort, subnetIds: readonly string[]): PortRequest {
  const wanted = new Set(subnetIds);
  const has = new Set(own.fixed_ips.map(f => f.subnet_id));
  if (wanted.size === has.size && subnetIds.every(id => has.has(id))) return { kind: 'keep', port: own };
  const kept = own.fixed_ips.filter(f => wanted.has(f.subnet_id));
  const added = subnetIds.filter(id => !has.has(id)).map(subnet_id => ({ subnet_id }));
  return { kind: 'update', port: own, body: { network_id: network.id, fixed_ips: [...kept, ...added] } };
}
