// Agents and what they serve: /agents/{id}/dhcp-networks, /agents/{id}/l3-routers, /networks/{id}/dhcp-agents, /routers/{id}/l3-agents.
import type { Row } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import { denial } from '../authorize.ts';
import type { Commands } from '../commands/commands.ts';
import * as routerScheduling from '../commands/router-scheduling.ts';
import * as scheduling from '../commands/scheduling.ts';
import type { RequestContext } from '../context.ts';
import type { Draft } from '../draft.ts';
import { find, viewerOf } from '../find.ts';
import { maskFor } from '../mask.ts';
import type { Told } from '../notify/notifications.ts';
import { commitDecision } from '../retry.ts';
import { afterwards } from './notified.ts';
import type { Reply } from './reply.ts';
import type { ApiRequest } from './request.ts';

/** One direction of a binding: the parent of the URL, and what is bound to it. */
interface Side {
  readonly parent: Commands;
  readonly bound: Commands;
  readonly table: string;
  readonly from: string;
  readonly to: string;
  readonly rule: string;
}

function authorize(ctx: RequestContext, rule: string): void {
  if (!ctx.policy.allows(rule, ctx.caller, {})) throw denial(ctx, rule);
}

async function listBound(ctx: RequestContext, { parent, bound, table, from, to, rule }: Side, id: string): Promise<Reply> {
  authorize(ctx, `get_${rule}s`);
  await find(ctx, parent, id);
  const bindings = await ctx.store.select({ table, where: { eq: [from, id] } });
  const { resource } = bound;
  const where = { in: ['id', bindings.map(b => String(b[to]))] } as const;
  const rows = await ctx.store.select({ table: resource.table.name, where, order: [['id', 'asc']] });
  const objects = await bound.present(ctx, rows, viewerOf(ctx));
  const mask = maskFor(ctx.policy, ctx.caller, resource);
  const shown = mask.apply(objects, []);
  return { status: 200, json: { [resource.plural]: rule === 'l3-agent' ? withStates(shown, bindings) : shown } };
}

/** Of a highly available router, what each agent says it is. */
function withStates(agents: readonly Record<string, unknown>[], bindings: readonly Row[]): Record<string, unknown>[] {
  const states = new Map(bindings.map(b => [b.agent_id, b.ha_state ?? null]));
  return agents.map(a => ({ ...a, ha_state: states.get(String(a.id)) ?? null }));
}

function idIn(body: unknown, key: string): string {
  const id = typeof body === 'object' && body !== null ? (body as Record<string, unknown>)[key] : undefined;
  if (typeof id !== 'string') throw apiError('HTTPBadRequest', { message: `Unable to find '${key}' in request body` });
  return id;
}

async function change(ctx: RequestContext, rule: string, decide: (draft: Draft, now: RequestContext) => Promise<void>): Promise<void> {
  authorize(ctx, rule);
  await commitDecision(ctx, { decide });
}

/** /agents/{id}/<sub>[/{child}] */
export async function ofAgent(request: ApiRequest, agents: Commands, networks: Commands, routers: Commands): Promise<Reply> {
  const { ctx, method, body } = request;
  const [, agentId = '', sub, child] = request.path;
  const dhcp = sub === 'dhcp-networks';
  const side: Side = dhcp
    ? { parent: agents, bound: networks, table: 'dhcp_bindings', from: 'agent_id', to: 'network_id', rule: 'dhcp-network' }
    : { parent: agents, bound: routers, table: 'router_bindings', from: 'agent_id', to: 'router_id', rule: 'l3-router' };
  if (method === 'GET' && child === undefined) return listBound(ctx, side, agentId);
  if (method === 'POST' && child === undefined) {
    const id = idIn(body, side.to);
    const add = dhcp ? scheduling.addNetworkToAgent : routerScheduling.addRouterToAgent;
    await change(ctx, `create_${side.rule}`, (draft, now) => add(now, draft, agentId, id));
    await afterwards(request, scheduled(side, 'add', agentId, id));
    return { status: 201, json: null };
  }
  if (method === 'DELETE' && child !== undefined) {
    const remove = dhcp ? scheduling.removeNetworkFromAgent : routerScheduling.removeRouterFromAgent;
    await change(ctx, `delete_${side.rule}`, (draft, now) => remove(now, draft, agentId, child));
    await afterwards(request, scheduled(side, 'remove', agentId, child));
    return { status: 204 };
  }
  throw apiError('HTTPMethodNotAllowed');
}

function scheduled({ to }: Side, how: 'add' | 'remove', agentId: string, id: string): Told {
  const payload = { agent: { id: agentId, [to]: id } };
  if (to === 'network_id') return { event_type: `dhcp_agent.network.${how}`, payload };
  return { event_type: `l3_agent.router.${how}`, payload, publisher: 'router' };
}

/** /networks/{id}/dhcp-agents and /routers/{id}/l3-agents */
export async function agentsOf(request: ApiRequest, parent: Commands, agents: Commands): Promise<Reply> {
  const [collection, id = ''] = request.path;
  if (request.method !== 'GET') throw apiError('HTTPMethodNotAllowed');
  const side: Side =
    collection === 'networks'
      ? { parent, bound: agents, table: 'dhcp_bindings', from: 'network_id', to: 'agent_id', rule: 'dhcp-agent' }
      : { parent, bound: agents, table: 'router_bindings', from: 'router_id', to: 'agent_id', rule: 'l3-agent' };
  return listBound(request.ctx, side, id);
}
