// Every resource and extension that the server offers. Adding one is a line here.
import { addressGroup, addressGroupExtensions } from './address-group.ts';
import { addressScope } from './address-scope.ts';
import { agent } from './agent.ts';
import { autoAllocatedTopology } from './auto-allocated-topology.ts';
import { availabilityZone } from './availability-zone.ts';
import { conntrackHelper, exposeConntrackHelper, l3ConntrackHelper } from './conntrack-helper.ts';
import { defaultSecurityGroupRule, securityGroupsDefaultStatefulness, templateExtensions } from './default-security-group-rule.ts';
import { behaviour } from './ext/behaviour.ts';
import { attributeExtensions } from './extensions.ts';
import { floatingip } from './floatingip.ts';
import type { Extension, Resource } from './kit/resource.ts';
import type { TableDef } from './kit/table.ts';
import { l3ServiceExtensions, l3Services } from './l3-services.ts';
import { network } from './network.ts';
import { ipAvailabilityExtensions, networkIpAvailability } from './network-ip-availability.ts';
import { networkSegmentRange, networkSegmentRangeExtension } from './network-segment-range.ts';
import { port } from './port.ts';
import { bindingExtended, portBinding } from './port-binding.ts';
import { qosExtensions, qosResources } from './qos.ts';
import { rbacExtensions, rbacPolicy } from './rbac-policy.ts';
import { router } from './router.ts';
import { securityGroup, securityGroupRule } from './security-group.ts';
import { segment, segmentExtensions } from './segment.ts';
import { subnet } from './subnet.ts';
import { subnetpool, subnetpoolExtensions } from './subnet-pool.ts';
import { tables } from './tables.ts';
import { trunk, trunkExtension } from './trunk.ts';

export const resources: readonly Resource[] = [
  network,
  subnet,
  subnetpool,
  port,
  router,
  floatingip,
  securityGroup,
  securityGroupRule,
  agent,
  conntrackHelper,
  rbacPolicy,
  availabilityZone,
  portBinding,
  segment,
  networkSegmentRange,
  ...l3Services,
  addressGroup,
  trunk,
  defaultSecurityGroupRule,
  securityGroupsDefaultStatefulness,
  ...qosResources,
  addressScope,
  autoAllocatedTopology,
  networkIpAvailability,
];

export const extensions: readonly Extension[] = [
  ...attributeExtensions,
  l3ConntrackHelper,
  exposeConntrackHelper,
  bindingExtended,
  ...segmentExtensions,
  networkSegmentRangeExtension,
  ...rbacExtensions,
  ...l3ServiceExtensions,
  ...addressGroupExtensions,
  trunkExtension,
  ...templateExtensions,
  ...qosExtensions,
  ...subnetpoolExtensions,
  ...ipAvailabilityExtensions,
  ...behaviour,
];

export const allTables: readonly TableDef[] = [
  ...resources.filter(r => r.stored && !r.aliasOf).map(r => r.table),
  ...Object.values(tables),
];
