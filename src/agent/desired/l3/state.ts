// What a router's namespace should hold: plain data, compared with what is found there.
import type { RouterFirewall } from '../../render/l3-firewall.ts';
import type { RaInterface } from '../../render/radvd.ts';
import type { Family } from './view.ts';

export interface WantedDevice {
  /** `qr-…` or `qg-…`, inside. */
  readonly name: string;
  readonly portId: string;
  readonly role: 'internal' | 'gateway';
  readonly networkId: string;
  readonly mac: string;
  readonly mtu: number;
  /** `ip/prefixlen`, floating IPs as /32. */
  readonly addresses: readonly string[];
  /** The kernel's `accept_ra`: 2 where the IPv6 default route is to be learnt although we forward. */
  readonly acceptRa: 0 | 2;
}

export interface WantedRoute {
  readonly family: Family;
  readonly dst: string;
  readonly dev: string;
  readonly via?: string;
}

export interface RouterState {
  readonly id: string;
  readonly netns: string;
  readonly devices: readonly WantedDevice[];
  readonly routes: readonly WantedRoute[];
  /** Of the namespace as a whole, in order, before the first device. */
  readonly sysctls: readonly (readonly [key: string, value: string])[];
  readonly firewall: RouterFirewall;
  /** Empty: no router advertisements. */
  readonly advertise: readonly RaInterface[];
  readonly metadataProxy: boolean;
  /** Floating IP id → the status to report once all of this is in place. */
  readonly floatingIpStatuses: ReadonlyMap<string, 'ACTIVE' | 'DOWN' | 'ERROR'>;
  /** What could not be realised, and why. */
  readonly complaints: readonly string[];
}
