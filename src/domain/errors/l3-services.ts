// Errors of local IPs, metering, logs of packets and NDP proxies.
import type { P } from './row.ts';

export const l3ServicesErrors = {
  NDPProxyNotFound: { status: 404, text: (p: P<'id'>) => `Ndp proxy ${p.id} could not be found.` },
  RouterGatewayInUseByNDPProxy: {
    status: 409,
    text: (p: P<'router_id'>) =>
      `Unable to unset external gateway of router ${p.router_id}, There are one or more ndp proxies still in use on the router.`,
  },
  RouterInterfaceInUseByNDPProxy: {
    status: 409,
    text: (p: P<'subnet_id' | 'router_id'>) =>
      `Unable to remove subnet ${p.subnet_id} from router ${p.router_id}, There are one or more ndp proxies still in use on the subnet.`,
  },
  RouterGatewayNotValid: {
    status: 409,
    text: (p: P<'router_id' | 'reason'>) => `Can not enable ndp proxy on router ${p.router_id}, ${p.reason}.`,
  },
  RouterNDPProxyNotEnable: {
    status: 409,
    text: (p: P<'router_id'>) =>
      `The enable_ndp_proxy parameter of router ${p.router_id} must be set as True while create ndp proxy entry on it.`,
  },
  PortUnreachableRouter: {
    status: 409,
    text: (p: P<'port_id' | 'router_id'>) => `The port ${p.port_id} cannot reach the router ${p.router_id} by IPv6 subnet.`,
  },
  InvalidAddress: { status: 400, text: (p: P<'address' | 'reason'>) => `The address ${p.address} is invalid, reason: ${p.reason}.` },
  AddressScopeConflict: {
    status: 409,
    text: (p: P<'ext_address_scope' | 'internal_address_scope'>) =>
      `The IPv6 address scope ${p.ext_address_scope} of external network conflict with internal network's IPv6 address scope ${p.internal_address_scope}.`,
  },
  LocalIPAssociationNotFound: {
    status: 404,
    text: (p: P<'local_ip_id' | 'port_id'>) => `Local IP ${p.local_ip_id} association with port ${p.port_id} could not be found.`,
  },
  LocalIPInUse: { status: 409, text: (p: P<'id'>) => `Local IP ${p.id} is still associated with one or more ports.` },
  LocalIPNoIP: { status: 400, text: (p: P<'port_id'>) => `Specified Port ${p.port_id} has no fixed IPs configured.` },
  LocalIPNoRequestedIP: {
    status: 400,
    text: (p: P<'port_id'>) => `Specified Port ${p.port_id} has several IPs, should specify exact IP address to use for Local IP.`,
  },
  LocalIPNotFound: { status: 404, text: (p: P<'id'>) => `Local IP ${p.id} could not be found.` },
  LocalIPPortOrNetworkRequired: { status: 400, text: () => 'Either Port ID or Network ID must be specified for Local IP create.' },
  LocalIPRequestedIPNotFound: {
    status: 400,
    text: (p: P<'port_id' | 'ip'>) => `Specified Port ${p.port_id} does not have requested IP address: ${p.ip}.`,
  },
  MeteringLabelNotFound: { status: 404, text: (p: P<'label_id'>) => `Metering label '${p.label_id}' does not exist.` },
  MeteringLabelRuleNotFound: { status: 404, text: (p: P<'rule_id'>) => `Metering label rule '${p.rule_id}' does not exist.` },
  MeteringLabelRuleOverlaps: {
    status: 409,
    text: (p: P<'remote_ip_prefix'>) => `Metering label rule with remote_ip_prefix '${p.remote_ip_prefix}' overlaps another.`,
  },
  InvalidLogResourceType: { status: 400, text: (p: P<'resource_type'>) => `Invalid log resource_type: ${p.resource_type}.` },
  LoggingTypeNotSupported: {
    status: 409,
    text: (p: P<'log_type' | 'port_id'>) => `Logging type ${p.log_type} is not supported on port ${p.port_id}.`,
  },
  InvalidResourceConstraint: {
    status: 400,
    text: (p: P<'resource' | 'resource_id' | 'target_resource' | 'target_id'>) =>
      `Invalid resource constraint between resource (${p.resource} ${p.resource_id}) and target resource (${p.target_resource} ${p.target_id}).`,
  },
  LogResourceNotFound: { status: 404, text: (p: P<'log_id'>) => `Log resource ${p.log_id} could not be found.` },
  ResourceNotFound: { status: 404, text: (p: P<'resource_id'>) => `Resource ${p.resource_id} could not be found.` },
  TargetResourceNotFound: { status: 404, text: (p: P<'target_id'>) => `Target resource ${p.target_id} could not be found.` },
} as const;
