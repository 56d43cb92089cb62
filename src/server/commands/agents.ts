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
import { takePorts } from './take-ports.ts';

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

/** With the ports that it had on HA networks, those by which floating IPs left its host, and, as the last of its host, the host's MAC. */
async function remove(ctx: RequestContext, draft: Draft, row: Row): Promise<void> {
  const own: Predicate = { eq: ['agent_id', String(row.id)] };
  await dropHaPorts(ctx, draft, own);
  await dropAgentGateways(ctx, draft, String(row.id));
  for (const table of ['dhcp_bindings', 'router_bindings']) draft.delete(table, own);
  await dropMac(ctx, draft, row);
  draft.remove(agent, row, { host: row.host, agent_type: row.agent_type });
}

/** The MAC by which distributed routers know a host is a host's for as long as it has agents. Of two that go at once one is the last. */
async function dropMac({ store }: RequestContext, draft: Draft, { id, host }: Row): Promise<void> {
  const here: Predicate = { eq: ['host', String(host)] };
  if ((await store.count('dvr_mac_addresses', here)) === 0) return;
  const others: Predicate = { and: [here, { not: { eq: ['id', String(id)] } }] };
  if ((await store.count('agents', others)) > 0) return draft.present('agents', others);
  draft.absent('agents', others);
  draft.delete('dvr_mac_addresses', here);
  draft.announce({ kind: 'dvr_mac', id: String(host), event: 'deleted', revision: 0, facts: {} });
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
  actions: { take_ports: takePorts },
});
