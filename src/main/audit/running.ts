// How many agents of each type run on this machine: an audit is of one of each, by the name of one host.
import { runningAgents } from '../cleanup/running.ts';
import { agentProgramOf } from '../config/agents/programs.ts';

export function runningByType(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const type of runningAgents().flatMap(({ kinds }) => kinds.map(kind => agentProgramOf[kind].title)))
    counts[type] = (counts[type] ?? 0) + 1;
  return counts;
}
