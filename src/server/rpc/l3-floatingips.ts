// Where floating IPs are: of a distributed router each is on the host of its port, or, where that host does none of it or it is not to be
// distributed, where the router is translated.
import type { Row } from '../../contracts/store.ts';
import { grouped } from '../commands/load.ts';
import { agentMode } from '../commands/router-places.ts';
import { l3AgentType } from '../commands/scheduling.ts';
import type { Services } from '../context.ts';
import type { Dict } from './dicts.ts';

/** Neutron's name for a floating IP that no host has of itself. */
const needsBinding = 'FLOATING_IP_HOST_NEEDS_BINDING';

interface Whereabouts {
  readonly host: string;
  /** Where the port is moving to. */
  readonly dest: string | null;
}

function whereabouts(bindings: readonly Row[]): Whereabouts {
  const active = bindings.find(b => b.status === 'ACTIVE');
  const { migrating_to } = (active?.profile ?? {}) as { readonly migrating_to?: unknown };
  const next = bindings.find(b => b.status !== 'ACTIVE' && b.host !== '')?.host;
  const dest = typeof migrating_to === 'string' && migrating_to !== '' ? migrating_to : next;
  return { host: String(active?.host ?? ''), dest: typeof dest === 'string' ? dest : null };
}

/** What an agent is told of a floating IP of a distributed router; undefined: it is not the agent's. */
export async function placeFloatingIps(
  services: Services,
  fips: readonly Row[],
  agent: Row | undefined,
): Promise<(fip: Dict) => Dict | undefined> {
  const bindings = await grouped(
    services,
    'port_bindings',
    'port_id',
    fips.map(f => f.port_id),
  );
  const hosts = [...bindings.values()].flat().map(b => b.host);
  const modes = await grouped(services, 'agents', 'host', hosts, { where: { eq: ['agent_type', l3AgentType] } });
  const translates = (host: string): boolean => (modes.get(host) ?? []).some(a => ['dvr', 'dvr_snat'].includes(agentMode(a)));
  const mine = String(agent?.host ?? '');
  return fip => {
    const { host, dest } = whereabouts(bindings.get(String(fip.port_id)) ?? []);
    if (fip.distributed !== false && host !== '' && translates(host))
      return host === mine || dest === mine ? { ...fip, host, dest_host: dest } : undefined;
    if (!agent || agentMode(agent) !== 'dvr_snat') return undefined;
    return { ...fip, host: needsBinding, dest_host: dest, dvr_snat_bound: true };
  };
}
