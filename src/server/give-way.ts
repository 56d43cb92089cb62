// Long work gives way now and then: one thread serves everybody, and what only awaits the database never lets others in.
import type { Clock } from '../engine/clock.ts';

/** Ends after whatever else was ready has had its turn. A clock takes no time at all for 0 ms. */
export function giveWay({ clock }: { readonly clock: Clock }): Promise<void> {
  return clock.sleep(1);
}
