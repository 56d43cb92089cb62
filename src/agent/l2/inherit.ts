// What an agent's last life was told by l2population counts as told; what was told in this one wins.
import type { FdbState } from '../desired/l2-fdb.ts';

export function inherit(told: FdbState, found: FdbState): void {
  for (const end of found.flood) told.flood.add(end);
  for (const [mac, end] of found.unicast) if (!told.unicast.has(mac)) told.unicast.set(mac, end);
  for (const [ip, mac] of found.neighbours) if (!told.neighbours.has(ip)) told.neighbours.set(ip, mac);
}
