// Agents as the API shows them. They are born of their heartbeats (rpc/agent-state), not of requests.
import type { Predicate, Row } from '../../contracts/store.ts';
import type { Attributes } from '../../domain/input/body.ts';
import { readBool } from '../../domain/input/values.ts';
import { agent } from '../../model/agent.ts';
import { changedColumns, shownColumns } from '../columns.ts';
import type { RequestContext, Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { dropAgentGateways } from './agent-gateways.ts';
import { aliveSince, isAlive } from './agent-liveness.ts';
import type { ApiObject, Commands } from './commands.ts';
import { dropHaPorts } from './router-ha-ports.ts';

/** `2026-11-21 01:02:14`, as Neutron shows the times of agents. */
const shown = (time: unknown): string => String(time).replace('T', ' ').replace('Z', '');

async function present(services: Services, rows: readonly Row[]): Promise<ApiObject[]> {
  return rows.map(row => ({
    ...shownColumns(agent, row),
    created_at: shown(row.created_at),
    started_at: shown(row.started_at),
    heartbeat_timestamp: shown(row.heartbeat_timestamp),
    alive: isAlive(services, row),
  }));
}

async function update(_ctx: RequestContext, draft: Draft, row: Row, input: Attributes): Promise<void> {
  const { admin_state_up } = input as { admin_state_up?: boolean };
  const set = changedColumns(agent, input);
  if (Object.keys(set).length === 0) return;
  draft.update(agent, row, set, {
    facts: {
      host: row.host,
      agent_type: row.agent_type,
      admin_state_changed: admin_state_up !== undefined && admin_state_up !== row.admin_state_up,
      admin_state_up,
    },
  });
}

/** With the ports that it had on HA networks, and those by which floating IPs left its host. */
async function remove(ctx: RequestContext, draft: Draft, row: Row): Promise<void> {
  const own: Predicate = { eq: ['agent_id', String(row.id)] };
  const routers = (await ctx.store.select({ table: 'router_bindings', where: own })).map(b => String(b.router_id));
  await dropHaPorts(ctx, draft, own);
  await dropAgentGateways(ctx, draft, String(row.id));
  for (const table of ['dhcp_bindings', 'router_bindings']) draft.delete(table, own);
  draft.absent('router_bindings', { and: [own, { not: { in: ['router_id', routers] } }] });
  draft.remove(agent, row, { host: row.host, agent_type: row.agent_type });
}

export const agents = (services: Services): Commands => ({
  resource: agent,
  present,
  filters: {
    alive: values => ({
      or: values.map(v =>
        readBool(v) ? { gte: ['heartbeat_timestamp', aliveSince(services)] } : { lt: ['heartbeat_timestamp', aliveSince(services)] },
      ),
    }),
  },
  update,
  delete: remove,
});
