// What the Linux bridge agent leaves on a host that has moved: bridges without anything in them. Only what is known by name.
import type { Host } from '../../contracts/host/host.ts';
import { hostNetns } from '../../contracts/host/netns.ts';
import type { Move } from '../desired/migrate/move.ts';

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
