// What the DHCP agent asks the server (topic q-plugin). Each method goes with the version that Neutron's agent sends.
import { BusTimeout, type Json } from '../../contracts/bus.ts';
import type { AgentContext } from '../context.ts';
import { type DhcpNetwork, type DhcpPort, type Read, readNetwork, readPort } from '../desired/dhcp/wire.ts';
import { dhcpDeviceId } from './device-id.ts';

type Body = Readonly<Record<string, unknown>>;

export interface DhcpServer {
  activeNetworks(): Promise<readonly Read<DhcpNetwork>[]>;
  /** Undefined when the server does not know the network. */
  network(id: string): Promise<Read<DhcpNetwork> | undefined>;
  createPort(body: Body): Promise<DhcpPort | undefined>;
  updatePort(portId: string, body: Body): Promise<DhcpPort | undefined>;
  port(portId: string): Promise<DhcpPort | undefined>;
  releasePort(networkId: string): Promise<void>;
  ready(portIds: readonly string[]): Promise<void>;
}

const PATIENCE = { firstMs: 60_000, longestMs: 600_000 } as const;

export function dhcpServer(ctx: Pick<AgentContext, 'bus' | 'config'>): DhcpServer {
  const host = ctx.config.host;
  const { firstMs, longestMs } = ctx.config.answer ?? PATIENCE;
  const patience = new Map<string, number>();
  const call = async (method: string, version: string, args: Body): Promise<Json> => {
    const timeoutMs = patience.get(method) ?? firstMs;
    try {
      return await ctx.bus.call({ topic: 'q-plugin', version }, method, args, { timeoutMs });
    } catch (error) {
      // A server that is only slow would never get to the end of an answer.
      if (error instanceof BusTimeout) patience.set(method, Math.min(2 * timeoutMs, longestMs));
      throw error;
    }
  };
  const portOf = (answer: Json): DhcpPort | undefined => readPort(answer)?.value;
  return {
    async activeNetworks() {
      const answer = await call('get_active_networks_info', '1.1', { host, enable_dhcp_filter: false });
      return (Array.isArray(answer) ? answer : []).flatMap(n => readNetwork(n) ?? []);
    },
    network: async id => readNetwork(await call('get_network_info', '1.0', { network_id: id, host })),
    createPort: async body => portOf(await call('create_dhcp_port', '1.1', { port: { port: body }, host })),
    updatePort: async (port_id, body) => portOf(await call('update_dhcp_port', '1.1', { port_id, port: { port: body }, host })),
    port: async port_id => portOf(await call('get_dhcp_port', '1.8', { port_id })),
    async releasePort(networkId) {
      await call('release_dhcp_port', '1.0', { network_id: networkId, device_id: dhcpDeviceId(host, networkId), host });
    },
    async ready(portIds) {
      await call('dhcp_ready_on_ports', '1.5', { port_ids: portIds });
    },
  };
}
