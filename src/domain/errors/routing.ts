// Errors of routers, extra routes, floating IPs and of placing routers on agents.
import type { P } from './row.ts';

export const routingErrors = {
  ConntrackHelperNotAllowed: { status: 400, text: (p: P<'helper'>) => `Conntrack Helper ${p.helper} is not allowed.` },
  ConntrackHelperNotFound: { status: 404, text: (p: P<'id'>) => `Conntrack Helper ${p.id} could not be found.` },
  ExternalGatewayForFloatingIPNotFound: {
    status: 404,
    text: (p: P<'external_network_id' | 'subnet_id' | 'port_id'>) =>
      `External network ${p.external_network_id} is not reachable from subnet ${p.subnet_id}.  Therefore, cannot associate Port ${p.port_id} with a Floating IP.`,
  },
  FipAssociated: {
    status: 409,
    text: (p: P<'port_id'>) =>
      `Unable to complete the operation on port ${p.port_id} because the port still has an associated floating IP.`,
  },
  FipInUseByPortForwarding: { status: 409, text: (p: P<'id'>) => `Floating IP ${p.id} in use by Port Forwarding resources.` },
  PortForwardingNotFound: { status: 404, text: (p: P<'id'>) => `Port Forwarding ${p.id} could not be found.` },
  PortHasPortForwarding: {
    status: 400,
    text: (p: P<'port_id'>) => `Cannot associate floating IP to port ${p.port_id} because it already has a Port Forwarding binding.`,
  },
  PortHasBindingFloatingIP: {
    status: 409,
    text: (p: P<'floating_ip_address' | 'fip_id' | 'port_id' | 'fixed_ip'>) =>
      `Cannot create port forwarding to floating IP ${p.floating_ip_address} (${p.fip_id}) with port ${p.port_id} using fixed IP ${p.fixed_ip}, as that port already has a binding floating IP.`,
  },
  FloatingIPNotFound: { status: 404, text: (p: P<'floatingip_id'>) => `Floating IP ${p.floatingip_id} could not be found` },
  FloatingIPPortAlreadyAssociated: {
    status: 409,
    text: (p: P<'floating_ip_address' | 'fip_id' | 'port_id' | 'fixed_ip' | 'net_id'>) =>
      `Cannot associate floating IP ${p.floating_ip_address} (${p.fip_id}) with port ${p.port_id} using fixed IP ${p.fixed_ip}, as that fixed IP already has a floating IP on external network ${p.net_id}.`,
  },
  InvalidProtocolForHelper: {
    status: 400,
    text: (p: P<'helper' | 'protocol' | 'supported_protocols'>) =>
      `Conntrack Helper ${p.helper} does not support: ${p.protocol}. Supported protocols are: ${p.supported_protocols}`,
  },
  RouterExternalGatewayInUseByFloatingIp: {
    status: 409,
    text: (p: P<'router_id' | 'net_id'>) =>
      `Gateway cannot be updated for router ${p.router_id}, since a gateway to external network ${p.net_id} is required by one or more floating IPs.`,
  },
  RouterInUse: { status: 409, text: (p: P<'router_id' | 'reason'>) => `Router ${p.router_id} ${p.reason}` },
  RouterInterfaceAttachmentConflict: { status: 409, text: (p: P<'reason'>) => `Error ${p.reason} while attempting the operation.` },
  RouterInterfaceInUseByFloatingIP: {
    status: 409,
    text: (p: P<'subnet_id' | 'router_id'>) =>
      `Router interface for subnet ${p.subnet_id} on router ${p.router_id} cannot be deleted, as it is required by one or more floating IPs.`,
  },
  RouterInterfaceNotFound: {
    status: 404,
    text: (p: P<'router_id' | 'port_id'>) => `Router ${p.router_id} does not have an interface with id ${p.port_id}`,
  },
  RouterInterfaceNotFoundForSubnet: {
    status: 404,
    text: (p: P<'router_id' | 'subnet_id'>) => `Router ${p.router_id} has no interface on subnet ${p.subnet_id}`,
  },
  RouterNotFound: { status: 404, text: (p: P<'router_id'>) => `Router ${p.router_id} could not be found` },
  InvalidRoutes: { status: 400, text: (p: P<'routes' | 'reason'>) => `Invalid format for routes: ${p.routes}, ${p.reason}` },
  RouterInterfaceInUseByRoute: {
    status: 409,
    text: (p: P<'subnet_id' | 'router_id'>) =>
      `Router interface for subnet ${p.subnet_id} on router ${p.router_id} cannot be deleted, as it is required by one or more routes.`,
  },
  RoutesExhausted: {
    status: 400,
    text: (p: P<'router_id' | 'quota'>) =>
      `Unable to complete operation for ${p.router_id}. The number of routes exceeds the maximum ${p.quota}.`,
  },
  UnableToAddExtraGateways: {
    status: 409,
    text: (p: P<'router_id' | 'reason'>) => `Unable to add extra gateways to a router ${p.router_id}: ${p.reason}`,
  },
  UnableToMatchGateways: {
    status: 400,
    text: (p: P<'router_id' | 'reason'>) =>
      `Unable to match a requested gateway port to existing gateway ports for router ${p.router_id}: ${p.reason}`,
  },
  UnableToRemoveGateways: { status: 409, text: (p: P<'router_id'>) => `Unable to remove extra gateways from a router ${p.router_id}` },
  EVPNNoVniAvailable: {
    status: 409,
    text: (p: P<'min_vni' | 'max_vni'>) => `No EVPN VNI available in range [${p.min_vni}, ${p.max_vni}].`,
  },
  EVPNRequiresOVN: {
    status: 400,
    text: (p: P<'router_id'>) => `EVPN is only supported with the OVN router provider. Router ${p.router_id} uses a non-OVN flavor.`,
  },
  EVPNVNIInUse: { status: 409, text: (p: P<'vni'>) => `EVPN VNI ${p.vni} is already in use.` },
  DuplicatedHANetwork: { status: 409, text: (p: P<'project_id'>) => `Project ${p.project_id} already has a HA network.` },
  HANetworkConcurrentDeletion: { status: 409, text: (p: P<'project_id'>) => `Network for project ${p.project_id} concurrently deleted.` },
  MaxVRIDAllocationTriesReached: {
    status: 500,
    text: (p: P<'network_id' | 'router_id' | 'max_tries'>) =>
      `Failed to allocate a VRID in the network ${p.network_id} for the router ${p.router_id} after ${p.max_tries} tries.`,
  },
  NoVRIDAvailable: {
    status: 409,
    text: (p: P<'router_id'>) =>
      `No more Virtual Router Identifier (VRID) available when creating router ${p.router_id}. The limit of number of HA Routers per project is 254.`,
  },
  DVRMacAddressNotFound: {
    status: 404,
    text: (p: P<'host'>) => `Distributed Virtual Router Mac Address for host ${p.host} does not exist.`,
  },
  ExternalNetworkInUse: {
    status: 409,
    text: (p: P<'net_id'>) =>
      `External network ${p.net_id} cannot be updated to be made non-external, since it has existing gateway ports.`,
  },
  DVRL3CannotAssignToDvrAgent: { status: 409, text: () => "Not allowed to manually assign a router to an agent in 'dvr' mode." },
  DVRL3CannotRemoveFromDvrAgent: { status: 409, text: () => "Not allowed to manually remove a router from an agent in 'dvr' mode." },
  HAChassisPriorityAlreadyAssigned: {
    status: 409,
    text: (p: P<'ha_chassis_priority'>) => `HA Chassis priority ${p.ha_chassis_priority} is already assigned`,
  },
  InvalidHAChassisPriority: { status: 400, text: (p: P<'low' | 'high'>) => `HA Chassis priority must be between ${p.low} and ${p.high}` },
  InvalidL3Agent: { status: 404, text: (p: P<'id'>) => `Agent ${p.id} is not a L3 Agent or has been disabled` },
  RouterDoesntSupportScheduling: { status: 409, text: (p: P<'router_id'>) => `Router ${p.router_id} does not support agent scheduling.` },
  RouterHostedByL3Agent: {
    status: 409,
    text: (p: P<'router_id' | 'agent_id'>) => `The router ${p.router_id} has been already hosted by the L3 Agent ${p.agent_id}.`,
  },
  RouterL3AgentMismatch: {
    status: 409,
    text: (p: P<'router_id' | 'agent_id'>) => `Cannot host distributed router ${p.router_id} on legacy L3 agent ${p.agent_id}.`,
  },
  RouterNotHostedByL3Agent: {
    status: 409,
    text: (p: P<'router_id' | 'agent_id'>) => `The router ${p.router_id} is not hosted by the L3 Agent ${p.agent_id}.`,
  },
  RouterReschedulingFailed: {
    status: 409,
    text: (p: P<'router_id'>) => `Failed rescheduling router ${p.router_id}: no eligible l3 agent found.`,
  },
  RouterSchedulingFailed: {
    status: 409,
    text: (p: P<'router_id' | 'agent_id'>) => `Failed scheduling router ${p.router_id} to the L3 Agent ${p.agent_id}.`,
  },
} as const;
