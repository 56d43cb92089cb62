// What holds the rules of guarded ports, whichever program it is of.
import type { FirewallPlan } from './firewall-plan.ts';

/** What a change took away, for the sake of connections that it had permitted. */
export interface Shrunk {
  /** Devices that lost a rule, or a member of a group that their rules name. */
  readonly devices: ReadonlySet<string>;
  /** Whether anything changed at all. */
  readonly changed: boolean;
}

/** The tool refused, for the sake of these devices. */
export class RefusedFor extends Error {
  readonly devices: readonly string[];

  constructor(devices: readonly string[], reason: string) {
    super(reason);
    this.name = 'RefusedFor';
    this.devices = devices;
  }
}

/**
 * Steps of one pass, in this order. Each throws HostRefusal, or RefusedFor where ports are to blame; then `load` must be called before any other.
 */
export interface RuleTables {
  /** Reads what the kernel holds. */
  load(): Promise<void>;
  /** Bridge → conntrack zone, of a running host. */
  zones(): ReadonlyMap<string, number>;
  /** What must be there before rules name it. */
  prepare(plan: FirewallPlan): Promise<void>;
  /** With no moment in which a denied packet passes. */
  apply(plan: FirewallPlan): Promise<Shrunk>;
  /** What no rule names any more goes. */
  finish(plan: FirewallPlan): Promise<void>;
  /** Nothing of it stays. */
  remove(): Promise<void>;
}
