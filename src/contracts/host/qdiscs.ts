// The door to the queueing disciplines of devices: what shapes what leaves them (tc-tbf(8)).
import type { Netns, Refusal } from './netns.ts';

/** A token bucket: bytes a second, bytes at once, and milliseconds that a packet may wait. */
export interface Shaper {
  readonly rate: number;
  readonly burst: number;
  readonly latencyMs: number;
}

export interface Qdisc {
  readonly dev: string;
  /** `tbf`, `htb`, `ingress`, `noqueue`, … */
  readonly kind: string;
  /** `0:` for one that the kernel gives a device by itself. */
  readonly handle: string;
  /** What leaves by the device passes it first; or what comes in by it. */
  readonly at: 'root' | 'ingress' | 'inner';
  /** Of a token bucket; a burst is told but for some bytes. */
  readonly shaper?: Shaper;
  /** Of one at `ingress`: the preferences of its filters. */
  readonly filters?: readonly number[];
}

export type QdiscChange =
  /** In place of what is at the root. */
  | { readonly do: 'shape'; readonly dev: string; readonly shaper: Shaper }
  /** Refused where nothing is there that could go. */
  | { readonly do: 'delete'; readonly dev: string; readonly at: 'root' | 'ingress' };

export interface Qdiscs {
  list(ns: Netns): Promise<readonly Qdisc[]>;
  /** In order; a refused change does not stop the ones behind it. */
  apply(ns: Netns, changes: readonly QdiscChange[]): Promise<readonly Refusal[]>;
}
