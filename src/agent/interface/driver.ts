// What an interface driver does: it brings a port of the server into a namespace as a device whose other side is the L2 agent's to wire.
// What is inside, addresses, routes, settings and the device's being up, is the business of the agent that wants it.
import type { Link } from '../../contracts/host/links.ts';
import type { Netns } from '../../contracts/host/netns.ts';

export interface PortDevice {
  readonly portId: string;
  readonly netns: Netns;
  /** Inside: `qr-…`, `qg-…`, or the driver's prefix for DHCP; then the port's key. */
  readonly name: string;
  readonly mac: string;
  /** 0: as it is made. */
  readonly mtu: number;
}

/** What is to be done for a device: nothing; something outside, while it stays; all of it; or nothing can be, for this reason. */
export type Verdict =
  | { readonly kind: 'whole' }
  | { readonly kind: 'adjust' }
  | { readonly kind: 'anew' }
  | { readonly kind: 'refused'; readonly why: string };

/** What there was outside of the namespaces at one moment. */
export interface Outside {
  /** `inside`: what the namespace has under the device's name. */
  judge(device: PortDevice, inside: Link | undefined): Verdict;
  /** The L2 agent has given it its network: what it says now is heard. */
  wired(device: PortDevice): boolean;
}

export interface PlugJob {
  readonly device: PortDevice;
  readonly verdict: Extract<Verdict, { readonly kind: 'adjust' | 'anew' }>;
}

/** A change that was refused, and the device that is not as it should be for it; a route that fails leaves its device whole. */
export interface Problem {
  readonly what: string;
  readonly device?: string;
}

export interface DriverNews {
  /** Something of a port's device may have gone; `key` as in names.ts. */
  lost(key: string): void;
  /** Outside something changed that `wired` may depend on. */
  changed(): void;
}

/** Errors of the doors come through; who asks tries again. */
export interface InterfaceDriver extends AsyncDisposable {
  /** As `interface_driver` names it. */
  readonly name: 'linuxbridge' | 'openvswitch' | 'null';
  readonly dhcpPrefix: 'ns-' | 'tap';
  look(): Promise<Outside>;
  /** What is made anew is then in its namespace, with its MAC; what was there of another making is gone. Namespaces are there. */
  plug(jobs: readonly PlugJob[]): Promise<readonly Problem[]>;
  /** Takes devices away with all that is outside of them. Idempotent; throws when something stays. */
  unplug(netns: Netns, names: readonly string[]): Promise<void>;
  watch(news: DriverNews): AsyncDisposable;
}
