// What the Linux bridge agent leaves on a host that has moved: bridges without anything in them, and its filters. Only what is known by name.
import type { Host } from '../../contracts/host/host.ts';
import { hostNetns } from '../../contracts/host/netns.ts';
import { emptyInherited } from '../bridge-firewall/inherited.ts';
import type { Move } from '../desired/migrate/move.ts';
import { isOurSet, setDelta } from '../render/ipset.ts';
import { parseSave, tableDelta } from '../render/iptables.ts';
import { noTables } from '../render/iptables-bridge.ts';
import { linuxbridgeNames } from '../render/iptables-names.ts';
import { withoutMarks } from '../render/mangle-leftovers.ts';
import { qosTable } from '../render/nft-qos.ts';

/** Answers what was kept, and why. */
export async function cleanLinuxBridges(host: Host, { bridges }: Move): Promise<string[]> {
  const links = await host.links.list(hostNetns);
  const kept: string[] = [];
  const empty: string[] = [];
  for (const { name, addresses } of links.filter(l => bridges.includes(l.name))) {
    const members = links.filter(l => l.master === name).map(l => l.name);
    if (members.length > 0) kept.push(`${name}: ${members.join(', ')} in it`);
    else if (addresses.some(a => a.scope === 'global')) kept.push(`${name}: it has addresses`);
    else empty.push(name);
  }
  const refused = await host.links.apply(
    hostNetns,
    empty.map(name => ({ do: 'del-link', name })),
  );
  return [...kept, ...refused.map(({ index, reason }) => `${empty[index]}: ${reason}`)];
}

/** Rules first, then the sets that they named. */
export async function cleanFilters({ iptables, ipsets, nft }: Host): Promise<void> {
  const { isOurs, table: name } = linuxbridgeNames;
  for (const family of [4, 6] as const) {
    const actual = parseSave(await iptables.save(hostNetns, family));
    const rules = noTables.map(table => tableDelta(actual.get(table.table) ?? new Map(), table, isOurs, true)).join('');
    const marks = withoutMarks(await iptables.save(hostNetns, family, 'mangle'));
    for (const text of [rules, marks]) if (text !== '') await iptables.restore(hostNetns, family, text);
  }
  const sets = [...(await ipsets.list(hostNetns))].filter(([set]) => isOurSet(set));
  const { after } = setDelta(new Map(sets.map(([set, s]) => [set, { family: s.family, members: new Set(s.members) }])), new Map(), true);
  if (after !== '') await ipsets.restore(hostNetns, after);
  await emptyInherited(nft);
  const tables = [
    ...(['bridge', 'inet', 'arp'] as const).map(family => [family, name] as const),
    ...(['bridge', 'inet'] as const).map(family => [family, `${name}-sg`] as const),
    ['bridge', qosTable] as const,
  ];
  for (const [family, table] of tables)
    if ((await nft.listTable(hostNetns, family, table)) !== undefined) await nft.apply(hostNetns, `delete table ${family} ${table}\n`);
}
