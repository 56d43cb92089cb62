// What mechanisms with an agent on each host share: which segments a host is connected to, by what its agent reports.
import type { AgentView, SegmentView } from '../../contracts/drivers.ts';

type Reporting = Pick<AgentView, 'configurations'>;

/** `keys`: the configurations that name the physical networks of an agent. */
export function reachesBy(keys: readonly string[]): (agent: Reporting, segment: Omit<SegmentView, 'id'>) => boolean {
  return (agent, { network_type, physical_network }) => {
    switch (network_type) {
      case 'local':
        return true;
      case 'flat':
      case 'vlan':
        return physical_network !== null && keys.some(key => names(agent, key).includes(physical_network));
      default: {
        const tunnels = agent.configurations.tunnel_types;
        return Array.isArray(tunnels) && tunnels.includes(network_type);
      }
    }
  };
}

function names(agent: Reporting, key: string): readonly string[] {
  const value = agent.configurations[key];
  return typeof value === 'object' && value !== null ? Object.keys(value) : [];
}
