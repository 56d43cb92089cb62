// device_owner values and what they mean. They are what Neutron's clients and agents know; whoever sets one is a matter of policy.

export const owners = {
  dhcp: 'network:dhcp',
  distributed: 'network:distributed',
  floatingip: 'network:floatingip',
  floatingipAgentGateway: 'network:floatingip_agent_gateway',
  routerGateway: 'network:router_gateway',
  routerInterface: 'network:router_interface',
  routerInterfaceDistributed: 'network:router_interface_distributed',
  routerInterfaceHa: 'network:ha_router_replicated_interface',
  routerSnat: 'network:router_centralized_snat',
  routerHa: 'network:router_ha_interface',
  localIp: 'network:local_ip',
} as const;

export const routerInterfaceOwners: readonly string[] = [
  owners.routerInterface,
  owners.routerInterfaceDistributed,
  owners.routerInterfaceHa,
];

/** Ports that go with their network (and subnet) instead of holding it. */
export const autoDeletedOwners: readonly string[] = [owners.dhcp, owners.distributed, owners.floatingipAgentGateway];

const routerOwners: readonly string[] = [
  ...routerInterfaceOwners,
  owners.routerSnat,
  owners.routerGateway,
  owners.routerHa,
  owners.floatingipAgentGateway,
];

/** Ports of the network's own services: no security groups, no port security unless asked for. */
export const isServicePort = (owner: string): boolean => owner.startsWith('network:');
export const isRouterInterface = (owner: string): boolean => routerInterfaceOwners.includes(owner);
export const isRouterInterfaceOrSnat = (owner: string): boolean => owner === owners.routerSnat || isRouterInterface(owner);
export const isRouterPort = (owner: string): boolean => routerOwners.includes(owner);
/** Ports that get the lowest free address, as people expect of a DHCP server. */
export const prefersLowest = (owner: string): boolean => owner === owners.dhcp || owner === owners.distributed;

/** Ports that make a host a part of the distributed routers on their subnets. */
export const servedByDistributedRouters = {
  prefix: 'compute:',
  others: [owners.dhcp, 'neutron:LOADBALANCER', 'neutron:LOADBALANCERV2'],
} as const;
export const isServedByDistributedRouters = (owner: string): boolean =>
  owner.startsWith(servedByDistributedRouters.prefix) || servedByDistributedRouters.others.some(o => o === owner);
