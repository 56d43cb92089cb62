// Filters that L2 agents leave: they go when nothing is here any more that they shut.
import { filtersOf, removeFilters } from '../../agent/bridge-firewall/removal.ts';
import { isTapName } from '../../agent/desired/linuxbridge-names.ts';
import type { AgentNames } from '../../agent/render/iptables-names.ts';
import type { Host } from '../../contracts/host/host.ts';
import { hostNetns } from '../../contracts/host/netns.ts';

export interface CleanedFilters {
  readonly removed: readonly string[];
  readonly kept: readonly string[];
}

/** `isOurs`: bridges whose taps the agent filtered. A tap that is in no bridge is shut out of the host by them. */
export async function cleanFilters(host: Host, names: AgentNames, isOurs: (bridge: string) => boolean): Promise<CleanedFilters> {
  const filters = await filtersOf(host, names);
  const links = await host.links.list(hostNetns);
  if (links.some(l => isTapName(l.name) && (l.master === undefined || isOurs(l.master)))) return { removed: [], kept: filters };
  await removeFilters(host, names);
  return { removed: filters, kept: [] };
}
