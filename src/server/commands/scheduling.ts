// Which agents serve which networks and routers. Taking a place is an insert; liveness is a heartbeat young enough.
import type { Predicate, Row } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { aliveSince } from './agents.ts';

export const dhcpAgentType = 'DHCP agent';
export const l3AgentType = 'L3 agent';

export async function usableAgents(services: Services, agentType: string): Promise<Row[]> {
  const where: Predicate = {
    and: [{ eq: ['agent_type', agentType] }, { eq: ['admin_state_up', true] }, { gte: ['heartbeat_timestamp', aliveSince(services)] }],
  };
  return services.store.select({ table: 'agents', where, order: [['id', 'asc']] });
}

/** The agents with the least to do, first. */
async function leastLoaded(services: Services, agentType: string, table: string): Promise<string[]> {
  const agents = await usableAgents(services, agentType);
  const load = await services.store.countBy(table, 'agent_id');
  return agents.map(a => String(a.id)).sort((a, b) => (load.get(a) ?? 0) - (load.get(b) ?? 0));
}

/** Whether some DHCP agent has the network, or gets it now. The dead are replaced by a job of its own. */
export async function hasDhcpAgent(services: Services, draft: Draft, networkId: string): Promise<boolean> {
  const bound = await services.store.count('dhcp_bindings', { eq: ['network_id', networkId] });
  if (bound >= services.config.dhcpAgentsPerNetwork) return true;
  return (await scheduleNetwork(services, draft, networkId)).length > 0 || bound > 0;
}

/** Gives a network its DHCP agents if it has fewer than it should. Answers the ids of those added. */
export async function scheduleNetwork(services: Services, draft: Draft, networkId: string): Promise<string[]> {
  const bound = await services.store.select({ table: 'dhcp_bindings', where: { eq: ['network_id', networkId] } });
  const alive = new Set((await usableAgents(services, dhcpAgentType)).map(a => a.id));
  const serving = bound.filter(b => alive.has(b.agent_id));
  const missing = services.config.dhcpAgentsPerNetwork - serving.length;
  if (missing <= 0) return [];
  const candidates = (await leastLoaded(services, dhcpAgentType, 'dhcp_bindings')).filter(id => !bound.some(b => b.agent_id === id));
  const chosen = candidates.slice(0, missing);
  for (const agent_id of chosen) bindNetwork(draft, networkId, agent_id);
  return chosen;
}

function bindNetwork(draft: Draft, network_id: string, agent_id: string): void {
  draft.insert('dhcp_bindings', { network_id, agent_id }, { onConflict: 'ignore' });
  draft.announce({ kind: 'dhcp_binding', id: network_id, event: 'created', revision: 0, facts: { network_id, agent_id } });
}

/** Gives a router its L3 agent if it has none. One agent per router is a unique key. */
export async function scheduleRouter(services: Services, draft: Draft, routerId: string): Promise<string | undefined> {
  const [bound] = await services.store.select({ table: 'router_bindings', where: { eq: ['router_id', routerId] } });
  if (bound) return String(bound.agent_id);
  const [agent] = await leastLoaded(services, l3AgentType, 'router_bindings');
  if (agent !== undefined) bindRouter(draft, routerId, agent);
  return agent;
}

function bindRouter(draft: Draft, router_id: string, agent_id: string): void {
  draft.insert('router_bindings', { router_id, agent_id, binding_index: 1 }, { tag: 'router_binding' });
  draft.announce({ kind: 'router_binding', id: router_id, event: 'created', revision: 0, facts: { router_id, agent_id } });
}

async function agentOf(services: Services, id: string, agentType: string, error: () => Error): Promise<Row> {
  const row = await services.store.get('agents', { id });
  if (!row) throw apiError('AgentNotFound', { id });
  if (row.agent_type !== agentType || row.admin_state_up !== true) throw error();
  return row;
}

/** POST /agents/{id}/dhcp-networks. */
export async function addNetworkToAgent(services: Services, draft: Draft, agentId: string, networkId: string): Promise<void> {
  await agentOf(services, agentId, dhcpAgentType, () => apiError('InvalidDHCPAgent', { id: agentId }));
  if (!(await services.store.get('networks', { id: networkId }))) throw apiError('NetworkNotFound', { net_id: networkId });
  if (await services.store.get('dhcp_bindings', { network_id: networkId, agent_id: agentId })) {
    throw apiError('NetworkHostedByDHCPAgent', { network_id: networkId, agent_id: agentId });
  }
  draft.present('networks', { eq: ['id', networkId] });
  bindNetwork(draft, networkId, agentId);
}

/** DELETE /agents/{id}/dhcp-networks/{network}: the DHCP port is kept for the next agent, under a name of its own. */
export async function removeNetworkFromAgent(services: Services, draft: Draft, agentId: string, networkId: string): Promise<void> {
  const agent = await services.store.get('agents', { id: agentId });
  if (!agent) throw apiError('AgentNotFound', { id: agentId });
  if (!(await services.store.get('dhcp_bindings', { network_id: networkId, agent_id: agentId }))) {
    throw apiError('NetworkNotHostedByDhcpAgent', { network_id: networkId, agent_id: agentId });
  }
  draft.delete('dhcp_bindings', { and: [{ eq: ['network_id', networkId] }, { eq: ['agent_id', agentId] }] });
  draft.announce({
    kind: 'dhcp_binding',
    id: networkId,
    event: 'deleted',
    revision: 0,
    facts: { network_id: networkId, agent_id: agentId, host: agent.host },
  });
}

/** POST /agents/{id}/l3-routers. */
export async function addRouterToAgent(services: Services, draft: Draft, agentId: string, routerId: string): Promise<void> {
  await agentOf(services, agentId, l3AgentType, () => apiError('InvalidL3Agent', { id: agentId }));
  if (!(await services.store.get('routers', { id: routerId }))) throw apiError('RouterNotFound', { router_id: routerId });
  const [bound] = await services.store.select({ table: 'router_bindings', where: { eq: ['router_id', routerId] } });
  if (bound) throw apiError('RouterHostedByL3Agent', { router_id: routerId, agent_id: String(bound.agent_id) });
  draft.present('routers', { eq: ['id', routerId] });
  bindRouter(draft, routerId, agentId);
}

export async function removeRouterFromAgent(services: Services, draft: Draft, agentId: string, routerId: string): Promise<void> {
  const agent = await agentOf(services, agentId, l3AgentType, () => apiError('InvalidL3Agent', { id: agentId }));
  if (!(await services.store.get('router_bindings', { router_id: routerId, agent_id: agentId }))) {
    throw apiError('RouterNotHostedByL3Agent', { router_id: routerId, agent_id: agentId });
  }
  draft.delete('router_bindings', { and: [{ eq: ['router_id', routerId] }, { eq: ['agent_id', agentId] }] });
  draft.announce({
    kind: 'router_binding',
    id: routerId,
    event: 'deleted',
    revision: 0,
    facts: { router_id: routerId, agent_id: agentId, host: agent.host },
  });
}
