// The host's side of trunks, whatever it switches with.
import type { SubPort, Trunk } from '../../desired/trunk.ts';

export interface TrunkHost {
  /** Ports that are here and may be parents of trunks, by id; one whose value is another one has come anew. */
  parents(): Promise<ReadonlyMap<string, unknown>>;
  /** Subports of these parents that are in none of their trunks are cut off. Null: the parent has no trunk. */
  clear(trunks: ReadonlyMap<string, Trunk | null>): Promise<void>;
  /** Makes what is missing of subports that are bound here. Answers those that it could not, and why; throws CannotWire where nothing can be. */
  wire(trunk: Trunk, subPorts: readonly BoundSubPort[]): Promise<ReadonlyMap<string, string>>;
  /** Takes away what trunks that went have left. Answers in how many milliseconds it has something to do again, if it knows. */
  sweep(): Promise<number | undefined>;
}

export interface BoundSubPort extends SubPort {
  readonly mac: string;
}

/** A trunk cannot be carried at all, for this reason. */
export class CannotWire extends Error {}
