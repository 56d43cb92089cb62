// The door to Open vSwitch: its database (RFC 7047), where a switch is described and where it tells what it made of that. What is wanted is
// data; one transaction makes the difference and leaves what nobody named.
import { HostRefusal } from './firewall.ts';
import type { OvsRow, OvsTable, Uuid } from './ovsdb-tables.ts';

/** The door. Nothing is connected before something is opened. */
export interface Ovsdb {
  /** Never fails: who asks or applies waits for the connection, and is told when there is none in time. */
  open(options: OvsdbOptions): OvsdbSession;
}

export interface OvsdbOptions {
  /** As `[ovs] ovsdb_connection`: `unix:PATH`, `tcp:HOST:PORT`, `ssl:HOST:PORT`. Throws HostRefusal for another text. */
  readonly connection: string;
  /** Paths of PEM files; all three are needed with `ssl:`. */
  readonly tls?: { readonly keyFile: string; readonly certFile: string; readonly caFile: string };
  /** `ovsdb_timeout`, in milliseconds, for whatever waits; default 10 000. */
  readonly timeoutMs?: number;
  /** Silence for that long is probed with an echo, and a second time ends the connection; default 10 000, 0 is never. */
  readonly probeMs?: number;
}

/**
 * One connection, made again whenever it is lost, with a picture of the tables that follows the database.
 * Errors: OvsdbAway, OvsdbTimeout, SwitchAway, OvsdbRefusal.
 */
export interface OvsdbSession extends AsyncDisposable {
  /** What was told last. Waits for the first picture, and for one that is up to date after a loss. */
  picture(): Promise<OvsPicture>;
  /** Waits until what is looked for is there, over this picture and the ones to come. `what` is for the error's words. */
  until<T>(what: string, find: (picture: OvsPicture) => T | undefined, timeoutMs?: number): Promise<T>;
  /**
   * Tells of connection and changes until disposed; first, when there is a picture, `up`. After a loss what is different from the last
   * picture comes as ordinary changes, before `up`.
   */
  watch(tell: (news: OvsNews) => void): Disposable;
  /** One transaction for all that is wanted; none when it is so already. Decided anew when somebody else was faster. */
  apply(wanted: OvsWanted, options?: ApplyOptions): Promise<OvsApplied>;
  /** Whether ovs-vswitchd takes up the configuration: it is asked to, and waited for. False after `timeoutMs`. */
  switchAlive(timeoutMs?: number): Promise<boolean>;
  /** Operations as the protocol has them (RFC 7047, section 5.2); answers their results. Throws OvsdbRefusal, and nothing is done. */
  transact(operations: readonly OvsOperation[], database?: string): Promise<readonly OvsResult[]>;
}

export type OvsOperation = { readonly op: string } & Readonly<Record<string, unknown>>;
export type OvsResult = Readonly<Record<string, unknown>>;

// ---- what there is

export interface OvsPicture {
  /** One that is newer has a greater number. */
  readonly revision: number;
  /** The single row of the database; ovs-vswitchd's configuration counts from here. */
  readonly root: OvsRow<'Open_vSwitch'>;
  readonly bridges: ReadonlyMap<string, OvsBridge>;
  readonly managers: readonly OvsRow<'Manager'>[];
  readonly tables: OvsRows;
  /** The bridge and port of an interface's or port's name. */
  port(name: string): OvsPort | undefined;
}

export type OvsRows = { readonly [T in OvsTable]: ReadonlyMap<Uuid, OvsRow<T>> };

export interface OvsBridge extends Omit<OvsRow<'Bridge'>, 'ports' | 'controller'> {
  readonly ports: ReadonlyMap<string, OvsPort>;
  readonly controllers: readonly OvsRow<'Controller'>[];
}

export interface OvsPort extends Omit<OvsRow<'Port'>, 'interfaces' | 'qos'> {
  readonly bridge: string;
  /** Sorted by name; more than one in a bond. */
  readonly interfaces: readonly OvsRow<'Interface'>[];
  readonly qos: OvsQos | undefined;
}

export interface OvsQos extends Omit<OvsRow<'QoS'>, 'queues'> {
  readonly queues: Readonly<Record<string, OvsRow<'Queue'>>>;
}

export type OvsNews =
  | { readonly kind: 'up' }
  | { readonly kind: 'down'; readonly why: string }
  /** What one transaction of the database changed. */
  | { readonly kind: 'changed'; readonly changes: readonly OvsRowChange[]; readonly picture: OvsPicture };

export type OvsRowChange = {
  [T in OvsTable]: { readonly table: T; readonly before: OvsRow<T> | undefined; readonly after: OvsRow<T> | undefined };
}[OvsTable];

// ---- what is wanted

/** Keys that are not named stay as they are; null takes one away. */
export type WantedWords = Readonly<Record<string, string | null>>;

/** What is not named stays as it is. Null: not to be there. */
export interface OvsWanted {
  readonly bridges?: Readonly<Record<string, WantedBridge | null>>;
  readonly root?: { readonly external_ids?: WantedWords; readonly other_config?: WantedWords };
  /** By target, `ptcp:6640:127.0.0.1`. */
  readonly managers?: Readonly<Record<string, { readonly inactivity_probe?: number | null } | null>>;
  /** A QoS with these external_ids to which no port refers is deleted with its queues: ports go without asking. */
  readonly orphans?: Readonly<Record<string, string>>;
}

/** Made where it is missing, with its local port. */
export interface WantedBridge {
  /** False: only where it is there. */
  readonly make?: boolean;
  readonly datapath_type?: string;
  readonly fail_mode?: 'secure' | 'standalone' | null;
  /** At least these. */
  readonly protocols?: readonly string[];
  readonly mcast_snooping_enable?: boolean;
  readonly other_config?: WantedWords;
  readonly external_ids?: WantedWords;
  /** Exactly these. */
  readonly controllers?: readonly WantedController[];
  readonly ports?: Readonly<Record<string, WantedPort | null>>;
}

export interface WantedController {
  readonly target: string;
  readonly connection_mode?: 'in-band' | 'out-of-band';
  /** Milliseconds; so is max_backoff. */
  readonly inactivity_probe?: number;
  readonly max_backoff?: number;
  readonly controller_rate_limit?: number;
  readonly controller_burst_limit?: number;
}

/** Made where it is missing, with one interface of its name. One on another bridge is refused, unless that bridge's is not wanted any more. */
export interface WantedPort {
  /** False: only where it is there; a hypervisor's port may go at any moment. */
  readonly make?: boolean;
  readonly tag?: number | null;
  readonly trunks?: readonly number[];
  readonly vlan_mode?: 'trunk' | 'access' | 'native-tagged' | 'native-untagged' | 'dot1q-tunnel' | null;
  readonly other_config?: WantedWords;
  readonly external_ids?: WantedWords;
  /** A QoS that no port refers to any more is deleted with its queues. */
  readonly qos?: WantedQos | null;
  readonly interface?: WantedInterface;
}

export interface WantedInterface {
  /** `internal`, `patch`, `vxlan`, …; empty: a device of the system. */
  readonly type?: string;
  readonly options?: WantedWords;
  readonly mac?: string | null;
  readonly mtu_request?: number | null;
  readonly ofport_request?: number | null;
  /** kbit/s and kbit. */
  readonly ingress_policing_rate?: number;
  readonly ingress_policing_burst?: number;
  readonly other_config?: WantedWords;
  readonly external_ids?: WantedWords;
}

/** Whole: another that is there is replaced. Queues by their number. */
export interface WantedQos {
  readonly type: string;
  readonly other_config?: Readonly<Record<string, string>>;
  readonly external_ids?: Readonly<Record<string, string>>;
  readonly queues?: Readonly<
    Record<
      string,
      {
        readonly dscp?: number;
        readonly other_config?: Readonly<Record<string, string>>;
        readonly external_ids?: Readonly<Record<string, string>>;
      }
    >
  >;
}

export interface ApplyOptions {
  /** Waits until ovs-vswitchd has taken it up, so that the ports wanted have their ofport or an error. Default true; throws SwitchAway. */
  readonly taken?: boolean;
  readonly timeoutMs?: number;
  /** For the database's own log. */
  readonly comment?: string;
}

export interface OvsApplied {
  /** Whether there was a difference. */
  readonly changed: boolean;
  /** Where it is so (and, if waited for, taken up). */
  readonly picture: OvsPicture;
  /** `BRIDGE` and `BRIDGE/PORT` of those with `make: false` that are not there. */
  readonly absent: readonly string[];
  /** Ports wanted with which the switch can do nothing, in its words; by port. Empty when it was not waited for. */
  readonly problems: Readonly<Record<string, string>>;
}

// ---- errors

/**
 * The database took nothing of it: `error` is RFC 7047's word (`constraint violation`, `timed out`, …), or `conflict` for
 * what cannot be wanted together or beside what is there; `operation` the index of the one at fault.
 */
export class OvsdbRefusal extends HostRefusal {
  readonly error: string;
  readonly operation: number | undefined;
  constructor(error: string, details: string, operation?: number) {
    super('ovsdb', details === '' ? error : `${error}: ${details}`);
    this.name = 'OvsdbRefusal';
    this.error = error;
    this.operation = operation;
  }
}

/** There is no connection to ovsdb-server, or no answer. Whether a transaction that was on its way was done is not known. */
export class OvsdbAway extends Error {
  constructor(connection: string, why: string) {
    super(`no answer from Open vSwitch's database at ${connection}: ${why}`);
    this.name = 'OvsdbAway';
  }
}

/** What was waited for is not there in time, and the connection is. */
export class OvsdbTimeout extends Error {
  constructor(what: string, timeoutMs: number) {
    super(`not within ${timeoutMs} ms in Open vSwitch's database: ${what}`);
    this.name = 'OvsdbTimeout';
  }
}

/** What is wanted is in the database, and ovs-vswitchd has not taken it up in time. */
export class SwitchAway extends Error {
  constructor(curCfg: number, wantedCfg: number) {
    super(`ovs-vswitchd does not take up its configuration: it is at ${curCfg}, and ${wantedCfg} is wanted`);
    this.name = 'SwitchAway';
  }
}

/** The switch's own words for an interface that does not work, or undefined: nothing is known of it yet, or it works. */
export function interfaceProblem(row: OvsRow<'Interface'>): string | undefined {
  if (row.error !== undefined) return row.error;
  return row.ofport === -1 ? `the switch has no port for ${row.name}` : undefined;
}
