// The door to links, addresses, routes, rules, neighbours, FDB and namespaces. Changes go in batches: one process, or one socket, per batch.
import type { Netns, Refusal } from './netns.ts';

export interface Address {
  /** With prefix length: `10.0.0.3/24`. */
  readonly cidr: string;
  readonly scope: string;
  readonly dynamic: boolean;
  readonly tentative?: boolean;
}

export interface VxlanInfo {
  readonly id: number;
  readonly group?: string;
  readonly local?: string;
  readonly dev?: string;
  readonly port: number;
  readonly learning: boolean;
  readonly proxy: boolean;
  /** Absent where the kernel's own counts. */
  readonly ttl?: number;
  /** The whole byte, of which DSCP is the upper six bits. */
  readonly tos?: number | 'inherit';
  /** The least and the greatest UDP port to send from. */
  readonly sourcePorts?: readonly [number, number];
}

export interface Link {
  readonly index: number;
  readonly name: string;
  /** `bridge`, `veth`, `vxlan`, `vlan`, `tun`, `dummy`, `ifb`, … ; empty for a physical device or `lo`. */
  readonly kind: string;
  readonly mac: string;
  readonly mtu: number;
  readonly up: boolean;
  /** It is up, and nobody is on its other side: a tap whose program has died. */
  readonly noCarrier?: true;
  readonly master?: string;
  readonly alias?: string;
  readonly addresses: readonly Address[];
  readonly vxlan?: VxlanInfo;
  /** The device that a VLAN stands on, and its tag. */
  readonly vlan?: { readonly dev: string; readonly id: number };
}

export interface Route {
  /** `default` or a CIDR. */
  readonly dst: string;
  readonly via?: string;
  readonly dev?: string;
  readonly table?: number | 'main';
  readonly metric?: number;
  readonly family: 4 | 6;
  readonly scope?: string;
  readonly proto?: string;
  readonly onlink?: boolean;
  readonly src?: string;
}

export interface FdbEntry {
  readonly dev: string;
  readonly mac: string;
  /** Remote VXLAN end. */
  readonly dst?: string;
  readonly permanent: boolean;
}

export interface Neighbour {
  readonly dev: string;
  readonly ip: string;
  readonly mac: string;
  readonly permanent: boolean;
}

export type NewLink =
  | {
      readonly kind: 'bridge';
      readonly name: string;
      readonly mtu?: number;
      readonly mac?: string;
      /** Seconds. */
      readonly ageing?: number;
    }
  | {
      readonly kind: 'veth';
      readonly name: string;
      readonly peer: string;
      readonly peerNetns?: Netns;
      readonly mtu?: number;
      readonly mac?: string;
      readonly peerMac?: string;
    }
  | {
      readonly kind: 'vxlan';
      readonly name: string;
      readonly id: number;
      readonly local?: string;
      readonly dev?: string;
      readonly group?: string;
      readonly port: number;
      readonly ttl?: number;
      readonly tos?: number | 'inherit';
      readonly sourcePorts?: readonly [number, number];
      readonly learning: boolean;
      readonly proxy: boolean;
      readonly mtu?: number;
    }
  | { readonly kind: 'vlan'; readonly name: string; readonly dev: string; readonly id: number }
  | { readonly kind: 'dummy'; readonly name: string };

export type LinkChange =
  | { readonly do: 'add-link'; readonly link: NewLink }
  | { readonly do: 'del-link'; readonly name: string }
  | {
      readonly do: 'set-link';
      readonly name: string;
      readonly up?: boolean;
      readonly mtu?: number;
      readonly mac?: string;
      readonly master?: string | null;
      readonly netns?: Netns;
      readonly alias?: string;
      readonly rename?: string;
    }
  /** A bridge's own settings; ageing in seconds. */
  | { readonly do: 'set-bridge'; readonly name: string; readonly ageing?: number; readonly multicastSnooping?: boolean }
  /** Bridge port flags, as `bridge link set`. */
  | {
      readonly do: 'set-bridge-port';
      readonly name: string;
      readonly hairpin?: boolean;
      readonly learning?: boolean;
      readonly flood?: boolean;
      readonly isolated?: boolean;
    }
  /** Idempotent: an address that is there is taken again. */
  | { readonly do: 'add-address'; readonly dev: string; readonly cidr: string; readonly nodad?: boolean; readonly noprefixroute?: boolean }
  | { readonly do: 'del-address'; readonly dev: string; readonly cidr: string }
  | { readonly do: 'replace-route'; readonly route: Route }
  | { readonly do: 'del-route'; readonly route: Route }
  /** Idempotent: all zeroes or a group MAC get one end more, a unicast MAC gets this end in place of another. */
  | { readonly do: 'add-fdb' | 'del-fdb'; readonly dev: string; readonly mac: string; readonly dst: string }
  | { readonly do: 'replace-neighbour'; readonly dev: string; readonly ip: string; readonly mac: string }
  | { readonly do: 'del-neighbour'; readonly dev: string; readonly ip: string };

export interface LinkEvent {
  readonly kind: 'added' | 'changed' | 'removed';
  readonly name: string;
}

export interface Links {
  list(ns: Netns): Promise<readonly Link[]>;
  routes(ns: Netns, family: 4 | 6): Promise<readonly Route[]>;
  fdb(ns: Netns): Promise<readonly FdbEntry[]>;
  neighbours(ns: Netns): Promise<readonly Neighbour[]>;
  /** Applies in order; a refused change does not stop the ones behind it. An empty answer means all were taken. */
  apply(ns: Netns, batch: readonly LinkChange[]): Promise<readonly Refusal[]>;
  namespaces(): Promise<readonly Netns[]>;
  /** Idempotent; `lo` is up in a new namespace. */
  addNamespace(ns: Netns): Promise<void>;
  /** Idempotent. Kills nothing: processes inside are the caller's. */
  delNamespace(ns: Netns): Promise<void>;
  /**
   * Calls back on link changes in the namespace until disposed. `onGap` means "list now": once when the source stands (no event after it is
   * missed, none before it is told), and again whenever the source has died and stands anew. A namespace that is not there yet is waited for.
   */
  watch(ns: Netns, onEvent: (e: LinkEvent) => void, onGap: () => void): AsyncDisposable;
  /** Sends gratuitous ARP (IPv4), or an unsolicited NA for each of the device's IPv6 addresses, without waiting for the wire. Errors are ignored. */
  announce(ns: Netns, dev: string, ip: string): Promise<void>;
}
