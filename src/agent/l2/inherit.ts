// What an agent's last life was told by l2population counts as told until it is clear that nobody tells it again; what was told in this one wins.
import { emptyFdb, type FdbState } from '../desired/l2-fdb.ts';
import type { View } from './view.ts';

export function inherit(view: View, network: string, found: FdbState): void {
  const told = view.fdbOf(network);
  const old = emptyFdb();
  for (const end of found.flood) told.flood.add(end);
  for (const [mac, end] of found.unicast) if (!told.unicast.has(mac)) old.unicast.set(mac, end);
  for (const [ip, mac] of found.neighbours) if (!told.neighbours.has(ip)) old.neighbours.set(ip, mac);
  for (const [mac, end] of old.unicast) told.unicast.set(mac, end);
  for (const [ip, mac] of old.neighbours) told.neighbours.set(ip, mac);
  view.doubts.doubt(network, old);
}
