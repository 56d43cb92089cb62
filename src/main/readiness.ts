// Whether everything is there that `ready` promises, and if not, what is missing and why.
import type { AgentProcessView, HostView } from '../cli/control.ts';
import type { ApiClient } from '../client/api.ts';
import { collection } from '../client/collection.ts';
import type { Shown } from '../client/types.ts';
import { agent } from '../model/agent.ts';

const told = ['host', 'agent_type', 'alive', 'heartbeat_timestamp'] as const;
export type AgentRow = Pick<Shown<typeof agent>, (typeof told)[number]>;

export function listAgents(api: ApiClient): Promise<AgentRow[]> {
  return collection(api, agent).list({ fields: told });
}

/** One line per agent that has not reported since `since` (milliseconds), with what is known of the process that should have. */
export function missingAgents(hosts: readonly HostView[], types: readonly string[], since: number): string[] {
  return hosts.flatMap(host => {
    const heard = host.agents.filter(agent => agent.alive && reportedAt(agent.heartbeat_timestamp) >= since).map(agent => agent.agent_type);
    return types
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
