// What a VXLAN device holds of it: the steps from one state to another, and the state out of what the kernel lists.
import { canonicalIp } from '../../domain/net/ip.ts';
import { emptyFdb, type FdbState, FLOOD_MAC } from './l2-fdb.ts';

/** Changes of one device's FDB and neighbour table, in the words of the door to links. */
export type FdbStep =
  | { readonly do: 'add-fdb' | 'del-fdb'; readonly dev: string; readonly mac: string; readonly dst: string }
  | { readonly do: 'replace-neighbour'; readonly dev: string; readonly ip: string; readonly mac: string }
  | { readonly do: 'del-neighbour'; readonly dev: string; readonly ip: string };

export function fdbSteps(dev: string, actual: FdbState, desired: FdbState): FdbStep[] {
  const steps: FdbStep[] = [];
  for (const dst of desired.flood) if (!actual.flood.has(dst)) steps.push({ do: 'add-fdb', dev, mac: FLOOD_MAC, dst });
  for (const [mac, dst] of desired.unicast) if (actual.unicast.get(mac) !== dst) steps.push({ do: 'add-fdb', dev, mac, dst });
  for (const [ip, mac] of desired.neighbours) if (actual.neighbours.get(ip) !== mac) steps.push({ do: 'replace-neighbour', dev, ip, mac });
  for (const ip of actual.neighbours.keys()) if (!desired.neighbours.has(ip)) steps.push({ do: 'del-neighbour', dev, ip });
  for (const [mac, dst] of actual.unicast) if (!desired.unicast.has(mac)) steps.push({ do: 'del-fdb', dev, mac, dst });
  for (const dst of actual.flood) if (!desired.flood.has(dst)) steps.push({ do: 'del-fdb', dev, mac: FLOOD_MAC, dst });
  return steps;
}

/** The state of one device out of what the kernel lists. */
export function fdbOf(
  dev: string,
  fdb: readonly { readonly dev: string; readonly mac: string; readonly dst?: string; readonly permanent: boolean }[],
  neighbours: readonly { readonly dev: string; readonly ip: string; readonly mac: string; readonly permanent: boolean }[],
): FdbState {
  const state = emptyFdb();
  for (const entry of fdb) {
    const dst = entry.dev === dev && entry.permanent && entry.dst !== undefined ? canonicalIp(entry.dst) : undefined;
    if (dst === undefined) continue;
    if (entry.mac === FLOOD_MAC) state.flood.add(dst);
    else state.unicast.set(entry.mac, dst);
  }
  for (const n of neighbours) if (n.dev === dev && n.permanent) state.neighbours.set(canonicalIp(n.ip) ?? n.ip, n.mac);
  return state;
}
