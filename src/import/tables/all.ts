// Every mapping, and the tables that are known and not read, each with the reason.
import type { Mapping } from '../mapping.ts';
import { agentTables } from './agents.ts';
import { networkTables } from './networks.ts';
import { policyTables } from './policies.ts';
import { portTables } from './ports.ts';
import { routerTables } from './routers.ts';

export const mappings: readonly Mapping[] = [...policyTables, ...agentTables, ...networkTables, ...portTables, ...routerTables];

const fromPorts = 'follows from the addresses of ports';
const fromSegments = 'follows from the segments of networks';
const fromAgents = 'follows from what agents report';

/** Says nothing that is not said elsewhere, or that is worth anything once the server has stopped. */
export const derived: Readonly<Record<string, string>> = {
  alembic_version: 'the revision of the schema',
  ipamsubnets: fromPorts,
  ipamallocationpools: fromPorts,
  ipamallocations: fromPorts,
  ml2_flat_allocations: fromSegments,
  ml2_vlan_allocations: fromSegments,
  ml2_gre_allocations: fromSegments,
  ml2_vxlan_allocations: fromSegments,
  ml2_geneve_allocations: fromSegments,
  ml2_gre_endpoints: fromAgents,
  ml2_vxlan_endpoints: fromAgents,
  ml2_geneve_endpoints: fromAgents,
  segmenthostmappings: fromAgents,
  ml2_distributed_port_bindings: 'follows from the routers and the ports of a host',
  dvr_fip_gateway_port_network: 'follows from the gateway ports of agents',
  ha_router_vrid_allocations: 'follows from the highly available routers',
  providerresourceassociations: 'follows from the flavors of routers',
  network_subnet_lock: 'a lock',
  quotausages: 'counted anew',
  reservations: 'holds quota for requests that were under way',
  resourcedeltas: 'holds quota for requests that were under way',
};
