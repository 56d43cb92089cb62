// The Linux bridge mechanism: binds a port where a live agent of its kind can reach one of the network's segments.
import type { MechanismDriver } from '../../contracts/drivers.ts';
import type { QosSupport } from '../../domain/qos.ts';
import { dscpMarks } from '../../model/qos.ts';
import { reachesBy } from './agent-segments.ts';

const reaches = reachesBy(['interface_mappings', 'bridge_mappings']);

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
  bind({ vnic_type, guarded }, agent, segments) {
    if (vnic_type !== 'normal' || !agent.alive || !agent.admin_state_up) return undefined;
    const segment = segments.find(s => reaches(agent, s));
    if (!segment) return undefined;
    return {
      driver: 'linuxbridge',
      segment,
      vif_type: 'bridge',
      vif_details: { port_filter: guarded, connectivity: 'l2', bound_drivers: { '0': 'linuxbridge' } },
    };
  },
};
