// Why a host cannot move to Open vSwitch as things are: each reason says what would have to be otherwise.
import { parseIp } from '../../../domain/net/ip.ts';
import { isVxlanName } from '../linuxbridge-names.ts';
import type { Move } from './move.ts';
import {
  type CloudPort,
  type CloudSegment,
  linuxBridgeAgent,
  mappingsOf,
  openvswitchAgent,
  type Situation,
  unplugged,
} from './situation.ts';

export function refusalsOf(situation: Situation, move: Move): string[] {
  const { host, cloud } = situation;
  if (!cloud.agents.some(a => a.agent_type === linuxBridgeAgent)) return [`the API knows no ${linuxBridgeAgent} on the host ${host}`];
  return [
    ...theApi(situation),
    ...theSwitch(situation, move),
    ...physicalNetworks(situation),
    ...tunnels(situation),
    ...ports(situation, move),
  ];
}

function theApi({ cloud }: Situation): string[] {
  if (cloud.rewrites) return [];
  return [
    'this API cannot give the ports of one agent to another (PUT /v2.0/agents/{id}/take_ports): a server of Weft can, and Neutron’s cannot',
  ];
}

function theSwitch({ target, openvswitch }: Situation, { devices, taps }: Move): string[] {
  if (typeof openvswitch === 'string') return [`Open vSwitch does not answer: ${openvswitch}`];
  const out: string[] = [];
  for (const { device, bridge } of devices) {
    const other = [...openvswitch].find(([name, { ports }]) => name !== bridge && ports.has(device));
    if (other) out.push(`${device} is in the bridge ${other[0]} of Open vSwitch, and ${bridge} is to have it`);
  }
  for (const { name } of taps) {
    const other = [...openvswitch].find(([bridge, { ports }]) => bridge !== target.integrationBridge && ports.has(name));
    if (other) out.push(`${name} is in the bridge ${other[0]} of Open vSwitch`);
  }
  const wanted = [target.integrationBridge, ...Object.values(target.bridgeMappings)];
  for (const name of wanted) {
    const bridge = openvswitch.get(name);
    if (bridge && (bridge.datapathType || 'system') !== target.datapathType)
      out.push(
        `the bridge ${name} of Open vSwitch has the datapath ${bridge.datapathType || 'system'}, and datapath_type is ${target.datapathType}`,
      );
  }
  return out;
}

const segmentsOf = ({ cloud }: Situation, port: CloudPort): readonly CloudSegment[] => cloud.networks.get(port.network_id)?.segments ?? [];
const named = ({ cloud }: Situation, network: string): string => `${cloud.networks.get(network)?.name || 'a network'} (${network})`;
const networksWith = (situation: Situation, is: (segment: CloudSegment) => boolean): string[] => [
  ...new Set(situation.cloud.ports.filter(p => segmentsOf(situation, p).some(is)).map(p => p.network_id)),
];

function physicalNetworks(situation: Situation): string[] {
  const { target, links } = situation;
  const bridged = mappingsOf(situation, 'bridge_mappings');
  const mapped = mappingsOf(situation, 'interface_mappings');
  const used = [...new Set(situation.cloud.ports.flatMap(p => segmentsOf(situation, p).flatMap(s => s.physical_network ?? [])))];
  return used.flatMap(physical => {
    const of = `the physical network ${physical}, which ports of this host use,`;
    if (bridged[physical] !== undefined)
      return [
        `${of} is behind the bridge ${bridged[physical]}, which is yours (bridge_mappings of linuxbridge_agent.ini): name its device in physical_interface_mappings instead before`,
      ];
    const bridge = target.bridgeMappings[physical];
    if (bridge === undefined)
      return [`${of} has no bridge: openvswitch_agent.ini needs bridge_mappings = ${physical}:br-${physical} in [ovs]`];
    const device = mapped[physical];
    if (device !== undefined && !links.some(l => l.name === device)) return [`${of} is behind the device ${device}, which is not there`];
    return [];
  });
}

const tunnelTypes = ['vxlan', 'gre', 'geneve'];

function tunnels(situation: Situation): string[] {
  const { cloud, target, links } = situation;
  const networks = networksWith(situation, s => tunnelTypes.includes(s.network_type));
  if (networks.length === 0) return [];
  const names = networks.map(id => named(situation, id)).join(', ');
  const old = cloud.agents.find(a => a.agent_type === linuxBridgeAgent)?.configurations ?? {};
  const there = links.filter(l => isVxlanName(l.name) && l.vxlan);
  if (old.l2_population !== true || there.some(l => l.vxlan?.group !== undefined))
    return [
      `${names}: VXLAN by multicast, which Open vSwitch does not have. This host could not talk with those that stay Linux bridge: have all of them know each other by l2_population first (mechanism_drivers of the server, [vxlan] l2_population of linuxbridge_agent.ini)`,
    ];
  const { tunnels: next } = target;
  if (!next?.types.includes('vxlan')) return [`${names}: openvswitch_agent.ini has no vxlan in tunnel_types of [agent]`];
  const out: string[] = [];
  if (!next.l2population) out.push('openvswitch_agent.ini needs l2_population = true in [agent], as the other hosts have it');
  const oldIp = String(old.tunneling_ip);
  if (parseIp(oldIp)?.value !== parseIp(next.localIp)?.value)
    out.push(`local_ip is ${next.localIp} in openvswitch_agent.ini, and other hosts know ${oldIp} as the end of this one's tunnels`);
  const ports = [...new Set(there.flatMap(l => l.vxlan?.port ?? []))].filter(port => port !== next.vxlanPort);
  if (ports.length > 0)
    out.push(
      `the tunnels of this cloud are at UDP port ${ports.join(', ')}: openvswitch_agent.ini needs vxlan_udp_port = ${ports[0]} in [agent]`,
    );
  return [...out, ...inUserSpace(situation, next.localIp)];
}

/** A switch in user space sends tunnels out of bridges of its own alone. */
function inUserSpace({ target, links, openvswitch }: Situation, localIp: string): string[] {
  if (target.datapathType !== 'netdev' || typeof openvswitch === 'string') return [];
  const holder = links.find(l => l.addresses.some(a => a.cidr.split('/')[0] === localIp))?.name;
  if (holder !== undefined && openvswitch.has(holder)) return [];
  return [
    `datapath_type is netdev, where tunnels leave by bridges of Open vSwitch alone: ${localIp} is to be an address of such a bridge, and is ${holder === undefined ? 'nowhere' : `${holder}’s`}`,
  ];
}

function ports(situation: Situation, { taps }: Move): string[] {
  const { cloud, target, host } = situation;
  const out: string[] = [];
  const moving = cloud.ports.filter(p => p.migrating).map(p => p.id);
  if (moving.length > 0) out.push(`instances are on their way from this host: wait for them (ports ${moving.join(', ')})`);
  const trunks = cloud.ports.filter(p => p.trunk).map(p => p.id);
  if (trunks.length > 0)
    out.push(`trunks are plugged in another way on Open vSwitch, and cannot be moved as they are (ports ${trunks.join(', ')})`);
  if (!['openvswitch', 'noop'].includes(target.firewall))
    out.push(
      `firewall_driver = ${target.firewall}: instances are plugged in through bridges of their own there; openvswitch is what a running one can be moved to`,
    );
  if (target.firewall === 'noop' && cloud.ports.some(p => p.port_security_enabled && p.port_filter))
    out.push('firewall_driver = noop: the security groups of this host’s ports would be gone');
  const types = new Set(cloud.ports.map(p => p.vif_type).filter(type => !['bridge', 'ovs', ...unplugged].includes(type)));
  if (types.size > 0) out.push(`ports of this host are bound as ${[...types].join(', ')}: only bridge can be moved`);
  const known = new Set(cloud.ports.map(p => p.id));
  for (const { port_id, outcome, reason, vif_type } of cloud.verdicts ?? []) {
    if (outcome === 'left' && !unplugged.includes(vif_type)) out.push(`port ${port_id}: ${reason ?? 'it cannot be taken'}`);
    if (!known.has(port_id)) out.push(`an instance is on its way to ${host}: wait for it (port ${port_id})`);
  }
  const names = taps.map(t => t.name);
  const twice = names.filter((name, i) => names.indexOf(name) !== i);
  if (twice.length > 0) out.push(`two ports have the same device: ${twice.join(', ')}`);
  if (cloud.agents.some(a => a.agent_type === openvswitchAgent && a.configurations.ovs_hybrid_plug === true))
    out.push(`the ${openvswitchAgent} of this host reports ovs_hybrid_plug: its firewall_driver has to be openvswitch`);
  return out;
}
