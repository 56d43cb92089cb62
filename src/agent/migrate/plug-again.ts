// Neutron's Linux bridge agent leaves it to Nova to put an instance's tap into its bridge, and Nova does so when the instance starts. On the way
// back nobody starts it.
import type { Host } from '../../contracts/host/host.ts';
import { hostNetns } from '../../contracts/host/netns.ts';
import { bridgeName } from '../desired/linuxbridge-names.ts';
import type { Move } from '../desired/migrate/move.ts';
import { parseSave } from '../render/iptables.ts';
import { linuxbridgeNames } from '../render/iptables-names.ts';

/** Taps that are nowhere go into the bridges that the agent has made, as soon as their filters stand. */
export async function plugAgain({ links, iptables }: Pick<Host, 'links' | 'iptables'>, { taps }: Move): Promise<void> {
  const there = new Map((await links.list(hostNetns)).map(l => [l.name, l]));
  const waiting = taps.filter(t => there.has(t.name) && there.get(t.name)?.master === undefined && there.has(bridgeName(t.network)));
  if (waiting.length === 0) return;
  const chains = parseSave(await iptables.save(hostNetns, 4, 'filter')).get('filter');
  const ready = waiting.filter(t => !t.guarded || chains?.has(linuxbridgeNames.port('ingress', t.port)));
  // Who is refused is waited for, and told of.
  await links.apply(
    hostNetns,
    ready.map(t => ({ do: 'set-link', name: t.name, master: bridgeName(t.network), up: true })),
  );
}
