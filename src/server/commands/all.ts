// The commands of every resource, in the order of the model's registry.
import type { Services } from '../context.ts';
import { addressGroups } from './address-groups.ts';
import { addressScopes } from './address-scopes.ts';
import { agents } from './agents.ts';
import { autoAllocatedTopologies } from './auto-allocated-topologies.ts';
import { availabilityZones } from './availability-zones.ts';
import type { Commands } from './commands.ts';
import { conntrackHelpers } from './conntrack-helpers.ts';
import { defaultSecurityGroupRules } from './default-security-group-rules.ts';
import { floatingips } from './floatingips.ts';
import { l3ServiceCommands } from './l3-services.ts';
import { networkIpAvailabilities } from './network-ip-availabilities.ts';
import { networkSegmentRanges } from './network-segment-ranges.ts';
import { networks } from './networks.ts';
import { portBindings } from './port-bindings.ts';
import { ports } from './ports.ts';
import { qosPolicies } from './qos-policies.ts';
import { qosRuleTypes } from './qos-rule-types.ts';
import { qosRuleCommands } from './qos-rules.ts';
import { rbacPolicies } from './rbac-policies.ts';
import { routers } from './routers.ts';
import { securityGroupRules } from './security-group-rules.ts';
import { securityGroups } from './security-groups.ts';
import { securityGroupsDefaultStatefulness } from './security-groups-default-statefulness.ts';
import { segments } from './segments.ts';
import { subnetPools } from './subnet-pools.ts';
import { subnets } from './subnets.ts';
import { trunks } from './trunks.ts';

export function allCommands(services: Services): readonly Commands[] {
  return [
    networks,
    subnets,
    subnetPools,
    ports,
    routers,
    floatingips,
    securityGroups,
    securityGroupRules,
    agents(services),
    conntrackHelpers,
    rbacPolicies,
    availabilityZones,
    portBindings,
    segments,
    networkSegmentRanges,
    ...l3ServiceCommands(services),
    addressGroups,
    trunks,
    defaultSecurityGroupRules,
    securityGroupsDefaultStatefulness,
    qosPolicies,
    ...qosRuleCommands,
    qosRuleTypes,
    addressScopes,
    autoAllocatedTopologies,
    networkIpAvailabilities,
  ];
}
