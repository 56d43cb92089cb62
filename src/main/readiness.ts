// Whether everything is there that `ready` promises, and if not, what is missing and why.
import type { AgentProcessView, HostView } from '../cli/control.ts';
import type { ApiClient } from '../client/api.ts';
import { agentParts } from './agent-config.ts';

export interface AgentRow {
  readonly host: string;
  readonly agent_type: string;
  readonly alive: boolean;
  readonly heartbeat_timestamp: string | null;
}

export async function listAgents(api: ApiClient): Promise<AgentRow[]> {
  const { agents } = await api.get<{ agents: AgentRow[] }>('/agents?fields=host&fields=agent_type&fields=alive&fields=heartbeat_timestamp');
  return agents;
}

/** One line per agent that has not reported since `since` (milliseconds), with what is known of the process that should have. */
export function missingAgents(hosts: readonly HostView[], since: number): string[] {
  return hosts.flatMap(host => {
    const heard = host.agents.filter(agent => agent.alive && reportedAt(agent.heartbeat_timestamp) >= since).map(agent => agent.agent_type);
    return Object.values(agentParts)
      .filter(type => !heard.includes(type))
      .map(type => `${type} on ${host.name} has not reported (${describeProcess(host.process)})`);
  });
}

/** Neutron writes `2026-01-02 03:04:05`, UTC, to the second. */
function reportedAt(timestamp: string | null): number {
  return timestamp === null ? 0 : Date.parse(`${timestamp.replace(' ', 'T')}Z`) + 999;
}

export function describeProcess({ state, pid, restarts, lastEnd }: AgentProcessView): string {
  const again = restarts > 0 ? `, restarted ${restarts} times` : '';
  const end = lastEnd ? `, last time: ${lastEnd}` : '';
  return pid === undefined ? `its process is ${state}${again}${end}` : `its process ${pid} is ${state}${again}${end}`;
}
