// device_owner values and what they mean.

const ROUTER_INTERFACES = ['network:router_interface', 'network:router_interface_distributed', 'network:ha_router_replicated_interface'];
const SNAT = 'network:router_centralized_snat';
const ROUTER_PORTS = [
  ...ROUTER_INTERFACES,
  SNAT,
  'network:router_gateway',
  'network:router_ha_interface',
  'network:floatingip_agent_gateway',
];
/** Ports that go with their network when it is deleted. */
const AUTO_DELETED = ['network:dhcp', 'network:distributed', 'network:floatingip_agent_gateway'];
/** Ports that only routers and floating IPs delete. */
const SERVICE_PORTS = [...ROUTER_INTERFACES, SNAT, 'network:router_gateway', 'network:router_ha_interface', 'network:floatingip'];

export const isRouterInterface = (owner: string): boolean => ROUTER_INTERFACES.includes(owner);
export const isRouterInterfaceOrSnat = (owner: string): boolean => owner === SNAT || isRouterInterface(owner);
export const isRouterPort = (owner: string): boolean => ROUTER_PORTS.includes(owner);
export const isAutoDeleted = (owner: string): boolean => AUTO_DELETED.includes(owner);
export const isServicePort = (owner: string): boolean => SERVICE_PORTS.includes(owner);
/** Ports of the network's own services: no default security group, not for every tenant to make. */
export const isNetworkOwner = (owner: string): boolean => owner.startsWith('network:');
export const isComputeOwner = (owner: string): boolean => owner.startsWith('compute:');
