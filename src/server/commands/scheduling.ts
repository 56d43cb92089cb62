// Which agents serve which networks; what agents are chosen by. Taking a place is an insert; liveness is a heartbeat young enough.
import type { Predicate, Query, Row } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import { owners } from '../../domain/ipam/owners.ts';
import { inZones, spread } from '../../domain/zones.ts';
import { port } from '../../model/port.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { foreseeing } from '../read-set.ts';
import { aliveSince } from './agent-liveness.ts';
import { hintsOf } from './availability-zones.ts';
import { byIds } from './load.ts';
import { factsOf, partsOf } from './port-rows.ts';
import { hostsOfSegments } from './routed-networks.ts';

export const dhcpAgentType = 'DHCP agent';
export const l3AgentType = 'L3 agent';

export async function usableAgents(services: Services, agentType: string): Promise<Row[]> {
  return services.store.select(usableAgentsQuery(services, agentType));
}

/** What `usableAgents` asks in this second. */
export function usableAgentsQuery(services: Services, agentType: string): Query {
  const where: Predicate = {
    and: [{ eq: ['agent_type', agentType] }, { eq: ['admin_state_up', true] }, { gte: ['heartbeat_timestamp', aliveSince(services)] }],
  };
  return { table: 'agents', where, order: [['id', 'asc']] };
}

interface Wanted {
  /** Those that may serve at all. */
  readonly agents: readonly Row[];
  readonly bindings: 'dhcp_bindings' | 'router_bindings';
  /** Zones that it asks for; none: any. */
  readonly hints: readonly string[];
  /** Agents that have it already. */
  readonly bound: readonly unknown[];
  readonly count: number;
}

/** Agents that may take it: of the zones that it asks for, spread over them, and of those with the least to do first. */
export async function chooseAgents(services: Services, { agents, bindings, hints, bound, count }: Wanted): Promise<string[]> {
  if (agents.length === 0) return [];
  const load = await services.store.countBy(bindings, 'agent_id');
  const views = agents.map(a => ({
    id: String(a.id),
    zone: (a.availability_zone as string | null) ?? null,
    load: load.get(String(a.id)) ?? 0,
  }));
  const free = inZones(
    views.filter(a => !bound.includes(a.id)),
    hints,
  );
  const serving = views.filter(a => bound.includes(a.id));
  return spread(free, serving, count).map(a => a.id);
}

/** Where a network needs agents: anywhere, or on each of the segments that its subnets with DHCP are on. */
async function placesOf(services: Services, draft: Draft, network_id: string): Promise<readonly (readonly string[] | undefined)[]> {
  const stored = await services.store.select({ table: 'subnets', where: { eq: ['network_id', network_id] } });
  const pending = draft.ops.flatMap(o => (o.op === 'insert' && o.table === 'subnets' && o.row.network_id === network_id ? [o.row] : []));
  const subnets = [...stored, ...pending].filter(s => s.enable_dhcp === true);
  const ids = [...new Set(subnets.flatMap(s => (typeof s.segment_id === 'string' ? [s.segment_id] : [])))];
  if (ids.length === 0) return [undefined];
  const segments = await byIds(services, 'segments', ids);
  const hosts = await hostsOfSegments(services, [...segments.values()]);
  return ids.map(id => hosts.get(id) ?? []);
}

/** Which DHCP agents have the network. */
export const dhcpBindingsQuery = (networkId: string): Query => ({ table: 'dhcp_bindings', where: { eq: ['network_id', networkId] } });

/** Whether some DHCP agent has the network, or gets it now. The dead are replaced by a job of its own. */
export async function hasDhcpAgent(any: Services, draft: Draft, networkId: string): Promise<boolean> {
  const services = await foreseeing(any, [dhcpBindingsQuery(networkId)]);
  const bound = (await services.store.select(dhcpBindingsQuery(networkId))).length;
  if (bound >= services.config.dhcpAgentsPerNetwork) return true;
  return (await scheduleNetwork(services, draft, networkId)).length > 0 || bound > 0;
}

/** Gives a network its DHCP agents if it has fewer than it should, unless an operator does that. Answers the ids of those added. */
export async function scheduleNetwork(services: Services, draft: Draft, networkId: string): Promise<string[]> {
  if (!services.config.networkAutoSchedule) return [];
  const bound = await services.store.select(dhcpBindingsQuery(networkId));
  const agents = await usableAgents(services, dhcpAgentType);
  if (agents.length === 0) return [];
  const net = draft.made('networks', networkId) ?? (await services.store.get('networks', { id: networkId }));
  if (!net) return [];
  const taken = bound.map(b => b.agent_id);
  const chosen: string[] = [];
  for (const hosts of await placesOf(services, draft, networkId)) {
    const there = agents.filter(a => hosts === undefined || hosts.includes(String(a.host)));
    const count = services.config.dhcpAgentsPerNetwork - there.filter(a => taken.includes(a.id)).length;
    if (count <= 0 || there.length === 0) continue;
    const hints = hintsOf(services, net);
    const more = await chooseAgents(services, { agents: there, bindings: 'dhcp_bindings', hints, bound: taken, count });
    chosen.push(...more);
    taken.push(...more);
  }
  for (const agent_id of chosen) bindNetwork(draft, networkId, agent_id);
  return chosen;
}

function bindNetwork(draft: Draft, network_id: string, agent_id: string): void {
  draft.present('agents', { eq: ['id', agent_id] });
  if (!draft.made('networks', network_id)) draft.present('networks', { eq: ['id', network_id] });
  draft.insert('dhcp_bindings', { network_id, agent_id }, { onConflict: 'ignore' });
  draft.announce({ kind: 'dhcp_binding', id: network_id, event: 'created', revision: 0, facts: { network_id, agent_id } });
}

export async function agentOf(services: Services, draft: Draft, id: string): Promise<Row> {
  const row = await services.store.get('agents', { id });
  if (!row) throw apiError('AgentNotFound', { id });
  draft.present('agents', { eq: ['id', id] });
  return row;
}

export const serves = (agent: Row, agentType: string): boolean => agent.agent_type === agentType && agent.admin_state_up === true;

/** POST /agents/{id}/dhcp-networks. */
export async function addNetworkToAgent(services: Services, draft: Draft, agentId: string, networkId: string): Promise<void> {
  const agent = await agentOf(services, draft, agentId);
  if (!serves(agent, dhcpAgentType)) throw apiError('InvalidDHCPAgent', { id: agentId });
  if (!(await services.store.get('networks', { id: networkId }))) throw apiError('NetworkNotFound', { net_id: networkId });
  if (await services.store.get('dhcp_bindings', { network_id: networkId, agent_id: agentId })) {
    throw apiError('NetworkHostedByDHCPAgent', { network_id: networkId, agent_id: agentId });
  }
  bindNetwork(draft, networkId, agentId);
}

/** DELETE /agents/{id}/dhcp-networks/{network}. Also from an agent that is disabled. */
export async function removeNetworkFromAgent(services: Services, draft: Draft, agentId: string, networkId: string): Promise<void> {
  const agent = await agentOf(services, draft, agentId);
  if (!(await services.store.get('dhcp_bindings', { network_id: networkId, agent_id: agentId }))) {
    throw apiError('NetworkNotHostedByDhcpAgent', { network_id: networkId, agent_id: agentId });
  }
  await unbindNetwork(services, draft, networkId, agent);
}

/** The agent serves the network no longer, and hears of that. */
export async function unbindNetwork(services: Services, draft: Draft, networkId: string, { id: agent_id, host }: Row): Promise<void> {
  await reserveDhcpPorts(services, draft, networkId, String(host));
  draft.delete('dhcp_bindings', { and: [{ eq: ['network_id', networkId] }, { eq: ['agent_id', String(agent_id)] }] });
  const facts = { network_id: networkId, agent_id, host };
  draft.announce({ kind: 'dhcp_binding', id: networkId, event: 'deleted', revision: 0, facts });
}

/** Neutron's name for a DHCP port without an agent: the next agent takes it over with its addresses, which instances know. */
const reservedDhcpPort = 'reserved_dhcp_port';

async function reserveDhcpPorts(services: Services, draft: Draft, networkId: string, host: string): Promise<void> {
  const there: Predicate = { exists: { table: 'port_bindings', on: [['port_id', 'id']], where: { eq: ['host', host] } } };
  const where: Predicate = { and: [{ eq: ['network_id', networkId] }, { eq: ['device_owner', owners.dhcp] }, there] };
  const rows = await services.store.select({ table: 'ports', where });
  const parts = await partsOf(
    services,
    rows.map(r => String(r.id)),
  );
  for (const row of rows) {
    const facts = { before: factsOf(row, parts), changed: ['device_id'] };
    draft.update(port, row, { device_id: reservedDhcpPort }, { facts });
  }
}
