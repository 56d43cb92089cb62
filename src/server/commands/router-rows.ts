// What a router is attached to, loaded in a constant number of queries.
import type { Row } from '../../contracts/store.ts';
import { owners, routerInterfaceOwners } from '../../domain/ipam/owners.ts';
import type { RoutedSubnet } from '../../domain/routing.ts';
import type { FixedIp } from '../../model/port.ts';
import type { Services } from '../context.ts';
import { byIds, grouped } from './load.ts';
import { partsOf } from './port-rows.ts';

export const gatewayOwner = owners.routerGateway;
export const interfaceOwners = routerInterfaceOwners;

export interface RouterPort {
  readonly port: Row;
  readonly type: string;
  readonly fixed_ips: readonly FixedIp[];
}

/** Interfaces and gateways by router. */
export async function routerPorts(services: Services, routerIds: readonly string[]): Promise<Map<string, RouterPort[]>> {
  const links = await grouped(services, 'router_ports', 'router_id', routerIds);
  const flat = [...links.values()].flat();
  const ports = await byIds(
    services,
    'ports',
    flat.map(l => l.port_id),
  );
  const parts = await partsOf(services, [...ports.keys()]);
  const out = new Map<string, RouterPort[]>();
  for (const [routerId, rows] of links) {
    const list: RouterPort[] = [];
    for (const link of rows) {
      const port = ports.get(String(link.port_id));
      if (port) list.push({ port, type: String(link.port_type), fixed_ips: parts.fixedIps.get(String(link.port_id)) ?? [] });
    }
    out.set(routerId, list);
  }
  return out;
}

/** The host of the agent that has the router, of several the active one; empty while it is not scheduled. */
export async function hostOf(services: Services, routerId: string): Promise<string> {
  const bound = await services.store.select({
    table: 'router_bindings',
    where: { eq: ['router_id', routerId] },
    order: [['binding_index', 'asc']],
  });
  const first = bound.find(b => b.ha_state === 'active') ?? bound[0];
  return first ? String((await services.store.get('agents', { id: String(first.agent_id) }))?.host ?? '') : '';
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
