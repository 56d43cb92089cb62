// What l2population told before messages may have been lost. The server's whole table, which is asked for then, only adds, and leaves out ports that are
// just being wired. What nobody has told again after a while is forgotten: frames for it are flooded to the ends, as for any MAC that is not known.
import type { FdbState, FdbUpdate } from './l2-fdb.ts';

interface Doubted {
  readonly macs: Set<string>;
  readonly addresses: Set<string>;
}

export class Doubts {
  private readonly networks = new Map<string, Doubted>();
  private deadline: number | undefined;

  /** These may be gone. */
  doubt(network: string, { unicast, neighbours }: FdbState): void {
    const known = this.networks.get(network) ?? { macs: new Set(), addresses: new Set() };
    this.networks.set(network, known);
    for (const mac of unicast.keys()) known.macs.add(mac);
    for (const address of neighbours.keys()) known.addresses.add(address);
    this.deadline = undefined;
  }

  /** These were told now. */
  settle({ network, ends }: FdbUpdate): void {
    const known = this.networks.get(network);
    for (const pairs of known ? ends.values() : [])
      for (const [mac, address] of pairs) {
        known?.macs.delete(mac);
        known?.addresses.delete(address);
      }
  }

  /** Now and again, while the server answers: forgets what has been in doubt for `graceMs`. Answers whether there was any. */
  expire(fdb: ReadonlyMap<string, FdbState>, now: number, graceMs: number): boolean {
    if (this.networks.size === 0) return false;
    this.deadline ??= now + graceMs;
    if (now < this.deadline) return false;
    let some = false;
    for (const [network, { macs, addresses }] of this.networks) {
      const state = fdb.get(network);
      for (const mac of macs) if (state?.unicast.delete(mac)) some = true;
      for (const address of addresses) if (state?.neighbours.delete(address)) some = true;
    }
    this.networks.clear();
    this.deadline = undefined;
    return some;
  }
}
