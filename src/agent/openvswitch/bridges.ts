// What the switch's database should say: bridges, the patches between them, tunnels, and the tags of ports.
import type { OvsPicture, OvsWanted, WantedBridge, WantedPort } from '../../contracts/host/ovsdb.ts';
import { parseIp } from '../../domain/net/ip.ts';
import { patchName, type Sha1Hex, tunnelTypeOf } from '../desired/openvswitch/names.ts';
import type { OvsOptions, SwitchPlan, Vif } from '../desired/openvswitch/plan.ts';
import { portConfig } from '../desired/openvswitch/segments.ts';
import type { Tunnel } from '../desired/openvswitch/tunnels.ts';
import { deadPort, freshPorts } from './fresh-ports.ts';

export interface BridgeOptions extends OvsOptions {
  /** `integration_bridge`, `tunnel_bridge`, `int_peer_patch_port`, `tun_peer_patch_port`. */
  readonly integrationBridge: string;
  readonly tunnelBridge: string;
  readonly intPatch: string;
  readonly tunPatch: string;
  /** `datapath_type`: system or netdev. */
  readonly datapathType: string;
  /** `bridge_mac_table_size`. */
  readonly macTableSize: number;
  /** `igmp_snooping_enable`. */
  readonly igmpSnooping: boolean;
  readonly tunnelOptions: {
    /** `vxlan_udp_port`. */
    readonly vxlanPort: number;
    readonly dontFragment: boolean;
    readonly checksum: boolean;
    /** `inherit`, or a number: the DSCP with two bits behind it. */
    readonly tos?: string;
  };
}

/** A patch that leads to a physical bridge is connected when its ends drop what nobody translates. */
const NOWHERE = 'nonexistent-peer';

export interface Patch {
  readonly physical: string;
  readonly bridge: string;
  /** On the integration bridge, and on the physical one. */
  readonly int: string;
  readonly phy: string;
}

/** By `bridge_mappings`, of bridges that are there. */
export function patchesOf({ bridgeMappings }: OvsOptions, bridges: ReadonlySet<string>, sha1Hex: Sha1Hex): Patch[] {
  return Object.entries(bridgeMappings)
    .filter(([, bridge]) => bridges.has(bridge))
    .map(([physical, bridge]) => ({
      physical,
      bridge,
      int: patchName('int-', bridge, sha1Hex),
      phy: patchName('phy-', bridge, sha1Hex),
    }));
}

/**
 * Before there are flows: everything but what lets frames in, which are tags of ports and the patches' other ends. Ports without a tag, to
 * which everything would come, get the one of the dead first. Controllers that Neutron's
 * agent has set stay: a bridge that loses its last one loses its flows.
 */
export function wantedBridges(
  options: BridgeOptions,
  patches: readonly Patch[],
  tunnels: Iterable<Tunnel>,
  picture: OvsPicture,
): OvsWanted {
  const common = {
    datapath_type: options.datapathType,
    fail_mode: 'secure',
    protocols: ['OpenFlow10', 'OpenFlow13', 'OpenFlow14'],
    other_config: { 'mac-table-size': String(options.macTableSize) },
  } as const;
  const unconnected = (name: string, peer: string): WantedPort => {
    const there = picture.port(name)?.interfaces[0]?.options['peer'] === peer;
    return patch(there ? peer : NOWHERE);
  };
  const bridges: Record<string, WantedBridge> = {
    [options.integrationBridge]: {
      ...common,
      mcast_snooping_enable: options.igmpSnooping,
      other_config: { ...common.other_config, 'mcast-snooping-disable-flood-unregistered': 'false' },
      ports: {
        ...(options.tunnels ? { [options.intPatch]: { ...patch(options.tunPatch), ...snooping(options) } } : {}),
        ...Object.fromEntries(patches.map(p => [p.int, { ...unconnected(p.int, p.phy), ...snooping(options) }])),
        ...Object.fromEntries(freshPorts(picture, options.integrationBridge).map(name => [name, deadPort])),
      },
    },
  };
  if (options.tunnels)
    bridges[options.tunnelBridge] = {
      ...common,
      ports: {
        [options.tunPatch]: patch(options.intPatch),
        ...Object.fromEntries([...tunnels].map(tunnel => [tunnel.name, tunnelPort(tunnel, options, options.tunnels!.localIp)])),
      },
    };
  for (const p of patches) bridges[p.bridge] = { ...common, make: false, ports: { [p.phy]: unconnected(p.phy, p.int) } };
  return { bridges };
}

const patch = (peer: string): WantedPort => ({ interface: { type: 'patch', options: { peer } } });

function snooping({ igmpSnooping }: BridgeOptions): Pick<WantedPort, 'other_config'> {
  const word = igmpSnooping ? 'True' : 'False';
  return { other_config: { 'mcast-snooping-flood': word, 'mcast-snooping-flood-reports': word } };
}

function tunnelPort({ type, remote }: Tunnel, { tunnelOptions: o }: BridgeOptions, local: string): WantedPort {
  const greOverIpv6 = type === 'gre' && parseIp(remote)?.version === 6;
  return {
    interface: {
      type: greOverIpv6 ? 'ip6gre' : type,
      options: {
        remote_ip: remote,
        local_ip: local,
        in_key: 'flow',
        out_key: 'flow',
        df_default: String(o.dontFragment),
        egress_pkt_mark: '0',
        csum: o.checksum ? 'true' : null,
        tos: o.tos ?? null,
        dst_port: type === 'vxlan' && o.vxlanPort !== 4789 ? String(o.vxlanPort) : null,
        packet_type: greOverIpv6 ? 'legacy_l2' : null,
      },
    },
  };
}

/** When flows stand: patches are connected, live ports get their tag, the others the one of the dead. */
export function wantedPorts(
  options: BridgeOptions,
  patches: readonly Patch[],
  plan: SwitchPlan,
  vlanOf: (segment: string) => number | undefined,
  dead: readonly Vif[],
): OvsWanted {
  const ports: Record<string, WantedPort> = {};
  for (const { vif, segment } of plan.ports.values()) {
    const vlan = vlanOf(segment);
    const of = plan.segments.get(segment);
    if (vlan !== undefined && of !== undefined)
      ports[vif.name] = { make: false, tag: vlan, vlan_mode: null, trunks: [], other_config: portConfig(of, vlan) };
  }
  for (const vif of dead) ports[vif.name] = deadPort;
  const bridges: Record<string, WantedBridge> = {};
  for (const p of patches) {
    ports[p.int] = { make: false, interface: { options: { peer: p.phy } } };
    bridges[p.bridge] = { make: false, ports: { [p.phy]: { make: false, interface: { options: { peer: p.int } } } } };
  }
  return { bridges: { ...bridges, [options.integrationBridge]: { make: false, ports } } };
}

/** Tunnels of ours to ends that nobody names any more. */
export function staleTunnels(options: BridgeOptions, wanted: ReadonlyMap<string, Tunnel>, picture: OvsPicture): OvsWanted | undefined {
  const local = options.tunnels?.localIp;
  const stale = [...(picture.bridges.get(options.tunnelBridge)?.ports.values() ?? [])].filter(
    p => tunnelTypeOf(p.name) !== undefined && !wanted.has(p.name) && p.interfaces[0]?.options['local_ip'] === local,
  );
  if (local === undefined || stale.length === 0) return undefined;
  return { bridges: { [options.tunnelBridge]: { make: false, ports: Object.fromEntries(stale.map(p => [p.name, null])) } } };
}
