// Makes sure that this host has its DHCP port on a network, with an address on every subnet that it serves.
import { requestPort } from '../desired/dhcp/dhcp-port.ts';
import type { DhcpNetwork, DhcpPort } from '../desired/dhcp/wire.ts';
import type { DhcpServer } from './server.ts';

/** Undefined when the server refuses: the network or a subnet is going, and an event about it is on its way. */
export async function ensureOwnPort(server: DhcpServer, network: DhcpNetwork, deviceId: string): Promise<DhcpPort | undefined> {
  const request = requestPort(network, deviceId);
  if (request.kind === 'keep') return request.port;
  const port = request.kind === 'create' ? await server.createPort(request.body) : await server.updatePort(request.port.id, request.body);
  if (!port || coversAll(network, port)) return port;
  // A reserved port has the subnets of the agent before us; anything else may have changed since.
  const fresh = (await server.port(port.id)) ?? port;
  if (coversAll(network, fresh)) return fresh;
  const again = requestPort({ ...network, ports: [fresh] }, deviceId);
  const updated = again.kind === 'update' ? await server.updatePort(fresh.id, again.body) : fresh;
  if (updated && !coversAll(network, updated))
    throw new Error(`DHCP port ${updated.id} has no address on a subnet of network ${network.id}`);
  return updated;
}

function coversAll(network: DhcpNetwork, port: DhcpPort): boolean {
  const has = new Set(port.fixed_ips.map(f => f.subnet_id));
  return network.subnets.every(s => has.has(s.id));
}
