// The door to the connections that Open vSwitch's flows track (`ct`), in the kernel or in the switch itself.
import type { Flow } from './firewall.ts';

/** A tracked connection, original direction. */
export interface TrackedConnection extends Flow {
  readonly zone: number;
  /** `ct_mark`. */
  readonly mark: number;
  readonly icmpId?: number;
}

/** All throw HostRefusal where the switch refuses or is away. `type` is a bridge's datapath_type. */
export interface Datapath {
  /** Of one zone, both families. */
  connections(type: string, zone: number): Promise<readonly TrackedConnection[]>;
  /** These are known no more; those that ended by themselves are no error. ICMPv6 is left to its time. */
  forget(type: string, connections: readonly TrackedConnection[]): Promise<void>;
  forgetZone(type: string, zone: number): Promise<void>;
}
