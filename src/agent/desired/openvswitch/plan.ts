// From the ports that are bound to a host to what its switch does for them: which are alive, on which segment, and why the others are not.
import type { PortDetails } from '../l2-port.ts';
import { isTunnelType, type TunnelType } from './names.ts';
import { type Segment, segmentKey } from './segments.ts';

/** A port of the integration bridge that says whose it is (`external_ids:iface-id`). */
export interface Vif {
  /** The port's id. */
  readonly device: string;
  /** Of its interface in the database: another one when it is plugged again. */
  readonly row: string;
  /** What its port is called in the switch. */
  readonly name: string;
  /** Undefined while the switch has not given it a number. */
  readonly ofport: number | undefined;
  readonly tag: number | undefined;
  readonly otherConfig: Readonly<Record<string, string>>;
}

export interface OvsOptions {
  /** `bridge_mappings`. */
  readonly bridgeMappings: Readonly<Record<string, string>>;
  readonly tunnels?: {
    readonly types: readonly TunnelType[];
    /** `local_ip`, canonical. */
    readonly localIp: string;
    readonly l2population: boolean;
    readonly arpResponder: boolean;
  };
}

/** A port that is to be alive. */
export interface LivePort {
  readonly vif: Vif & { readonly ofport: number };
  readonly details: PortDetails;
  readonly segment: string;
}

export interface SwitchPlan {
  /** By segmentKey. */
  readonly segments: ReadonlyMap<string, Segment>;
  /** By device. */
  readonly ports: ReadonlyMap<string, LivePort>;
  /** Devices that are to be alive, and that the switch has given no number. */
  readonly waiting: ReadonlySet<string>;
  /** Device → why its port is dead although the server wants it up. */
  readonly problems: ReadonlyMap<string, string>;
}

/** A device's port cannot be wired, for this reason. */
class Unwirable extends Error {}

/** `bridges` are those that the switch has. */
export function planSwitch(
  ports: Iterable<PortDetails>,
  vifs: ReadonlyMap<string, Vif>,
  options: OvsOptions,
  bridges: ReadonlySet<string>,
): SwitchPlan {
  const segments = new Map<string, Segment>();
  const live = new Map<string, LivePort>();
  const waiting = new Set<string>();
  const problems = new Map<string, string>();
  for (const details of [...ports].sort((a, b) => (a.device < b.device ? -1 : 1))) {
    const vif = vifs.get(details.device);
    if (!details.admin_state_up || vif === undefined) continue;
    try {
      const segment = segmentOf(details, options, bridges);
      const key = segmentKey(segment);
      segments.set(key, segments.get(key) ?? segment);
      if (vif.ofport !== undefined && vif.ofport > 0)
        live.set(details.device, { vif: { ...vif, ofport: vif.ofport }, details, segment: key });
      else waiting.add(details.device);
    } catch (error) {
      if (!(error instanceof Unwirable)) throw error;
      problems.set(details.device, error.message);
    }
  }
  return { segments, ports: live, waiting, problems };
}

function segmentOf(port: PortDetails, options: OvsOptions, bridges: ReadonlySet<string>): Segment {
  const { network_id: network, network_type: type } = port;
  if (type === 'local') return { network, type, physical: null, id: null };
  if (type === 'flat') return { network, type, physical: physical(port, options, bridges), id: null };
  if (type === 'vlan') return { network, type, physical: physical(port, options, bridges), id: number(port, 4094) };
  if (!isTunnelType(type)) throw new Unwirable(`network type ${JSON.stringify(type)} is not one of local, flat, vlan, vxlan, gre, geneve`);
  if (!options.tunnels?.types.includes(type))
    throw new Unwirable(`${type} is not among the tunnels that are configured here (tunnel_types)`);
  return { network, type, physical: null, id: number(port, type === 'gre' ? 2 ** 32 - 1 : 2 ** 24 - 1) };
}

function physical(port: PortDetails, options: OvsOptions, bridges: ReadonlySet<string>): string {
  const name = port.physical_network;
  const bridge = name === null ? undefined : options.bridgeMappings[name];
  if (name === null || bridge === undefined) throw new Unwirable(`no bridge is mapped to physical network ${JSON.stringify(name)}`);
  if (!bridges.has(bridge)) throw new Unwirable(`there is no bridge ${bridge} for physical network ${JSON.stringify(name)}`);
  return name;
}

function number(port: PortDetails, high: number): number {
  const id = port.segmentation_id;
  if (id === null || !Number.isInteger(id) || id < 1 || id > high)
    throw new Unwirable(`segmentation id ${id} of a ${port.network_type} network`);
  return id;
}
