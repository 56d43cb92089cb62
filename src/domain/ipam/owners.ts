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

export const isRouterInterface = (owner: string): boolean => ROUTER_INTERFACES.includes(owner);
export const isRouterInterfaceOrSnat = (owner: string): boolean => owner === SNAT || isRouterInterface(owner);
export const isRouterPort = (owner: string): boolean => ROUTER_PORTS.includes(owner);
