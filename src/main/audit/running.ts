// How many agents of each type run on this machine: an audit is of one of each, by the name of one host.
import { agentParts } from '../agent-config.ts';
import { runningAgents } from '../cleanup/running.ts';

export function runningByType(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const type of runningAgents().flatMap(({ kinds }) => kinds.map(kind => agentParts[kind]))) counts[type] = (counts[type] ?? 0) + 1;
  return counts;
}
