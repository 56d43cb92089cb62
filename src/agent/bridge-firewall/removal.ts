// What the filters of an L2 agent are on a host that is done with it, and how they go: by the names that are its own.
import type { Host } from '../../contracts/host/host.ts';
import { hostNetns } from '../../contracts/host/netns.ts';
import { parseSave } from '../render/iptables.ts';
import type { AgentNames } from '../render/iptables-names.ts';
import { withoutMarks } from '../render/mangle-leftovers.ts';
import { emptyInherited } from './inherited.ts';
import { IptablesRules } from './iptables-rules.ts';
import { unlessMissing } from './missing-tool.ts';

type Doors = Pick<Host, 'iptables' | 'nft'>;

/** `table FAMILY NAME` of nftables, and a line for chains of iptables, for those that are there. */
export async function filtersOf(host: Doors, names: AgentNames): Promise<string[]> {
  const saved = await Promise.all(([4, 6] as const).map(family => host.iptables.save(hostNetns, family).catch(unlessMissing(''))));
  const chains = saved.flatMap(text => [...parseSave(text).values()]).flatMap(table => [...table.keys()]);
  return [
    ...(chains.some(names.isOurs) ? [`chains ${names.chain('…')} of iptables`] : []),
    ...(await tablesThere(host, names)).map(table => `table ${table}`),
  ];
}

/** For a host where no tap relies on them. Rules go first, and the tables that shut taps out last. */
export async function removeFilters(host: Host, names: AgentNames): Promise<void> {
  await new IptablesRules(host, names).remove();
  for (const family of [4, 6] as const) {
    const marks = withoutMarks(await host.iptables.save(hostNetns, family, 'mangle').catch(unlessMissing('')));
    if (marks !== '') await host.iptables.restore(hostNetns, family, marks);
  }
  await emptyInherited(host.nft).catch(unlessMissing(undefined));
  const script = (await tablesThere(host, names)).map(table => `delete table ${table}\n`).join('');
  if (script !== '') await host.nft.apply(hostNetns, script);
}

async function tablesThere({ nft }: Doors, { table }: AgentNames): Promise<string[]> {
  const all = [
    ...(['bridge', 'inet', 'arp'] as const).map(family => [family, table] as const),
    ...(['bridge', 'inet'] as const).map(family => [family, `${table}-sg`] as const),
    ...(['inet', 'arp'] as const).map(family => [family, `${table}-host`] as const),
    ['bridge', `${table}-qos`] as const,
  ];
  const there = await Promise.all(
    all.map(async ([family, name]) => {
      const listing = await nft.listTable(hostNetns, family, name).catch(unlessMissing(undefined));
      return listing === undefined ? [] : [`${family} ${name}`];
    }),
  );
  return there.flat();
}
