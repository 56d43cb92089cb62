// Which agents have which routers: one, or several of a highly available router, each place an insert.
import type { Predicate, Query, Row, Scalar } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { hintsOf } from './availability-zones.ts';
import { byIds } from './load.ts';
import { dropHaPorts, makeHaPort } from './router-ha-ports.ts';
import { agentMode } from './router-places.ts';
import { agentOf, chooseAgents, l3AgentType, serves, usableAgents } from './scheduling.ts';

/** A distributed router is translated where an agent says it does that; others are had by agents that are no mere part of one. */
function fitsMode(router: Row): (agent: Row) => boolean {
  if (router.distributed === true) return agent => agentMode(agent) === 'dvr_snat';
  return agent => agentMode(agent) === 'legacy' || agentMode(agent) === 'dvr_snat';
}

/** Gives a router the agents that it should have and has not; `known` as the decision has read it. Answers the first of those that have it. */
export async function scheduleRouter(services: Services, draft: Draft, routerId: string, known?: Row): Promise<string | undefined> {
  const stored = draft.made('routers', routerId) ?? known ?? (await services.store.get('routers', { id: routerId }));
  if (!stored) return undefined;
  const router: Row = { ...stored, distributed: draft.setBefore('routers', routerId, 'distributed') ?? stored.distributed ?? false };
  const changed = draft.setBefore('routers', routerId, 'ha');
  const ha = changed ?? router.ha;
  // A router that begins or ends to be highly available loses all its places first.
  const bound = changed !== undefined ? [] : await placesOf(services, draft, router);
  if (ha !== true && bound[0]) return String(bound[0].agent_id);
  const most = services.config.maxL3AgentsPerRouter || Number.MAX_SAFE_INTEGER;
  const agents = (await usableAgents(services, l3AgentType)).filter(fitsMode(router));
  const chosen = await chooseAgents(services, {
    agents,
    bindings: 'router_bindings',
    hints: hintsOf(services, stored),
    bound: bound.map(b => b.agent_id),
    count: ha === true ? Math.max(0, most - bound.length) : 1,
  });
  if (chosen.length > 0) relyOnMode(draft, stored);
  await place(services, draft, { ...router, ha: ha ?? false }, chosen, bound);
  return chosen[0] ?? (bound[0] && String(bound[0].agent_id));
}

/** Which agents have a router. */
export const routerBindingsQuery = (id: string): Query => ({ table: 'router_bindings', where: { eq: ['router_id', id] } });

/** The places that a router has; one that becomes distributed leaves those where it would not be translated. */
async function placesOf(services: Services, draft: Draft, router: Row): Promise<Row[]> {
  const id = String(router.id);
  const bound = await services.store.select(routerBindingsQuery(id));
  if (draft.setBefore('routers', id, 'distributed') !== true) return bound;
  const agents = await byIds(
    services,
    'agents',
    bound.map(b => b.agent_id),
  );
  const leaving = [...agents.values()].filter(agent => !fitsMode(router)(agent));
  for (const agent of leaving) await leave(services, draft, id, agent);
  return bound.filter(b => leaving.every(agent => agent.id !== b.agent_id));
}

/** The router is there, and served as it was read, when its places are taken. */
function relyOnMode(draft: Draft, { id, ha, distributed }: Row): void {
  if (draft.made('routers', String(id))) return;
  const same: Predicate[] = [{ eq: ['ha', (ha ?? null) as Scalar] }, { eq: ['distributed', (distributed ?? null) as Scalar] }];
  draft.present('routers', { and: [{ eq: ['id', String(id)] }, ...same] });
}

async function place(services: Services, draft: Draft, router: Row, agentIds: readonly string[], bound: readonly Row[]): Promise<void> {
  const agents = await byIds(services, 'agents', agentIds);
  const used = new Set(bound.map(b => Number(b.binding_index)));
  let index = 1;
  for (const agent_id of agentIds) {
    while (used.has(index)) index++;
    used.add(index);
    const host = String(agents.get(agent_id)?.host ?? '');
    const ha_port_id = router.ha === true ? await makeHaPort(services, draft, router, host) : undefined;
    bindRouter(draft, String(router.id), agent_id, {
      binding_index: index,
      ha_port_id: ha_port_id ?? null,
      ha_state: ha_port_id ? 'standby' : null,
    });
  }
}

function bindRouter(draft: Draft, router_id: string, agent_id: string, more: Row): void {
  draft.present('agents', { eq: ['id', agent_id] });
  draft.insert('router_bindings', { router_id, agent_id, ...more }, { tag: 'router_binding' });
  draft.announce({ kind: 'router_binding', id: router_id, event: 'created', revision: 0, facts: { router_id, agent_id } });
}

/** POST /agents/{id}/l3-routers. */
export async function addRouterToAgent(services: Services, draft: Draft, agentId: string, routerId: string): Promise<void> {
  const agent = await agentOf(services, draft, agentId);
  if (!serves(agent, l3AgentType)) throw apiError('InvalidL3Agent', { id: agentId });
  const router = await services.store.get('routers', { id: routerId });
  if (!router) throw apiError('RouterNotFound', { router_id: routerId });
  if (agentMode(agent) === 'dvr') throw apiError('DVRL3CannotAssignToDvrAgent');
  if (!fitsMode(router)(agent)) throw apiError('RouterL3AgentMismatch', { router_id: routerId, agent_id: agentId });
  const bound = await services.store.select(routerBindingsQuery(routerId));
  const taken = router.ha === true ? bound.find(b => b.agent_id === agentId) : bound[0];
  if (taken) throw apiError('RouterHostedByL3Agent', { router_id: routerId, agent_id: String(taken.agent_id) });
  relyOnMode(draft, router);
  await place(services, draft, router, [agentId], bound);
}

/** DELETE /agents/{id}/l3-routers/{router}. Also from an agent that is disabled. */
export async function removeRouterFromAgent(services: Services, draft: Draft, agentId: string, routerId: string): Promise<void> {
  const agent = await agentOf(services, draft, agentId);
  if (agent.agent_type !== l3AgentType) throw apiError('InvalidL3Agent', { id: agentId });
  if (!(await services.store.get('router_bindings', { router_id: routerId, agent_id: agentId }))) {
    throw apiError('RouterNotHostedByL3Agent', { router_id: routerId, agent_id: agentId });
  }
  if (agentMode(agent) === 'dvr') throw apiError('DVRL3CannotRemoveFromDvrAgent');
  await leave(services, draft, routerId, agent);
}

async function leave(services: Services, draft: Draft, router_id: string, { id, host }: Row): Promise<void> {
  const binding: Predicate = { and: [{ eq: ['router_id', router_id] }, { eq: ['agent_id', String(id)] }] };
  await dropHaPorts(services, draft, binding);
  draft.delete('router_bindings', binding);
  draft.announce({ kind: 'router_binding', id: router_id, event: 'deleted', revision: 0, facts: { router_id, agent_id: id, host } });
}
