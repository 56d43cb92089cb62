// Who asks for metadata: the port that has the asker's address on the network, or behind the router, that the proxy in between named.
import type { Bus, Json } from '../../contracts/bus.ts';
import { formatIp, type Ip, parseIp } from '../../domain/net/ip.ts';
import { formatMac } from '../../domain/net/mac.ts';
import { isLinkLocal } from '../../domain/net/well-known.ts';

/** A port as the server gave it; keys are the wire's. */
export type Port = Readonly<Record<string, Json>>;

export interface Asker {
  readonly port: Port;
  /** As the last hop saw it. */
  readonly address: string;
}

export interface IdentityHeaders {
  /** Every value of each header, in the order in which hops wrote them. */
  readonly forwardedFor: readonly string[];
  readonly networkIds: readonly string[];
  readonly routerIds: readonly string[];
}

const ROUTER_INTERFACE_OWNERS = [
  'network:router_interface',
  'network:router_interface_distributed',
  'network:ha_router_replicated_interface',
];
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Undefined unless exactly one port fits. */
export async function identify(bus: Bus, headers: IdentityHeaders): Promise<Asker | undefined> {
  // What the last hop added is the proxy's own word; it sets one of the two ids and removes the other.
  const address = headers.forwardedFor.at(-1)?.split(',').at(-1)?.trim();
  const ids = [...headers.networkIds, ...headers.routerIds];
  const [id] = ids;
  const from = address === undefined ? undefined : matcher(address);
  if (ids.length !== 1 || id === undefined || !UUID.test(id) || address === undefined || !from) return undefined;
  const networks = headers.networkIds.length === 1 ? [id] : await networksOfRouter(bus, id);
  if (networks.length === 0) return undefined;
  const ports = await getPorts(bus, { network_id: networks, ...from });
  const [port] = ports;
  return ports.length === 1 && port ? { port, address } : undefined;
}

/** The filter that an address stands for. A link-local one says nothing about fixed addresses, but it holds the MAC. */
function matcher(text: string): Readonly<Record<string, unknown>> | undefined {
  const ip = parseIp(text.replace(/%.*$/, ''));
  if (!ip) return undefined;
  const plain = unmapped(ip);
  if (plain.version === 6 && isLinkLocal(plain)) {
    const mac = macOf(plain.value);
    return mac === undefined ? undefined : { mac_address: [mac] };
  }
  return { fixed_ips: { ip_address: [formatIp(plain)] } };
}

/** ::ffff:10.0.0.1 → 10.0.0.1 */
function unmapped(ip: Ip): Ip {
  return ip.version === 6 && ip.value >> 32n === 0xffffn ? { version: 4, value: ip.value & 0xffffffffn } : ip;
}

/** The MAC in a modified EUI-64 interface identifier (RFC 4291 appendix A). */
function macOf(value: bigint): string | undefined {
  if (((value >> 24n) & 0xffffn) !== 0xfffen) return undefined;
  const high = ((value >> 40n) & 0xffffffn) ^ 0x020000n;
  return formatMac((high << 24n) | (value & 0xffffffn));
}

async function networksOfRouter(bus: Bus, routerId: string): Promise<readonly string[]> {
  const ports = await getPorts(bus, { device_id: [routerId], device_owner: ROUTER_INTERFACE_OWNERS });
  return [...new Set(ports.flatMap(p => (typeof p['network_id'] === 'string' ? p['network_id'] : [])))];
}

async function getPorts(bus: Bus, filters: Readonly<Record<string, unknown>>): Promise<readonly Port[]> {
  const answer = await bus.call({ topic: 'q-plugin', version: '1.0' }, 'get_ports', { filters });
  return Array.isArray(answer) ? answer.filter((p): p is Port => typeof p === 'object' && p !== null && !Array.isArray(p)) : [];
}
