// Networks whose DHCP agents died are given to living ones; routers stay where they are, as in Neutron's defaults.
import type { Row } from '../../contracts/store.ts';
import type { Signal } from '../../engine/clock.ts';
import { isAlive } from '../commands/agent-liveness.ts';
import { dhcpAgentType, scheduleNetwork, unbindNetwork, usableAgents } from '../commands/scheduling.ts';
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
  const dead = agents.filter(a => isGivenUp(services, a));
  if (dead.length === 0) return [];
  const bound = await services.store.select({ table: 'dhcp_bindings', where: { in: ['agent_id', dead.map(a => String(a.id))] } });
  const moved: string[] = [];
  for (const binding of bound) if (await moveNetwork(services, binding)) moved.push(String(binding.network_id));
  return moved;
}

/** False: the agent lives again, or another server was faster. */
async function moveNetwork(services: Services, { network_id, agent_id }: Row): Promise<boolean> {
  const moved = await commitDecision(services, {
    decide: async draft => {
      const agent = await services.store.get('agents', { id: String(agent_id) });
      const key = { network_id: String(network_id), agent_id: String(agent_id) };
      if (!agent || !isGivenUp(services, agent) || !(await services.store.get('dhcp_bindings', key))) return false;
      draft.present('dhcp_bindings', { and: [{ eq: ['network_id', key.network_id] }, { eq: ['agent_id', key.agent_id] }] });
      await unbindNetwork(services, draft, key.network_id, agent);
      await scheduleNetwork(services, draft, key.network_id);
      return true;
    },
  });
  if (moved) services.log.warning('a network was taken from a dead DHCP agent', { network_id, agent_id });
  return moved;
}

function isGivenUp(services: Services, agent: Row): boolean {
  return !isAlive(services, agent) && lateBy(services, agent) > services.config.agentDownTime * 2000;
}

function lateBy(services: Services, agent: Row): number {
  return services.clock.now() - Date.parse(String(agent.heartbeat_timestamp));
}
