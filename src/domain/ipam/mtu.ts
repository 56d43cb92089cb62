// The MTU of a network: the smallest over its segments, and what may be asked for.
import { apiError, invalidInput } from '../errors.ts';

export interface MtuConfig {
  readonly global_physnet_mtu: number;
  /** 0: no limit of its own. */
  readonly path_mtu: number;
  readonly physical_network_mtus: Readonly<Record<string, number>>;
  readonly overlay_ip_version: 4 | 6;
  /** Largest Geneve header in bytes, its 8 bytes of fixed part and the outer UDP and Ethernet included. */
  readonly geneve_max_header_size: number;
}

export const defaultMtuConfig: MtuConfig = {
  global_physnet_mtu: 1500,
  path_mtu: 0,
  physical_network_mtus: {},
  overlay_ip_version: 4,
  geneve_max_header_size: 30,
};

export interface MtuSegment {
  readonly network_type: string;
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
export function segmentMtu(segment: MtuSegment, config: MtuConfig): number | undefined {
  switch (segment.network_type) {
    case 'flat':
    case 'vlan':
      return physicalMtu(segment.physical_network, config);
    case 'gre':
      return overlayMtu(22, config);
    case 'vxlan':
      return overlayMtu(30, config);
    case 'geneve':
      return overlayMtu(config.geneve_max_header_size, config);
    default:
      return undefined;
  }
}

/** The largest MTU that every segment carries. */
export function maxMtu(segments: readonly MtuSegment[], config: MtuConfig): number {
  return smallest(segments.map(s => segmentMtu(s, config)).filter((n): n is number => n !== undefined && n > 0)) ?? DEFAULT_MTU;
}

/** Smallest MTU that IP itself takes: RFC 791, RFC 8200. */
export const minMtu = (ip_version: number): number => (ip_version === 6 ? 1280 : 68);

/** The MTU to store: 0 or nothing means the largest. `ipVersions` are those of the network's subnets. */
export function networkMtu(
  requested: number | undefined,
  segments: readonly MtuSegment[],
  config: MtuConfig,
  network: { readonly id: string; readonly ipVersions: readonly number[] },
): number {
  const largest = maxMtu(segments, config);
  if (!requested) return largest;
  if (requested > largest) throw invalidInput(`Requested MTU is too big, maximum is ${largest}`);
  const least = minMtu(network.ipVersions.includes(6) ? 6 : 4);
  if (requested < least) throw apiError('NetworkMTUSubnetConflict', { net_id: network.id, mtu: least });
  return requested;
}
