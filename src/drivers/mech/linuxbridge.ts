// The Linux bridge mechanism: binds a port where a live agent of its kind can reach one of the network's segments.
import type { AgentView, MechanismDriver, SegmentView } from '../../contracts/drivers.ts';
import type { QosSupport } from '../../domain/qos.ts';
import { dscpMarks } from '../../model/qos.ts';

const mappings = (agent: Pick<AgentView, 'configurations'>, key: string): readonly string[] => {
  const value = agent.configurations[key];
  return typeof value === 'object' && value !== null ? Object.keys(value) : [];
};

function reaches(agent: Pick<AgentView, 'configurations'>, segment: Omit<SegmentView, 'id'>): boolean {
  switch (segment.network_type) {
    case 'local':
      return true;
    case 'flat':
    case 'vlan': {
      const physnets = [...mappings(agent, 'interface_mappings'), ...mappings(agent, 'bridge_mappings')];
      return segment.physical_network !== null && physnets.includes(segment.physical_network);
    }
    default: {
      const tunnels = agent.configurations.tunnel_types;
      return Array.isArray(tunnels) && tunnels.includes(segment.network_type);
    }
  }
}

const rate = { start: 0, end: 2_147_483_647 } as const;

const qos: QosSupport = {
  vifTypes: ['bridge', 'tap'],
  vnicTypes: ['normal'],
  rules: {
    bandwidth_limit: { max_kbps: rate, max_burst_kbps: rate, direction: ['ingress', 'egress'] },
    dscp_marking: { dscp_mark: dscpMarks },
  },
};

export const linuxbridge: MechanismDriver = {
  name: 'linuxbridge',
  agentType: 'Linux bridge agent',
  reaches,
  qos,
  trunksBoundPorts: true,
  bind(vnicType, agent, segments) {
    if (vnicType !== 'normal' || !agent.alive || !agent.admin_state_up) return undefined;
    const segment = segments.find(s => reaches(agent, s));
    if (!segment) return undefined;
    return {
      driver: 'linuxbridge',
      segment,
      vif_type: 'bridge',
      vif_details: { port_filter: true, connectivity: 'l2', bound_drivers: { '0': 'linuxbridge' } },
    };
  },
};
