// What a host with Linux bridges should look like for the ports that are bound to it: bridges, uplinks, taps. One bad port is named, and left out.
import { parseCidr } from '../../domain/net/cidr.ts';
import { ipText, parseIp } from '../../domain/net/ip.ts';
import type { PortDetails } from './l2-port.ts';
import { bridgeName, vlanName, vxlanName } from './linuxbridge-names.ts';

/** What the packets of tunnels have besides their ends; what is absent is the kernel's. */
export interface TunnelPackets {
  readonly ttl?: number;
  /** The whole byte. */
  readonly tos?: number | 'inherit';
  readonly sourcePorts?: readonly [number, number];
}

/** Networks with these numbers have this group, or one of its addresses. */
export interface GroupRange {
  readonly group: string;
  readonly low: number;
  readonly high: number;
}

export interface BridgeOptions {
  readonly interfaceMappings: Readonly<Record<string, string>>;
  readonly bridgeMappings: Readonly<Record<string, string>>;
  readonly vxlan?: {
    readonly localIp: string;
    /** An address, or a prefix over which the networks are spread by VNI. */
    readonly group: string;
    /** The first that has the VNI counts more than `group`. */
    readonly groups?: readonly GroupRange[];
    readonly packets?: TunnelPackets;
    readonly l2population: boolean;
    readonly arpResponder?: boolean;
    readonly udpPort: number;
    /** The device that has `localIp`; absent while there is none. */
    readonly dev?: string;
  };
  readonly sha1Hex: (text: string) => string;
}

export type Uplink =
  | { readonly kind: 'physical'; readonly name: string }
  | { readonly kind: 'vlan'; readonly name: string; readonly dev: string; readonly id: number }
  | ({
      readonly kind: 'vxlan';
      readonly name: string;
      readonly id: number;
      readonly dev: string;
      readonly local: string;
      readonly port: number;
      /** Multicast; absent with l2population, where the FDB says it all. */
      readonly group?: string;
      /** Answers ARP and neighbour solicitations itself, and drops those it has no answer for. */
      readonly proxy: boolean;
    } & TunnelPackets);

export interface WantedBridge {
  readonly name: string;
  readonly network: string;
  readonly mtu: number | null;
  /** False for a bridge of `bridge_mappings`, which is only used. */
  readonly made: boolean;
  readonly uplink?: Uplink;
}

export interface WantedTap {
  readonly name: string;
  readonly bridge: string;
  readonly mtu: number | null;
}

export interface HostPlan {
  readonly bridges: ReadonlyMap<string, WantedBridge>;
  readonly taps: ReadonlyMap<string, WantedTap>;
  /** Device → why its port cannot be wired. */
  readonly problems: ReadonlyMap<string, string>;
}

/** A device's port cannot be wired, for this reason. */
class Unwirable extends Error {}

export function planHost(ports: Iterable<PortDetails>, options: BridgeOptions): HostPlan {
  const bridges = new Map<string, WantedBridge>();
  const taps = new Map<string, WantedTap>();
  const problems = new Map<string, string>();
  for (const port of [...ports].sort((a, b) => (a.device < b.device ? -1 : 1))) {
    if (!port.admin_state_up) continue;
    try {
      const bridge = bridgeOf(port, options);
      const there = bridges.get(bridge.name);
      if (there && there.network !== bridge.network) throw new Unwirable(`bridge ${bridge.name} is network ${there.network}'s already`);
      bridges.set(bridge.name, there ?? bridge);
      taps.set(port.device, { name: port.device, bridge: bridge.name, mtu: port.mtu });
    } catch (error) {
      if (!(error instanceof Unwirable)) throw error;
      problems.set(port.device, error.message);
    }
  }
  return { bridges, taps, problems };
}

function bridgeOf(port: PortDetails, options: BridgeOptions): WantedBridge {
  const mapped = port.network_type === 'flat' && port.physical_network !== null ? options.bridgeMappings[port.physical_network] : undefined;
  const common = { network: port.network_id, mtu: port.mtu };
  if (mapped !== undefined) return { ...common, name: mapped, made: false };
  const made = { ...common, name: bridgeName(port.network_id), made: true };
  switch (port.network_type) {
    case 'local':
      return made;
    case 'flat':
      return { ...made, uplink: { kind: 'physical', name: physical(port, options) } };
    case 'vlan':
      return { ...made, uplink: vlan(port, options) };
    case 'vxlan':
      return { ...made, uplink: vxlan(port, options) };
    default:
      throw new Unwirable(`network type ${JSON.stringify(port.network_type)} is not one of local, flat, vlan, vxlan`);
  }
}

function physical(port: PortDetails, options: BridgeOptions): string {
  const name = port.physical_network === null ? undefined : options.interfaceMappings[port.physical_network];
  if (name === undefined) throw new Unwirable(`no interface is mapped to physical network ${JSON.stringify(port.physical_network)}`);
  return name;
}

function vlan(port: PortDetails, options: BridgeOptions): Uplink {
  const dev = physical(port, options);
  const id = segment(port, 1, 4094);
  return { kind: 'vlan', name: vlanName(dev, id, options.sha1Hex), dev, id };
}

function vxlan(port: PortDetails, { vxlan: v }: BridgeOptions): Uplink {
  if (!v) throw new Unwirable('VXLAN is not configured here (local_ip)');
  if (v.dev === undefined) throw new Unwirable(`no device has the tunnel address ${v.localIp}`);
  const id = segment(port, 1, 2 ** 24 - 1);
  const proxy = v.l2population && v.arpResponder === true;
  const tunnel = { kind: 'vxlan', name: vxlanName(id), id, dev: v.dev, local: v.localIp, port: v.udpPort, proxy, ...v.packets } as const;
  if (v.l2population) return tunnel;
  const { group } = v.groups?.find(({ low, high }) => low <= id && id <= high) ?? v;
  return { ...tunnel, group: groupOf(group, id) };
}

function segment(port: PortDetails, low: number, high: number): number {
  const id = port.segmentation_id;
  if (id === null || !Number.isInteger(id) || id < low || id > high)
    throw new Unwirable(`segmentation id ${id} of a ${port.network_type} network`);
  return id;
}

function groupOf(text: string, vni: number): string {
  const cidr = parseCidr(text);
  if (!cidr) {
    if (!parseIp(text)) throw new Unwirable(`vxlan_group ${JSON.stringify(text)} is neither an address nor a prefix`);
    return text;
  }
  const size = 1n << BigInt((cidr.version === 4 ? 32 : 128) - cidr.prefix);
  return ipText(cidr.version, cidr.network + (BigInt(vni) % size));
}
