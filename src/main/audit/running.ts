// How many agents of each type run on this machine: an audit is of one of each, by the name of one host.
import { runningAgents } from '../cleanup/running.ts';
import type { AgentKind } from '../config/agents/settings.ts';

const typeOf: Readonly<Record<AgentKind, string>> = {
  linuxbridge: 'Linux bridge agent',
  dhcp: 'DHCP agent',
  l3: 'L3 agent',
  metadata: 'Metadata agent',
};

export function runningByType(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of runningAgents().flatMap(({ kinds }) => kinds)) counts[typeOf[kind]] = (counts[typeOf[kind]] ?? 0) + 1;
  return counts;
}
