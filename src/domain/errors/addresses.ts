// Errors of address allocation, address scopes, segments and segment ranges, names.
import type { P } from './row.ts';

export const addressesErrors = {
  AddressCalculationFailure: {
    status: 500,
    text: (p: P<'address_type' | 'reason'>) => `Unable to calculate ${p.address_type} address because of:${p.reason}`,
  },
  AllocationOnAutoAddressSubnet: {
    status: 400,
    text: (p: P<'ip' | 'subnet_id'>) =>
      `IPv6 address ${p.ip} cannot be directly assigned to a port on subnet ${p.subnet_id} as the subnet is configured for automatic addresses`,
  },
  IPAddressChangeNotAllowed: { status: 400, text: (p: P<'port_id'>) => `IP updates for port ${p.port_id} are not allowed` },
  InvalidSubnetRequest: { status: 400, text: (p: P<'reason'>) => `The subnet request could not be satisfied because: ${p.reason}` },
  InvalidSubnetRequestType: { status: 400, text: (p: P<'subnet_type'>) => `Cannot handle subnet of type ${p.subnet_type}` },
  IpAddressAlreadyAllocated: {
    status: 409,
    text: (p: P<'ip' | 'subnet_id'>) => `IP address ${p.ip} already allocated in subnet ${p.subnet_id}`,
  },
  IpAddressGenerationFailureAllSubnets: { status: 409, text: () => 'No more IP addresses available.' },
  IpAddressGenerationFailureNoMatchingSubnet: {
    status: 409,
    text: (p: P<'network_id' | 'service_type'>) =>
      `No valid service subnet for the given device owner, network ${p.network_id}, service type ${p.service_type}.`,
  },
  AddressScopeInUse: {
    status: 409,
    text: (p: P<'address_scope_id'>) =>
      `Unable to complete operation on address scope ${p.address_scope_id}. There are one or more subnet pools in use on the address scope.`,
  },
  AddressScopeNotFound: { status: 404, text: (p: P<'address_scope_id'>) => `Address scope ${p.address_scope_id} could not be found.` },
  AddressScopeUpdateError: {
    status: 400,
    text: (p: P<'address_scope_id' | 'reason'>) => `Unable to update address scope ${p.address_scope_id} : ${p.reason}.`,
  },
  NetworkAddressScopeAffinityError: {
    status: 400,
    text: () => 'Subnets of the same address family hosted on the same network must all participate in the same address scope.',
  },
  FixedIpsSubnetsNotOnSameSegment: { status: 400, text: () => 'Cannot allocate addresses from different segments.' },
  HostNotCompatibleWithFixedIps: {
    status: 409,
    text: (p: P<'host' | 'port_id'>) =>
      `Host ${p.host} is not connected to a segment where the existing fixed_ips on port ${p.port_id} will function given the routed network topology.`,
  },
  HostConnectedToMultipleSegments: {
    status: 409,
    text: (p: P<'host' | 'network_id'>) =>
      `Host ${p.host} is connected to multiple segments on routed provider network '${p.network_id}'.  It should be connected to one.`,
  },
  HostNotConnectedToAnySegment: {
    status: 409,
    text: (p: P<'host' | 'network_id'>) =>
      `Host ${p.host} is not connected to any segments on routed provider network '${p.network_id}'.  It should be connected to one.`,
  },
  NetworkIdsDontMatch: {
    status: 400,
    text: (p: P<'subnet_network' | 'segment_id'>) =>
      `The subnet's network id, '${p.subnet_network}', doesn't match the network_id of segment '${p.segment_id}'`,
  },
  NoUpdateSubnetWhenMultipleSegmentsOnNetwork: {
    status: 400,
    text: (p: P<'network_id'>) =>
      `The network '${p.network_id}' has multiple segments, it is only possible to associate an existing subnet with a segment on networks with a single segment.`,
  },
  SegmentInUse: { status: 409, text: (p: P<'segment_id' | 'reason'>) => `Segment '${p.segment_id}' cannot be deleted: ${p.reason}.` },
  SegmentNotFound: { status: 404, text: (p: P<'segment_id'>) => `Segment ${p.segment_id} could not be found.` },
  SubnetCantAssociateToDynamicSegment: { status: 400, text: () => 'A subnet cannot be associated with a dynamic segment.' },
  SubnetSegmentAssociationChangeNotAllowed: {
    status: 400,
    text: () => 'A subnet that is already associated with a segment cannot have its segment association changed.',
  },
  SubnetsNotAllAssociatedWithSegments: {
    status: 400,
    text: (p: P<'network_id'>) =>
      `All of the subnets on network '${p.network_id}' must either all be associated with segments or all not associated with any segment.`,
  },
  SegmentsContainDuplicateEntry: { status: 400, text: () => 'Duplicate segment entry in request.' },
  SegmentsSetInConjunctionWithProviders: { status: 400, text: () => 'Segments and provider values cannot both be set.' },
  NetworkSegmentRangeDefaultReadOnly: {
    status: 400,
    text: (p: P<'range_id'>) => `Network Segment Range ${p.range_id} is a default segment range which could not be updated or deleted.`,
  },
  NetworkTunnelRangeError: {
    status: 400,
    text: (p: P<'tunnel_range' | 'error'>) => `Invalid network tunnel range: '${p.tunnel_range}' - ${p.error}.`,
  },
  NetworkVlanRangeError: {
    status: 400,
    text: (p: P<'vlan_range' | 'error'>) => `Invalid network VLAN range: '${p.vlan_range}' - '${p.error}'.`,
  },
  NetworkSegmentRangeNetTypeNotSupported: {
    status: 400,
    text: (p: P<'type'>) => `Network type ${p.type} does not support network segment ranges.`,
  },
  NetworkSegmentRangeNotFound: { status: 404, text: (p: P<'range_id'>) => `Network Segment Range ${p.range_id} could not be found.` },
  NetworkSegmentRangeOverlaps: {
    status: 409,
    text: (p: P<'range_id'>) => `Network segment range overlaps with range(s) with id ${p.range_id}`,
  },
  NetworkSegmentRangeReferencedByProject: {
    status: 409,
    text: (p: P<'range_id'>) => `Network Segment Range ${p.range_id} is referenced by one or more project networks.`,
  },
  VlanQinqDriverError: { status: 400, text: () => 'Backend does not support VLAN QinQ.' },
  VlanTransparencyDriverError: { status: 400, text: () => 'Backend does not support VLAN Transparency.' },
  DNSDomainNotFound: { status: 404, text: (p: P<'dns_domain'>) => `Domain ${p.dns_domain} not found in the external DNS service` },
  DuplicateRecordSet: { status: 409, text: (p: P<'dns_name'>) => `Name ${p.dns_name} is duplicated in the external DNS service` },
  ExternalDNSDriverNotFound: { status: 404, text: (p: P<'driver'>) => `External DNS driver ${p.driver} could not be found.` },
  ExternalDNSOverQuota: { status: 409, text: (p: P<'resource'>) => `External DNS Quota exceeded for resources: ${p.resource}.` },
  InvalidPTRZoneConfiguration: {
    status: 409,
    text: (p: P<'parameter' | 'number' | 'maximum' | 'minimum'>) =>
      `Value of ${p.parameter} has to be multiple of ${p.number}, with maximum value of ${p.maximum} and minimum value of ${p.minimum}`,
  },
} as const;
