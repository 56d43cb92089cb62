// What is done when a host moves, as values: the journal keeps it.
import type { Route } from './situation.ts';

export interface MovedTap {
  /** `tap` and 11 characters of the port's id: it stays. */
  readonly name: string;
  readonly port: string;
  readonly network: string;
  readonly mac: string;
  /** Of an instance: its id. */
  readonly instance?: string;
  readonly owner: string;
  /** It is ACTIVE, and so is to be afterwards. */
  readonly active: boolean;
  /** Agents filter what it sends and receives. */
  readonly guarded: boolean;
  /** A QoS policy is for it. */
  readonly limited: boolean;
  /** It came after the move had begun: the Linux bridge agent may have made no filters for it. */
  readonly late?: true;
}

/** A device that leads to a physical network: it leaves its Linux bridge for a bridge of Open vSwitch, with the host's addresses. */
export interface MovedDevice {
  readonly physical: string;
  readonly device: string;
  readonly mac: string;
  /** Of Open vSwitch. */
  readonly bridge: string;
  /** What has the addresses now: the device, or the bridge that it is in. */
  readonly from: string;
  readonly addresses: readonly string[];
  readonly routes: readonly Route[];
}

export interface Move {
  readonly host: string;
  /** Ids of agents. */
  readonly oldAgent: string;
  /** Undefined: it has never reported. */
  readonly newAgent?: string;
  readonly integrationBridge: string;
  readonly tunnelBridge: string;
  readonly datapathType: string;
  readonly taps: readonly MovedTap[];
  /** Ports without a device here: an instance that is switched off. */
  readonly unplugged: readonly string[];
  readonly devices: readonly MovedDevice[];
  /** Linux bridges that go in the end. */
  readonly bridges: readonly string[];
  /** Tunnels and VLAN devices in them. */
  readonly uplinks: readonly string[];
  /** Bridges of Open vSwitch that are there before. */
  readonly switchBefore: readonly string[];
  /** What is left alone, and what is worth knowing. */
  readonly notices: readonly string[];
}
