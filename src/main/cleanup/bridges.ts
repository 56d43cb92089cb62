// Bridges of networks without any tap, as Linux bridge agents leave them: taken away with their uplinks, whose addresses they give back.

import type { LinuxbridgeConfig } from '../../agent/context.ts';
import { isBridgeName } from '../../agent/desired/linuxbridge-names.ts';
import { byName, linksToRemove } from '../../agent/linuxbridge/link-steps.ts';
import type { Links } from '../../contracts/host/links.ts';
import { hostNetns } from '../../contracts/host/netns.ts';

export interface CleanedBridges {
  readonly removed: readonly string[];
  /** Something is plugged into them. */
  readonly kept: readonly string[];
  readonly problems: readonly string[];
}

export async function cleanBridges(links: Links, { interfaceMappings, bridgeMappings }: LinuxbridgeConfig): Promise<CleanedBridges> {
  const wanted = Object.values(bridgeMappings).map(name => [name, { name, network: '', mtu: null, made: false }] as const);
  const plan = { bridges: new Map(wanted), taps: new Map(), problems: new Map() };
  const physical = new Set(Object.values(interfaceMappings));
  const problems: string[] = [];
  const round = async () => {
    const before = byName(await links.list(hostNetns));
    const routes = (await Promise.all([links.routes(hostNetns, 4), links.routes(hostNetns, 6)])).flat();
    const removal = linksToRemove(plan, before, { physical }, routes);
    const refused = await links.apply(hostNetns, removal.changes);
    problems.push(...refused.map(({ index, reason }) => `${JSON.stringify(removal.changes[index])}: ${reason}`));
    return removal;
  };
  const first = await round();
  const bridges = [...first.bridges, ...(first.again ? (await round()).bridges : [])].sort();
  const after = byName(await links.list(hostNetns));
  const there = [...after.keys()].filter(name => isBridgeName(name) && !plan.bridges.has(name));
  return {
    removed: bridges.filter(name => !after.has(name)),
    kept: there.filter(name => !bridges.includes(name)),
    problems,
  };
}
