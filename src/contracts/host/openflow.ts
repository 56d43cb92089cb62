// The door to Open vSwitch's flow tables: OpenFlow 1.4 with OVS's extensions, spoken over a bridge's management socket.
import type { Flow, FlowIdentity, Group, Meter } from '../../domain/openflow/flow.ts';
import type { Match } from '../../domain/openflow/match.ts';

/** The switch refused. Nothing of the batch was done. */
export class OpenflowRefusal extends Error {
  /** Index in the batch of the change that was refused; undefined where the switch names none. */
  readonly index: number | undefined;
  /** OpenFlow's name of the error: `OFPBAC_BAD_OUT_PORT`. */
  readonly code: string;
  constructor(code: string, reason: string, index?: number) {
    super(`openflow: ${reason}`);
    this.name = 'OpenflowRefusal';
    this.code = code;
    this.index = index;
  }
}

/** There is no connection, or it went during the call: what was being applied was done whole or not at all. */
export class OpenflowAway extends Error {
  constructor(reason: string) {
    super(`openflow: ${reason}`);
    this.name = 'OpenflowAway';
  }
}

export interface CookieFilter {
  readonly cookie: bigint;
  /** All ones when left out. */
  readonly mask?: bigint;
}

/** Flows of the table (all tables when left out) that match at least as narrowly as `match`, and whose cookie fits. */
export interface FlowFilter {
  readonly table?: number;
  readonly match?: Match;
  readonly cookie?: CookieFilter;
}

/** One flow of a dump. */
export interface FoundFlow extends Flow {
  readonly packets: bigint;
  readonly bytes: bigint;
  /** Seconds, with fractions. */
  readonly duration: number;
}

export type TableChange =
  /** In place of the flow of the same identity, if there is one; its counters begin anew. */
  | { readonly do: 'add'; readonly flow: Flow }
  /** New actions for the flow of that identity, which keeps cookie, timeouts and counters; nothing where there is none. */
  | { readonly do: 'modify'; readonly flow: Omit<Flow, 'cookie'> }
  /** The flow of that identity; nothing where there is none. */
  | { readonly do: 'delete'; readonly flow: FlowIdentity }
  /** All that fit. */
  | { readonly do: 'delete-all'; readonly where: FlowFilter }
  | { readonly do: 'add-group' | 'modify-group'; readonly group: Group }
  /** With the flows that use it; nothing where there is none. */
  | { readonly do: 'delete-group'; readonly id: number };

export type MeterChange =
  | { readonly do: 'add' | 'modify'; readonly meter: Meter }
  /** With the flows that use it; nothing where there is none. */
  | { readonly do: 'delete'; readonly id: number };

export interface SwitchPort {
  readonly port: number | 'local';
  readonly name: string;
  readonly mac: string;
  /** Not shut by configuration, and its link is up. */
  readonly up: boolean;
}

/** A packet that an action `controller` handed over. */
export interface HandedPacket {
  /** Of the flow. */
  readonly cookie: bigint;
  readonly table: number;
  /** From its Ethernet header on. Open vSwitch sends all of it, whatever `max_len` says; another switch need not. */
  readonly data: Uint8Array;
  /** How long it is. */
  readonly length: number;
}

export interface SwitchEvents {
  /** "Read now": once when the connection stands, and whenever it stands anew. ovs-vswitchd may have begun again, without any flow. */
  onGap(): void;
  /** The connection is gone; it is sought again until the switch is closed. */
  onAway?(reason: string): void;
  onPort?(kind: 'added' | 'changed' | 'removed', port: SwitchPort): void;
  /** Of flows with `send_flow_rem`. */
  onRemoved?(flow: FlowIdentity & { readonly cookie: bigint }, why: 'idle' | 'hard' | 'delete' | 'group' | 'other'): void;
  /** Of actions with this connection's `controllerId`. */
  onPacket?(packet: HandedPacket): void;
}

export interface SwitchOptions {
  /** Whose packets come to this connection, 1…65535; left out: none. */
  readonly controllerId?: number;
  /** Silence for that long is probed with an echo, and a second time ends the connection; default 10 000, 0 is never. */
  readonly probeMs?: number;
}

export interface Switch extends AsyncDisposable {
  /** Resolves once the connection stands; rejects with OpenflowAway after the time. */
  up(timeoutMs?: number): Promise<void>;
  flows(filter?: FlowFilter): Promise<readonly FoundFlow[]>;
  /** All in this order, in one transaction; else throws OpenflowRefusal and nothing was done. */
  apply(changes: readonly TableChange[]): Promise<void>;
  groups(): Promise<readonly Group[]>;
  meters(): Promise<readonly Meter[]>;
  /** In order, each for itself (OVS has no transactions of meters); throws OpenflowRefusal at the first refused one, those before it stay. */
  applyMeters(changes: readonly MeterChange[]): Promise<void>;
  ports(): Promise<readonly SwitchPort[]>;
}

export interface Openflow {
  /**
   * A bridge by name, or a target as ovs-ofctl takes it: `unix:PATH`, `tcp:HOST:PORT`. The connection is made in the background and made anew
   * when it is lost; calls wait for it for ten seconds and then throw OpenflowAway.
   */
  open(bridge: string, events: SwitchEvents, options?: SwitchOptions): Switch;
}
