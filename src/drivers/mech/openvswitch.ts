// The Open vSwitch mechanism, for Neutron's agent: binds a port where a live agent of its kind can reach one of the network's segments.
import type { AgentView, MechanismDriver, PortView } from '../../contracts/drivers.ts';
import type { QosSupport } from '../../domain/qos.ts';
import { dscpMarks } from '../../model/qos.ts';
import { reachesBy } from './agent-segments.ts';

const reaches = reachesBy(['bridge_mappings']);

const rate = { start: 0, end: 2_147_483_647 } as const;
const direction = ['ingress', 'egress'] as const;

const qos: QosSupport = {
  vifTypes: ['ovs', 'vhostuser'],
  vnicTypes: ['normal', 'direct'],
  rules: {
    bandwidth_limit: { max_kbps: rate, max_burst_kbps: rate, direction },
    packet_rate_limit: { max_kpps: rate, max_burst_kpps: rate, direction },
    dscp_marking: { dscp_mark: dscpMarks },
    minimum_bandwidth: { min_kbps: rate, direction },
    minimum_packet_rate: { min_kpps: rate, direction: [...direction, 'any'] },
  },
  physicalOnly: ['minimum_bandwidth'],
};

/** A NIC that is passed through is ours only where the switch in it is driven by Open vSwitch. */
function isOurs({ vnic_type, profile }: PortView): boolean {
  if (vnic_type !== 'direct') return ['normal', 'smart-nic', 'vdpa'].includes(vnic_type);
  return Array.isArray(profile.capabilities) && profile.capabilities.includes('switchdev');
}

const client = 'dpdkvhostuserclient';

function interfaceTypes({ configurations }: AgentView): readonly unknown[] {
  const { ovs_capabilities } = configurations as { readonly ovs_capabilities?: { readonly iface_types?: unknown } };
  return Array.isArray(ovs_capabilities?.iface_types) ? ovs_capabilities.iface_types : [];
}

/** Instances are joined to a switch in user space by a socket, where it knows such interfaces. */
function isBySocket(port: PortView, agent: AgentView): boolean {
  const types = interfaceTypes(agent);
  return (
    port.vnic_type !== 'direct' &&
    agent.configurations.datapath_type === 'netdev' &&
    [client, 'dpdkvhostuser'].some(type => types.includes(type))
  );
}

function socketDetails(port: PortView, agent: AgentView): Readonly<Record<string, unknown>> {
  const folder = String(agent.configurations.vhostuser_socket_dir ?? '/var/run/openvswitch').replace(/\/+$/, '');
  return {
    port_filter: false,
    ovs_hybrid_plug: false,
    // One of the two listens: whichever the switch is not.
    vhostuser_mode: interfaceTypes(agent).includes(client) ? 'server' : 'client',
    vhostuser_ovs_plug: true,
    vhostuser_socket: `${folder}/${`vhu${port.id}`.slice(0, 14)}`,
  };
}

/** Of a trunk's parent, the bridge is the trunk's own. */
function bridgeOf({ trunk_id }: PortView, { configurations }: AgentView): Readonly<Record<string, unknown>> {
  if (trunk_id !== undefined) return { bridge_name: `tbr-${trunk_id}`.slice(0, 14) };
  const { integration_bridge } = configurations;
  return typeof integration_bridge === 'string' && integration_bridge !== '' ? { bridge_name: integration_bridge } : {};
}

export const openvswitch: MechanismDriver = {
  name: 'openvswitch',
  agentType: 'Open vSwitch agent',
  reaches,
  qos,
  plugsTrunks: true,
  bind(port, agent, segments) {
    if (!isOurs(port) || !agent.alive || !agent.admin_state_up) return undefined;
    const segment = segments.find(s => reaches(agent, s));
    if (!segment) return undefined;
    const bySocket = isBySocket(port, agent);
    const plug = { port_filter: port.guarded, ovs_hybrid_plug: agent.configurations.ovs_hybrid_plug === true };
    const vif_details = {
      connectivity: 'l2',
      ...(bySocket ? socketDetails(port, agent) : plug),
      datapath_type: agent.configurations.datapath_type ?? 'system',
      ...bridgeOf(port, agent),
      bound_drivers: { '0': 'openvswitch' },
    };
    return { driver: 'openvswitch', segment, vif_type: bySocket ? 'vhostuser' : 'ovs', vif_details };
  },
};
