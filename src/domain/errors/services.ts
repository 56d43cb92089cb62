// Errors of agents and their schedulers, availability zones, tags, flavors and service providers.
import type { P } from './row.ts';

export const servicesErrors = {
  AgentNotFound: { status: 404, text: (p: P<'id'>) => `Agent ${p.id} could not be found.` },
  AgentNotFoundByTypeHost: {
    status: 404,
    text: (p: P<'agent_type' | 'host'>) => `Agent with agent_type=${p.agent_type} and host=${p.host} could not be found.`,
  },
  MultipleAgentFoundByTypeHost: {
    status: 409,
    text: (p: P<'agent_type' | 'host'>) => `Multiple agents with agent_type=${p.agent_type} and host=${p.host} found.`,
  },
  InvalidDHCPAgent: { status: 404, text: (p: P<'id'>) => `Agent ${p.id} is not a valid DHCP Agent or has been disabled.` },
  NetworkHostedByDHCPAgent: {
    status: 409,
    text: (p: P<'network_id' | 'agent_id'>) => `The network ${p.network_id} has been already hosted by the DHCP Agent ${p.agent_id}.`,
  },
  NetworkNotHostedByDhcpAgent: {
    status: 409,
    text: (p: P<'network_id' | 'agent_id'>) => `The network ${p.network_id} is not hosted by the DHCP Agent ${p.agent_id}.`,
  },
  AvailabilityZoneNotFound: {
    status: 404,
    text: (p: P<'availability_zone'>) => `AvailabilityZone ${p.availability_zone} could not be found.`,
  },
  TagNotFound: { status: 404, text: (p: P<'tag'>) => `Tag ${p.tag} could not be found.` },
  TagResourceNotFound: {
    status: 404,
    text: (p: P<'resource' | 'resource_id'>) => `Resource ${p.resource} ${p.resource_id} could not be found.`,
  },
  AutoAllocationFailure: { status: 409, text: (p: P<'reason'>) => `Deployment error: ${p.reason}.` },
  DefaultExternalNetworkExists: { status: 409, text: (p: P<'net_id'>) => `A default external network already exists: ${p.net_id}.` },
  InvalidServiceType: { status: 400, text: (p: P<'service_type'>) => `Invalid service type: ${p.service_type}.` },
  FlavorDisabled: { status: 503, text: () => 'Flavor is not enabled.' },
  FlavorInUse: { status: 409, text: (p: P<'flavor_id'>) => `Flavor ${p.flavor_id} is used by some service instance.` },
  FlavorNotFound: { status: 404, text: (p: P<'flavor_id'>) => `Flavor ${p.flavor_id} could not be found.` },
  FlavorServiceProfileBindingExists: {
    status: 409,
    text: (p: P<'sp_id' | 'fl_id'>) => `Service Profile ${p.sp_id} is already associated with flavor ${p.fl_id}.`,
  },
  FlavorServiceProfileBindingNotFound: {
    status: 404,
    text: (p: P<'sp_id' | 'fl_id'>) => `Service Profile ${p.sp_id} is not associated with flavor ${p.fl_id}.`,
  },
  ServiceProfileDisabled: { status: 503, text: () => 'Service Profile is not enabled.' },
  ServiceProfileDriverNotFound: { status: 404, text: (p: P<'driver'>) => `Service Profile driver ${p.driver} could not be found.` },
  ServiceProfileEmpty: { status: 400, text: () => 'Service Profile needs either a driver or metainfo.' },
  ServiceProfileInUse: { status: 409, text: (p: P<'sp_id'>) => `Service Profile ${p.sp_id} is used by some service instance.` },
  ServiceProfileNotFound: { status: 404, text: (p: P<'sp_id'>) => `Service Profile ${p.sp_id} could not be found.` },
  DefaultServiceProviderNotFound: {
    status: 400,
    text: (p: P<'service_type'>) => `Service type ${p.service_type} does not have a default service provider`,
  },
  ServiceProviderAlreadyAssociated: {
    status: 409,
    text: (p: P<'resource_id' | 'provider' | 'service_type'>) =>
      `Resource '${p.resource_id}' is already associated with provider '${p.provider}' for service type '${p.service_type}'`,
  },
  ServiceProviderNotFound: {
    status: 400,
    text: (p: P<'provider' | 'service_type'>) => `Service provider '${p.provider}' could not be found for service type ${p.service_type}`,
  },
  ExtensionDriverError: { status: 400, text: (p: P<'driver'>) => `Extension ${p.driver} failed.` },
  NeutronDbObjectDuplicateEntry: {
    status: 409,
    text: (p: P<'object_type' | 'attributes' | 'values'>) =>
      `Failed to create a duplicate ${p.object_type}: for attribute(s) ${p.attributes} with value(s) ${p.values}`,
  },
} as const;
