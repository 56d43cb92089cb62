// Where routers are: at the agents that have them, and distributed ones on every host that has ports on their subnets, too.
import type { Predicate, Query, Row } from '../../contracts/store.ts';
import { owners, servedByDistributedRouters as serves } from '../../domain/ipam/owners.ts';
import type { Services } from '../context.ts';
import { byIds, grouped } from './load.ts';
import { l3AgentType } from './scheduling.ts';

/** legacy where an agent says nothing. */
export const agentMode = (agent: Row): string =>
  String((agent.configurations as { readonly agent_mode?: unknown } | null)?.agent_mode ?? 'legacy');

/** Agents that are a part of every distributed router. */
export const takesPart = (agent: Row): boolean => ['dvr', 'dvr_snat', 'dvr_no_external'].includes(agentMode(agent));

const served: Predicate = { or: [{ startsWith: ['device_owner', serves.prefix] }, { in: ['device_owner', serves.others] }] };
const distributed: Predicate = { eq: ['port_type', owners.routerInterfaceDistributed] };

const idsOf = (rows: readonly Row[], column: string): string[] => [...new Set(rows.map(r => String(r[column])))];

/** Ids of the routers that an agent serves. */
export async function routersAt(services: Services, agent: Row): Promise<string[]> {
  const bound = await services.store.select({ table: 'router_bindings', where: { eq: ['agent_id', String(agent.id)] } });
  const ids = idsOf(bound, 'router_id');
  if (!takesPart(agent)) return ids;
  const here = await partsOnHost(services, String(agent.host));
  const met = await neighbours(services, [...ids, ...here]);
  return [...new Set([...ids, ...here, ...met])];
}

/** Distributed routers with a port to serve on a host: one that is there, or about to come. */
async function partsOnHost({ store }: Services, host: string): Promise<string[]> {
  const there: Predicate = { exists: { table: 'port_bindings', on: [['port_id', 'id']], where: { eq: ['host', host] } } };
  const onSubnet: Predicate = {
    exists: { table: 'ports', on: [['id', 'port_id']], where: { and: [served, there] } },
  };
  return idsOf(await store.select({ table: 'router_ports', where: interfacesBeside(onSubnet) }), 'router_id');
}

/** Interfaces of distributed routers on subnets in which there is such an address. */
function interfacesBeside(address: Predicate): Predicate {
  const beside: Predicate = { exists: { table: 'ip_allocations', on: [['subnet_id', 'subnet_id']], where: address } };
  return { and: [distributed, { exists: { table: 'ip_allocations', on: [['port_id', 'port_id']], where: beside } }] };
}

/** Distributed routers that have interfaces on the networks of these. */
async function neighbours({ store }: Services, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const mine: Predicate = {
    exists: { table: 'router_ports', on: [['port_id', 'id']], where: { and: [distributed, { in: ['router_id', ids] }] } },
  };
  const beside: Predicate = { exists: { table: 'ports', on: [['network_id', 'network_id']], where: mine } };
  const where: Predicate = { and: [distributed, { exists: { table: 'ports', on: [['id', 'port_id']], where: beside } }] };
  return idsOf(await store.select({ table: 'router_ports', where }), 'router_id');
}

/** The agents of each router: those that have it, and those that take part in it. */
export async function agentsServing(services: Services, ids: readonly string[]): Promise<Map<string, Row[]>> {
  const bound = await grouped(services, 'router_bindings', 'router_id', ids);
  const rows = await byIds(services, 'routers', ids);
  const agents = await byIds(
    services,
    'agents',
    [...bound.values()].flat().map(b => b.agent_id),
  );
  const out = new Map<string, Row[]>();
  for (const id of ids) {
    const own = (bound.get(id) ?? []).map(b => agents.get(String(b.agent_id))).filter(a => a !== undefined);
    const parts = rows.get(id)?.distributed === true ? await partsOf(services, id) : [];
    out.set(id, [...new Map([...own, ...parts].map(a => [String(a.id), a])).values()]);
  }
  return out;
}

async function partsOf(services: Services, id: string): Promise<Row[]> {
  const ids = [id, ...(await neighbours(services, [id]))];
  const interfaces: Predicate = { exists: { table: 'router_ports', on: [['port_id', 'port_id']], where: { in: ['router_id', ids] } } };
  return agentsBeside(services, { exists: { table: 'ip_allocations', on: [['subnet_id', 'subnet_id']], where: interfaces } });
}

/** Agents that take part in distributed routers, on hosts with ports to serve at these addresses. */
export async function agentsBeside(services: Services, addresses: Predicate): Promise<Row[]> {
  const holding: Predicate = { exists: { table: 'ip_allocations', on: [['port_id', 'id']], where: addresses } };
  const onPorts: Predicate = { exists: { table: 'ports', on: [['id', 'port_id']], where: { and: [served, holding] } } };
  const where: Predicate = {
    and: [{ eq: ['agent_type', l3AgentType] }, { exists: { table: 'port_bindings', on: [['host', 'host']], where: onPorts } }],
  };
  return (await services.store.select({ table: 'agents', where })).filter(takesPart);
}

/** A port of a distributed router, where there is any. */
export const anyDistributed: Query = { table: 'router_ports', where: distributed, columns: ['router_id'], limit: 1 };

/** Distributed routers with interfaces on these subnets. */
export async function distributedOn(
  { store }: Services,
  subnetIds: readonly string[],
): Promise<readonly { router_id: string; subnet_id: string }[]> {
  if (subnetIds.length === 0) return [];
  // Most clouds have none at all, and a subnet may have very many addresses.
  const [some] = await store.select(anyDistributed);
  if (!some) return [];
  const taken = await store.select({
    table: 'ip_allocations',
    where: {
      and: [{ in: ['subnet_id', subnetIds] }, { exists: { table: 'router_ports', on: [['port_id', 'port_id']], where: distributed } }],
    },
  });
  const links = await store.select({ table: 'router_ports', where: { in: ['port_id', idsOf(taken, 'port_id')] } });
  const routerOf = new Map(links.map(l => [l.port_id, String(l.router_id)]));
  return taken.flatMap(t => {
    const router_id = routerOf.get(t.port_id);
    return router_id ? [{ router_id, subnet_id: String(t.subnet_id) }] : [];
  });
}
