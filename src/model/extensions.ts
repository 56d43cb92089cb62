// The extensions that add attributes to resources. A line here puts an attribute into its resource and the extension into the list.

import { addressScopes } from './address-scope.ts';
import { autoAllocatedTopologies } from './auto-allocated-topology.ts';
import { agentResourcesSynced } from './ext/agent-resources-synced.ts';
import { allowedAddressPairs } from './ext/allowed-address-pairs.ts';
import {
  availabilityZoneExtension,
  availabilityZoneFilter,
  networkAvailabilityZone,
  routerAvailabilityZone,
} from './ext/availability-zones.ts';
import { binding } from './ext/binding.ts';
import { dataPlaneStatus } from './ext/data-plane-status.ts';
import { defaultSubnetpools } from './ext/default-subnetpools.ts';
import { dnsDomainPorts, dnsIntegration, dnsIntegrationDomainKeywords, subnetDnsPublishFixedIp } from './ext/dns.ts';
import { evpn } from './ext/evpn.ts';
import { externalNet } from './ext/external-net.ts';
import { extraDhcpOpt } from './ext/extra-dhcp-opt.ts';
import { floatingIpDistributed } from './ext/floating-ip-distributed.ts';
import { multiProvider } from './ext/multi-provider.ts';
import { netMtu, netMtuWritable } from './ext/net-mtu.ts';
import { networkHa } from './ext/network-ha.ts';
import { portDeviceProfile } from './ext/port-device-profile.ts';
import { portHardwareOffloadType } from './ext/port-hardware-offload-type.ts';
import { portHintOvsTxSteering, portHints } from './ext/port-hints.ts';
import { portMacOverride } from './ext/port-mac-override.ts';
import { portNumaAffinityPolicy, portNumaAffinityPolicySocket } from './ext/port-numa-affinity-policy.ts';
import { portSecurity } from './ext/port-security.ts';
import { portTrustedVif } from './ext/port-trusted-vif.ts';
import { provider } from './ext/provider.ts';
import { pvlan } from './ext/pvlan.ts';
import {
  portResourceRequest,
  portResourceRequestGroups,
  qos,
  qosFip,
  qosFipNetworkPolicy,
  qosGatewayIp,
  qosPortNetworkPolicy,
} from './ext/qos.ts';
import {
  ipAllocation,
  l2Adjacency,
  segmentsPeerSubnetHostRoutes,
  subnetSegmentIdEnforce,
  subnetSegmentIdWritable,
} from './ext/routed-networks.ts';
import { enableDefaultRouteBfd, enableDefaultRouteEcmp, externalGatewayMultihoming, routerEnableSnat } from './ext/router-gateways.ts';
import { dvr, ecmpRoutes, extGwMode, extraRoute, l3Ha, routerAdminStateDownBeforeUpdate } from './ext/router-modes.ts';
import { portSecurityGroups } from './ext/security-groups.ts';
import { subnetExternalNetwork } from './ext/subnet-external-network.ts';
import { trunkDetails } from './ext/trunk-details.ts';
import { uplinkStatusPropagation, uplinkStatusPropagationUpdatable } from './ext/uplink-status-propagation.ts';
import { vlanTransparent } from './ext/vlan-transparent.ts';
import { l3Flavors } from './flavor.ts';
import type { Extension } from './kit/resource.ts';
import { l3ExtNdpProxy } from './ndp-proxy.ts';

/** In this order a request's attributes are read, after the resource's own; where several are wrong, the first is told: as from Neutron. */
export const attributeExtensions = [
  addressScopes,
  allowedAddressPairs,
  autoAllocatedTopologies,
  dataPlaneStatus,
  externalNet,
  extraDhcpOpt,
  extGwMode,
  ipAllocation,
  l2Adjacency,
  l3Ha,
  networkHa,
  l3ExtNdpProxy,
  l3Flavors,
  multiProvider,
  netMtu,
  netMtuWritable,
  availabilityZoneExtension,
  availabilityZoneFilter,
  networkAvailabilityZone,
  routerAvailabilityZone,
  portDeviceProfile,
  portNumaAffinityPolicy,
  portNumaAffinityPolicySocket,
  portResourceRequest,
  portResourceRequestGroups,
  binding,
  portSecurity,
  provider,
  qos,
  qosFip,
  qosFipNetworkPolicy,
  qosGatewayIp,
  qosPortNetworkPolicy,
  portSecurityGroups,
  subnetSegmentIdWritable,
  subnetSegmentIdEnforce,
  segmentsPeerSubnetHostRoutes,
  trunkDetails,
  uplinkStatusPropagation,
  uplinkStatusPropagationUpdatable,
  vlanTransparent,
  agentResourcesSynced,
  defaultSubnetpools,
  dnsIntegration,
  dnsDomainPorts,
  dnsIntegrationDomainKeywords,
  subnetDnsPublishFixedIp,
  dvr,
  floatingIpDistributed,
  extraRoute,
  routerAdminStateDownBeforeUpdate,
  ecmpRoutes,
  externalGatewayMultihoming,
  enableDefaultRouteEcmp,
  enableDefaultRouteBfd,
  routerEnableSnat,
  evpn,
  portHints,
  portHintOvsTxSteering,
  portHardwareOffloadType,
  portTrustedVif,
  portMacOverride,
  subnetExternalNetwork,
  pvlan,
] as const satisfies readonly Extension[];
