// Ports by which floating IPs of distributed routers leave a host: one for each external network, of the host's agent.
import type { Predicate, Row } from '../../contracts/store.ts';
import { owners } from '../../domain/ipam/owners.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { relyOnAll } from './load.ts';
import { removePortRows } from './port-rows.ts';

/** The server's own: a project's port is not the agent's, whatever it calls itself. */
const owned: readonly Predicate[] = [{ eq: ['device_owner', owners.floatingipAgentGateway] }, { eq: ['project_id', ''] }];
const ofAgent = (agentId: string): Predicate => ({ and: [{ eq: ['device_id', agentId] }, ...owned] });

export async function agentGatewayRows({ store }: Services, agentId: string): Promise<Row[]> {
  return store.select({ table: 'ports', where: ofAgent(agentId) });
}

export async function dropAgentGateways(services: Services, draft: Draft, agentId: string): Promise<void> {
  await removePortRows(services, draft, await relyOnAll(services, draft, 'ports', ofAgent(agentId), ['id']));
}

/** What a new one relies on: the agent is there, and a router that leads outside by the network. False: none does. */
export async function relyOnGateway({ store }: Services, draft: Draft, agentId: string, networkId: string): Promise<boolean> {
  const outside: Predicate = { and: [{ eq: ['network_id', networkId] }, { eq: ['device_owner', owners.routerGateway] }] };
  draft.present('agents', { eq: ['id', agentId] });
  draft.present('ports', outside);
  return (await store.count('ports', outside)) > 0;
}

/** With the last gateways on an external network, what its floating IPs left the hosts by. Of two that go at once one is the last. */
export async function dropAgentGatewaysOf(services: Services, draft: Draft, network_id: string, last: readonly Row[]): Promise<void> {
  const there: Predicate = { eq: ['network_id', network_id] };
  const going = await relyOnAll(services, draft, 'ports', { and: [there, ...owned] }, ['id']);
  if (going.length === 0) return;
  const others: Predicate = {
    and: [there, { eq: ['device_owner', owners.routerGateway] }, { not: { in: ['id', last.map(g => String(g.id))] } }],
  };
  if ((await services.store.count('ports', others)) > 0) return draft.present('ports', others);
  draft.absent('ports', others);
  await removePortRows(services, draft, going);
  draft.announce({ kind: 'fip_namespace', id: network_id, event: 'deleted', revision: 0, facts: {} });
}
