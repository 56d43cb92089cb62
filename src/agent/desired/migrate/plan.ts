// From what there is to what is done when a host moves from Linux bridge to Open vSwitch, and every reason why it cannot be done. Nothing is
// planned in part: with one reason nothing is touched.
import { isBridgeName, isTapName, isVxlanName, tapName } from '../linuxbridge-names.ts';
import type { Move, MovedDevice, MovedTap } from './move.ts';
import { refusalsOf } from './refusals.ts';
import { type CloudPort, type Link, linuxBridgeAgent, mappingsOf, openvswitchAgent, type Situation } from './situation.ts';

/** `refusals`: why it cannot be done, each with what would have to be otherwise. */
export interface PlannedMove {
  readonly refusals: readonly string[];
  readonly move: Move;
}

export function planMove(situation: Situation): PlannedMove {
  const { host, cloud, target, links, openvswitch } = situation;
  const there = new Map(links.map(link => [link.name, link]));
  const taps = cloud.ports.flatMap((port): MovedTap[] => (there.has(tapName(port.id)) ? [movedTap(port)] : []));
  const ours = new Set(taps.map(tap => tap.name));
  const devices = devicesOf(situation);
  const physical = new Set(devices.map(d => d.device));
  const bridges = links.filter(l => l.kind === 'bridge' && isBridgeName(l.name)).map(l => l.name);
  const members = links.filter(l => l.master !== undefined && bridges.includes(l.master));
  const uplinks = [...members.filter(isUplink), ...links.filter(l => l.master === undefined && l.kind === 'vxlan' && isVxlanName(l.name))];
  const foreign = members.filter(l => !ours.has(l.name) && !isUplink(l) && !physical.has(l.name));
  const strays = foreign.filter(l => isTapName(l.name));
  const old = cloud.agents.find(a => a.agent_type === linuxBridgeAgent);
  const next = cloud.agents.find(a => a.agent_type === openvswitchAgent);
  const held = new Set(foreign.map(l => l.master));
  const move: Move = {
    host,
    oldAgent: old?.id ?? '',
    ...(next ? { newAgent: next.id } : {}),
    integrationBridge: target.integrationBridge,
    tunnelBridge: target.tunnelBridge,
    datapathType: target.datapathType,
    taps,
    unplugged: cloud.ports.filter(p => !there.has(tapName(p.id))).map(p => p.id),
    devices,
    bridges: bridges.filter(name => !held.has(name)),
    uplinks: uplinks.map(l => l.name),
    switchBefore: typeof openvswitch === 'string' ? [] : [...openvswitch.keys()],
    notices: [
      ...strays.map(l => `${l.name} is no port's of this host: it stays in ${l.master}, which stays, too`),
      ...foreign.filter(l => !isTapName(l.name)).map(l => `${l.name} is not known: it stays in ${l.master}, which stays, too`),
      ...unmapped(situation, devices),
    ],
  };
  return { refusals: refusalsOf(situation, move), move };
}

const isUplink = (link: Link): boolean => (link.kind === 'vxlan' && isVxlanName(link.name)) || link.kind === 'vlan';

function movedTap(port: CloudPort): MovedTap {
  const { id, network_id: network, mac_address: mac, device_owner: owner, device_id } = port;
  const instance = owner.startsWith('compute:') && device_id !== '' ? { instance: device_id } : {};
  return {
    name: tapName(id),
    port: id,
    network,
    mac,
    owner,
    active: port.status === 'ACTIVE',
    limited: port.limited,
    guarded: port.port_security_enabled && port.port_filter,
    ...instance,
  };
}

/** Devices of both agents' mappings that are not in Open vSwitch yet. */
function devicesOf(situation: Situation): MovedDevice[] {
  const { target, links, routes, openvswitch } = situation;
  return Object.entries(mappingsOf(situation, 'interface_mappings')).flatMap(([physical, device]) => {
    const bridge = target.bridgeMappings[physical];
    const link = links.find(l => l.name === device);
    const moved = typeof openvswitch !== 'string' && bridge !== undefined && openvswitch.get(bridge)?.ports.has(device);
    if (bridge === undefined || !link || moved) return [];
    const holder = links.find(l => l.name === link.master) ?? link;
    return [
      {
        ...{ physical, device, mac: link.mac, bridge, from: holder.name },
        addresses: holder.addresses.filter(a => a.scope === 'global').map(a => a.cidr),
        routes: routes.filter(r => r.dev === holder.name && r.proto !== 'kernel' && r.proto !== 'ra'),
      },
    ];
  });
}

/** Physical networks that nobody uses here: they are lost, and may be meant to be. */
function unmapped(situation: Situation, devices: readonly MovedDevice[]): string[] {
  const kept = new Set([...Object.keys(situation.target.bridgeMappings), ...devices.map(d => d.physical)]);
  return Object.keys(mappingsOf(situation, 'interface_mappings'))
    .filter(physical => !kept.has(physical))
    .map(physical => `the physical network ${physical} has no bridge in openvswitch_agent.ini: this host will not reach it any more`);
}
