// The MTU of a network: the smallest over its segments, and what may be asked for.
import { apiError, invalidInput } from '../errors.ts';

export interface MtuConfig {
  readonly global_physnet_mtu: number;
  /** 0: no limit of its own. */
  readonly path_mtu: number;
  readonly physical_network_mtus: Readonly<Record<string, number>>;
  readonly overlay_ip_version: 4 | 6;
}

export const defaultMtuConfig: MtuConfig = {
  global_physnet_mtu: 1500,
  path_mtu: 0,
  physical_network_mtus: {},
  overlay_ip_version: 4,
};

/** What matters of a network type. */
export interface MtuType {
  /** Bytes between the underlay's IP header and the tenant's packet. */
  readonly overhead: number;
  readonly onPhysnet: boolean;
  readonly tunnel: boolean;
}

export interface MtuSegment {
  readonly type: MtuType;
  readonly physical_network?: string | null | undefined;
}

const DEFAULT_MTU = 1500;
const IP_HEADER: Readonly<Record<4 | 6, number>> = { 4: 20, 6: 40 };
const smallest = (values: readonly number[]): number | undefined => (values.length === 0 ? undefined : Math.min(...values));

function physicalMtu(physical_network: string | null | undefined, config: MtuConfig): number | undefined {
  const own =
    physical_network && Object.hasOwn(config.physical_network_mtus, physical_network)
      ? config.physical_network_mtus[physical_network]
      : undefined;
  return smallest([config.global_physnet_mtu, own ?? 0].filter(n => n > 0));
}

function overlayMtu(header: number, config: MtuConfig): number | undefined {
  const base = smallest([config.global_physnet_mtu, config.path_mtu].filter(n => n > 0));
  return base === undefined ? undefined : base - IP_HEADER[config.overlay_ip_version] - header;
}

/** Undefined where the type knows no limit. */
function segmentMtu({ type, physical_network }: MtuSegment, config: MtuConfig): number | undefined {
  if (type.onPhysnet) return physicalMtu(physical_network, config);
  return type.tunnel ? overlayMtu(type.overhead, config) : undefined;
}

/** The largest MTU that every segment carries. */
function maxMtu(segments: readonly MtuSegment[], config: MtuConfig): number {
  return smallest(segments.map(s => segmentMtu(s, config)).filter((n): n is number => n !== undefined && n > 0)) ?? DEFAULT_MTU;
}

/** Smallest MTU that IP itself takes: RFC 791, RFC 8200. */
const minMtu = (ip_version: number): number => (ip_version === 6 ? 1280 : 68);

/** Refuses an MTU that subnets of these versions cannot live with. */
export function checkMtu(mtu: number, network: { readonly id: string; readonly ipVersions: readonly number[] }): void {
  const least = Math.max(0, ...network.ipVersions.map(minMtu));
  if (mtu < least) throw apiError('NetworkMTUSubnetConflict', { net_id: network.id, mtu: least });
}

/** The MTU to store: 0 means the largest. */
export function networkMtu(requested: number, segments: readonly MtuSegment[], config: MtuConfig): number {
  const largest = maxMtu(segments, config);
  if (requested > largest) throw invalidInput(`Requested MTU is too big, maximum is ${largest}`);
  return requested === 0 ? largest : requested;
}
