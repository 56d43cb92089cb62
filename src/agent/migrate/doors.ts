// What a move needs of the world beside the host's own doors: the API, and whoever starts and stops agents.
import type { Host } from '../../contracts/host/host.ts';
import type { OvsdbSession } from '../../contracts/host/ovsdb.ts';
import type { Clock, Signal } from '../../engine/clock.ts';
import type { Cloud, CloudAgent, CloudPort, Target, Verdict } from '../desired/migrate/situation.ts';

/** The API, as far as it is about one host. Throws where it does not answer. */
export interface CloudDoor {
  agents(): Promise<readonly CloudAgent[]>;
  /** Bound to the host. */
  ports(): Promise<readonly CloudPort[]>;
  /** All of it, with what the server would make of the bindings. */
  look(): Promise<Cloud>;
  /** Rewrites the bindings of all ports that the one agent has and the other can take. */
  take(to: string, from: string): Promise<readonly Verdict[]>;
  switchAgent(id: string, admin_state_up: boolean): Promise<void>;
  /** Idempotent. */
  removeAgent(id: string): Promise<void>;
}

export type L2Kind = 'linuxbridge' | 'openvswitch';

export interface Units {
  /** Whether one of Weft's or Neutron's agents of that kind runs on this machine. */
  runs(kind: L2Kind): boolean;
  /** Undefined: a person starts and stops them, and is told to. */
  readonly command?: { start(kind: L2Kind): Promise<void>; stop(kind: L2Kind): Promise<void> };
}

export interface Doors {
  readonly hostName: string;
  readonly host: Host;
  readonly session: OvsdbSession;
  readonly cloud: CloudDoor;
  readonly units: Units;
  readonly target: Target;
  /** Where the journal is. */
  readonly journal: string;
  /** Where the Open vSwitch agent keeps which ports it has wired: what it misses when it starts it reports down. */
  readonly portsFile: string;
  readonly clock: Clock;
  readonly signal: Signal;
  /** How long ports may take to be ACTIVE, in milliseconds. */
  readonly patienceMs: number;
  say(line: string): void;
}

/** What a person has to look at; the move can be gone on with, or rolled back. */
export class MoveStopped extends Error {}
