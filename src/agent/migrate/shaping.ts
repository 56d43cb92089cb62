// Limits of bandwidth that a Linux bridge agent, Weft's or Neutron's, has given to taps: nobody would change them any more, and Open vSwitch has its own.
import type { Host } from '../../contracts/host/host.ts';
import { hostNetns } from '../../contracts/host/netns.ts';
import type { QdiscChange } from '../../contracts/host/qdiscs.ts';
import type { MovedTap } from '../desired/migrate/move.ts';

/**
 * A token bucket is these agents' own. A policer of what comes in may be libvirt's, too, by a flavor's quota: it goes only where the port has a
 * QoS policy. Answers what was not done.
 */
export async function clearShaping({ qdiscs }: Pick<Host, 'qdiscs'>, taps: readonly MovedTap[]): Promise<string[]> {
  const there = await qdiscs.list(hostNetns);
  const gone = there.flatMap(({ dev, kind, at }): QdiscChange[] => {
    const tap = taps.find(t => t.name === dev);
    const shaped = at === 'root' && kind === 'tbf';
    const policed = at === 'ingress' && kind === 'ingress' && tap?.limited === true;
    return tap && (shaped || policed) ? [{ do: 'delete', dev, at }] : [];
  });
  if (gone.length === 0) return [];
  const refused = await qdiscs.apply(hostNetns, gone);
  return refused.map(({ index, reason }) => `a limit of ${gone[index]?.dev} stays: ${reason}`);
}
