// Which tunnels a host needs: to all ends that the server names, or, with l2population, to those behind which somebody is.
import { parseIp } from '../../../domain/net/ip.ts';
import type { FdbState } from '../l2-fdb.ts';
import { isTunnelType, type Sha1Hex, type TunnelType, tunnelName } from './names.ts';
import type { OvsOptions } from './plan.ts';
import type { Segment } from './segments.ts';

export interface Tunnel {
  readonly name: string;
  readonly type: TunnelType;
  readonly remote: string;
}

export interface TunnelsGiven {
  readonly segments: Iterable<Segment>;
  readonly options: OvsOptions;
  /** Ends by type, as `tunnel_sync` and `tunnel_update` tell them. */
  readonly ends: ReadonlyMap<TunnelType, ReadonlySet<string>>;
  fdbOf(network: string): FdbState;
  readonly sha1Hex: Sha1Hex;
}

/** By name. Ends of the other family, and our own, are none. */
export function wantedTunnels({ segments, options, ends, fdbOf, sha1Hex }: TunnelsGiven): Map<string, Tunnel> {
  const wanted = new Map<string, Tunnel>();
  const { tunnels } = options;
  if (!tunnels) return wanted;
  const add = (type: TunnelType, remote: string): void => {
    if (remote === tunnels.localIp || parseIp(remote)?.version !== parseIp(tunnels.localIp)?.version) return;
    const name = tunnelName(type, remote, sha1Hex);
    if (name !== undefined) wanted.set(name, { name, type, remote });
  };
  if (!tunnels.l2population) {
    for (const type of tunnels.types) for (const end of ends.get(type) ?? []) add(type, end);
    return wanted;
  }
  for (const segment of segments) {
    if (!isTunnelType(segment.type)) continue;
    const fdb = fdbOf(segment.network);
    for (const end of [...fdb.flood, ...fdb.unicast.values()]) add(segment.type, end);
  }
  return wanted;
}
