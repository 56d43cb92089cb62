// What a router is attached to, loaded in a constant number of queries.
import type { Predicate, Query, Row } from '../../contracts/store.ts';
import { owners, routerInterfaceOwners } from '../../domain/ipam/owners.ts';
import type { RoutedSubnet } from '../../domain/routing.ts';
import type { FixedIp } from '../../model/port.ts';
import type { Services } from '../context.ts';
import { foreseeing } from '../read-set.ts';
import { isAlive } from './agent-liveness.ts';
import { byIds, grouped, groupedQuery, idsQuery } from './load.ts';
import { addressesOf, addressesQuery } from './port-rows.ts';

export const gatewayOwner = owners.routerGateway;
export const interfaceOwners = routerInterfaceOwners;

export interface RouterPort {
  readonly port: Row;
  readonly network_id: string;
  readonly type: string;
  readonly fixed_ips: readonly FixedIp[];
  /** Of a gateway, among the router's others. */
  readonly position: number;
}

/** Router ports on a network, and those of which it is not written down. */
export const onNetwork = (network_id: string): Predicate => ({ in: ['network_id', [network_id, null]] });

/** Ports that are read with their addresses in one statement; of many that would be longer than it is worth. */
const few = 20;

/** Interfaces and gateways by router; all, or the links of which this holds. */
export async function routerPorts(services: Services, routerIds: readonly string[], where?: Predicate): Promise<Map<string, RouterPort[]>> {
  const links = await grouped(services, 'router_ports', 'router_id', routerIds, where ? { where } : {});
  const ids = [...new Set([...links.values()].flat().map(l => String(l.port_id)))];
  const isFew = ids.length > 0 && ids.length <= few;
  const near = isFew ? await foreseeing(services, [idsQuery('ports', ids), addressesQuery(ids)]) : services;
  const ports = await byIds(near, 'ports', ids);
  const addresses = await addressesOf(near, ids);
  const out = new Map<string, RouterPort[]>();
  for (const [routerId, rows] of links) {
    const list: RouterPort[] = [];
    for (const link of rows) {
      const port = ports.get(String(link.port_id));
      const fixed_ips = addresses.get(String(link.port_id)) ?? [];
      if (!port) continue;
      const position = Number(link.position ?? 0);
      list.push({ port, network_id: String(port.network_id), type: String(link.port_type), fixed_ips, position });
    }
    out.set(routerId, list);
  }
  return out;
}

/** The gateways of a router in their order: the first is the one that agents serve. */
export function gatewaysOf(router: Row, ports: readonly RouterPort[]): RouterPort[] {
  const place = ({ port, position }: RouterPort): number => (port.id === router.gw_port_id ? -1 : position);
  return ports.filter(p => p.type === gatewayOwner).sort((a, b) => place(a) - place(b) || (String(a.port.id) < String(b.port.id) ? -1 : 1));
}

const inOrder = { order: [['binding_index', 'asc']] } as const;

/** What `routerPorts` asks first, and `hostsOfRouters`. */
export const linksQuery = (routerIds: readonly string[], where?: Predicate): Query =>
  groupedQuery('router_ports', 'router_id', routerIds, where ? { where } : {});
export const hostsQuery = (routerIds: readonly string[]): Query => groupedQuery('router_bindings', 'router_id', routerIds, inOrder);

/** The host of the agent that has each router. Of several the one that is active: one that has died has not said that it is no longer. */
export async function hostsOfRouters(services: Services, routerIds: readonly string[]): Promise<Map<string, string>> {
  const bound = await grouped(services, 'router_bindings', 'router_id', routerIds, inOrder);
  const agents = await byIds(
    services,
    'agents',
    [...bound.values()].flat().map(b => b.agent_id),
  );
  const agentOf = (binding: Row | undefined): Row | undefined => agents.get(String(binding?.agent_id));
  const lives = (binding: Row): boolean => isAlive(services, agentOf(binding) ?? {});
  const chosen = (list: readonly Row[]): Row | undefined => {
    const active = list.filter(b => b.ha_state === 'active');
    return active.find(lives) ?? active[0] ?? list[0];
  };
  return new Map([...bound].map(([id, list]) => [id, String(agentOf(chosen(list))?.host ?? '')]));
}

/** Empty while the router is not scheduled. */
export async function hostOf(services: Services, routerId: string): Promise<string> {
  return (await hostsOfRouters(services, [routerId])).get(routerId) ?? '';
}

/** The subnets that a router's ports stand on, by id. */
export async function subnetsOf(services: Services, ports: readonly RouterPort[]): Promise<Map<string, Row>> {
  return byIds(
    services,
    'subnets',
    ports.flatMap(p => p.fixed_ips.map(f => f.subnet_id)),
  );
}

/** A subnet row as the rules of routing read it. */
export function routedSubnet(row: Row): RoutedSubnet {
  return {
    id: String(row.id),
    cidr: String(row.cidr),
    ip_version: Number(row.ip_version),
    gateway_ip: row.gateway_ip as string | null,
    ipv6_ra_mode: row.ipv6_ra_mode as string | null,
    ipv6_address_mode: row.ipv6_address_mode as string | null,
  };
}
