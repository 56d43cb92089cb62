// Ports by which floating IPs of distributed routers leave a host: one for each external network, of the host's agent.
import type { Row } from '../../contracts/store.ts';
import { owners } from '../../domain/ipam/owners.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { removePortRows } from './port-rows.ts';

/** The server's own: a project's port is not the agent's, whatever it calls itself. */
export async function agentGatewayRows({ store }: Services, agentId: string): Promise<Row[]> {
  return store.select({
    table: 'ports',
    where: {
      and: [{ eq: ['device_id', agentId] }, { eq: ['device_owner', owners.floatingipAgentGateway] }, { eq: ['project_id', ''] }],
    },
  });
}

export async function dropAgentGateways(services: Services, draft: Draft, agentId: string): Promise<void> {
  await removePortRows(services, draft, await agentGatewayRows(services, agentId));
}
