// Networks whose DHCP agents died are given to living ones; routers stay where they are, as in Neutron's defaults.
import type { Row } from '../../contracts/store.ts';
import type { Signal } from '../../engine/clock.ts';
import { isAlive } from '../commands/agent-liveness.ts';
import { dhcpAgentType, scheduleNetwork, usableAgents } from '../commands/scheduling.ts';
import type { Services } from '../context.ts';
import { commitDecision } from '../retry.ts';

/** Half of `agent_down_time`: a death is noticed within one and a half of it. */
export async function runDhcpFailover(services: Services, signal: Signal): Promise<void> {
  while (!signal.aborted) {
    await services.clock.sleep(services.config.agentDownTime * 500, signal);
    if (signal.aborted) return;
    try {
      await moveNetworks(services);
    } catch (error) {
      services.log.error('DHCP failover failed, will be repeated', { error });
    }
  }
}

/** Answers the networks that were moved. Only agents that have been dead for twice the limit are given up. */
export async function moveNetworks(services: Services): Promise<string[]> {
  if ((await usableAgents(services, dhcpAgentType)).length === 0) return [];
  const agents = await services.store.select({ table: 'agents', where: { eq: ['agent_type', dhcpAgentType] } });
  const dead = agents.filter(a => !isAlive(services, a) && lateBy(services, a) > services.config.agentDownTime * 2000);
  if (dead.length === 0) return [];
  const bound = await services.store.select({ table: 'dhcp_bindings', where: { in: ['agent_id', dead.map(a => String(a.id))] } });
  for (const { network_id, agent_id } of bound) {
    await commitDecision(services, {
      decide: async draft => {
        draft.delete('dhcp_bindings', { and: [{ eq: ['network_id', String(network_id)] }, { eq: ['agent_id', String(agent_id)] }] });
        const host = dead.find(a => a.id === agent_id)?.host ?? '';
        draft.announce({
          kind: 'dhcp_binding',
          id: String(network_id),
          event: 'deleted',
          revision: 0,
          facts: { network_id, agent_id, host },
        });
        await scheduleNetwork(services, draft, String(network_id));
      },
    });
    services.log.warning('a network was taken from a dead DHCP agent', { network_id, agent_id });
  }
  return bound.map(b => String(b.network_id));
}

function lateBy(services: Services, agent: Row): number {
  return services.clock.now() - Date.parse(String(agent.heartbeat_timestamp));
}
