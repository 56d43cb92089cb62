// Errors of networks, subnets, ports, subnet pools, bindings, quotas and of requests as such.
import type { P } from './row.ts';

export const coreErrors = {
  AddressScopePrefixConflict: {
    status: 409,
    text: () => 'Failed to associate address scope: subnetpools within an address scope must have unique prefixes.',
  },
  AdminRequired: { status: 403, text: (p: P<'reason'>) => `User does not have admin privileges: ${p.reason}.` },
  BadRequest: { status: 400, text: (p: P<'resource' | 'msg'>) => `Bad ${p.resource} request: ${p.msg}.` },
  DNSNameServersExhausted: {
    status: 400,
    text: (p: P<'subnet_id' | 'quota'>) =>
      `Unable to complete operation for ${p.subnet_id}. The number of DNS nameservers exceeds the limit ${p.quota}.`,
  },
  DeviceIDNotOwnedByProject: {
    status: 409,
    text: (p: P<'device_id'>) => `The following device_id ${p.device_id} is not owned by your project or matches another project router.`,
  },
  DeviceIDNotOwnedByTenant: {
    status: 409,
    text: (p: P<'device_id'>) => `The following device_id ${p.device_id} is not owned by your project or matches another project router.`,
  },
  DhcpPortInUse: { status: 409, text: (p: P<'port_id'>) => `Port ${p.port_id} is already acquired by another DHCP agent` },
  EmptySubnetPoolPrefixList: { status: 400, text: () => 'Empty subnet pool prefix list.' },
  ExternalIpAddressExhausted: { status: 400, text: (p: P<'net_id'>) => `Unable to find any IP address on external network ${p.net_id}.` },
  FlatNetworkInUse: {
    status: 409,
    text: (p: P<'physical_network'>) => `Unable to create the flat network. Physical network ${p.physical_network} is in use.`,
  },
  GatewayConflictWithAllocationPools: {
    status: 409,
    text: (p: P<'ip_address' | 'pool'>) => `Gateway ip ${p.ip_address} conflicts with allocation pool ${p.pool}.`,
  },
  GatewayIpInUse: {
    status: 409,
    text: (p: P<'ip_address' | 'port_id'>) => `Current gateway ip ${p.ip_address} already in use by port ${p.port_id}. Unable to update.`,
  },
  HostMacAddressGenerationFailure: { status: 503, text: (p: P<'host'>) => `Unable to generate unique mac for host ${p.host}.` },
  HostRoutesExhausted: {
    status: 400,
    text: (p: P<'subnet_id' | 'quota'>) =>
      `Unable to complete operation for ${p.subnet_id}. The number of host routes exceeds the limit ${p.quota}.`,
  },
  IllegalSubnetPoolAssociationToAddressScope: {
    status: 400,
    text: (p: P<'subnetpool_id' | 'address_scope_id'>) =>
      `Illegal subnetpool association: subnetpool ${p.subnetpool_id} cannot be associated with address scope ${p.address_scope_id}.`,
  },
  IllegalSubnetPoolIpVersionAssociationToAddressScope: {
    status: 400,
    text: (p: P<'subnetpool_id' | 'address_scope_id' | 'ip_version'>) =>
      `Illegal subnetpool association: subnetpool ${p.subnetpool_id} cannot associate with address scope ${p.address_scope_id} because subnetpool ip_version is not ${p.ip_version}.`,
  },
  IllegalSubnetPoolPrefixBounds: {
    status: 400,
    text: (p: P<'prefix_type' | 'prefixlen' | 'base_prefix_type' | 'base_prefixlen'>) =>
      `Illegal prefix bounds: ${p.prefix_type}=${p.prefixlen}, ${p.base_prefix_type}=${p.base_prefixlen}.`,
  },
  IllegalSubnetPoolPrefixUpdate: { status: 400, text: (p: P<'msg'>) => `Illegal update to prefixes: ${p.msg}.` },
  IllegalSubnetPoolUpdate: { status: 400, text: (p: P<'reason'>) => `Illegal subnetpool update : ${p.reason}.` },
  InUse: { status: 409, text: () => 'The resource is in use.' },
  InvalidAllocationPool: { status: 400, text: (p: P<'pool'>) => `The allocation pool ${p.pool} is not valid.` },
  InvalidCIDR: { status: 400, text: (p: P<'input'>) => `Invalid CIDR ${p.input} given as IP prefix.` },
  InvalidInput: { status: 400, text: (p: P<'error_message'>) => `Invalid input for operation: ${p.error_message}.` },
  InvalidInputSubnetServiceType: { status: 400, text: (p: P<'service_type'>) => `Subnet service type ${p.service_type} is not a string.` },
  InvalidIpForNetwork: {
    status: 400,
    text: (p: P<'ip_address'>) => `IP address ${p.ip_address} is not a valid IP for any of the subnets on the specified network.`,
  },
  InvalidIpForSubnet: {
    status: 400,
    text: (p: P<'ip_address'>) => `IP address ${p.ip_address} is not a valid IP for the specified subnet.`,
  },
  InvalidQuotaValue: {
    status: 409,
    text: (p: P<'unders'>) => `Change would make usage less than 0 for the following resources: ${p.unders}.`,
  },
  InvalidServiceType: { status: 400, text: (p: P<'service_type'>) => `Invalid service type: ${p.service_type}.` },
  InvalidSharedSetting: {
    status: 409,
    text: (p: P<'network'>) => `Unable to reconfigure sharing settings for network ${p.network}. Multiple projects are using it.`,
  },
  InvalidSubnetServiceType: {
    status: 400,
    text: (p: P<'service_type'>) => `Subnet service type ${p.service_type} does not correspond to a valid device owner.`,
  },
  IpAddressGenerationFailure: { status: 409, text: (p: P<'net_id'>) => `No more IP addresses available on network ${p.net_id}.` },
  IpAddressInUse: {
    status: 409,
    text: (p: P<'net_id' | 'ip_address'>) =>
      `Unable to complete operation for network ${p.net_id}. The IP address ${p.ip_address} is in use.`,
  },
  MacAddressInUse: {
    status: 409,
    text: (p: P<'net_id' | 'mac'>) => `Unable to complete operation for network ${p.net_id}. The mac address ${p.mac} is in use.`,
  },
  MalformedRequestBody: { status: 400, text: (p: P<'reason'>) => `Malformed request body: ${p.reason}.` },
  MaxPrefixSubnetAllocationError: {
    status: 400,
    text: (p: P<'prefixlen' | 'max_prefixlen'>) =>
      `Unable to allocate subnet with prefix length ${p.prefixlen}, maximum allowed prefix is ${p.max_prefixlen}.`,
  },
  MinPrefixSubnetAllocationError: {
    status: 400,
    text: (p: P<'prefixlen' | 'min_prefixlen'>) =>
      `Unable to allocate subnet with prefix length ${p.prefixlen}, minimum allowed prefix is ${p.min_prefixlen}.`,
  },
  NetworkInUse: { status: 409, text: (p: P<'net_id' | 'reason'>) => `Unable to complete operation on network ${p.net_id}. ${p.reason}.` },
  NetworkMTUSubnetConflict: {
    status: 409,
    text: (p: P<'net_id' | 'mtu'>) => `MTU of ${p.net_id} is not valid, subnet requires a minimum of ${p.mtu}`,
  },
  NetworkMacAddressGenerationFailure: { status: 503, text: (p: P<'net_id'>) => `Unable to generate unique mac on network ${p.net_id}.` },
  NetworkNotFound: { status: 404, text: (p: P<'net_id'>) => `Network ${p.net_id} could not be found.` },
  NetworkSubnetPoolAffinityError: {
    status: 400,
    text: () => 'Subnets hosted on the same network must be allocated from the same subnet pool.',
  },
  NoNetworkAvailable: { status: 503, text: () => 'Unable to create the network. No project network is available for allocation.' },
  NoNetworkFoundInMaximumAllowedAttempts: {
    status: 503,
    text: () => 'Unable to create the network. No available network found in maximum allowed attempts.',
  },
  ObjectNotFound: { status: 404, text: (p: P<'id'>) => `Object ${p.id} not found.` },
  OutOfBoundsAllocationPool: {
    status: 400,
    text: (p: P<'pool' | 'subnet_cidr'>) => `The allocation pool ${p.pool} spans beyond the subnet cidr ${p.subnet_cidr}.`,
  },
  OverQuota: { status: 409, text: (p: P<'overs'>) => `Quota exceeded for resources: ${p.overs}.` },
  OverlappingAllocationPools: {
    status: 409,
    text: (p: P<'pool_1' | 'pool_2' | 'subnet_cidr'>) =>
      `Found overlapping allocation pools: ${p.pool_1} ${p.pool_2} for subnet ${p.subnet_cidr}.`,
  },
  PortBindingAlreadyActive: {
    status: 409,
    text: (p: P<'port_id' | 'host'>) => `Binding for port ${p.port_id} on host ${p.host} is already active.`,
  },
  PortBindingAlreadyExists: {
    status: 409,
    text: (p: P<'port_id' | 'host'>) => `Binding for port ${p.port_id} on host ${p.host} already exists.`,
  },
  PortBindingError: {
    status: 500,
    text: (p: P<'port_id' | 'host'>) => `Binding for port ${p.port_id} on host ${p.host} could not be created or updated.`,
  },
  PortBindingNotFound: {
    status: 404,
    text: (p: P<'port_id' | 'host'>) => `Binding for port ${p.port_id} for host ${p.host} could not be found.`,
  },
  PortBound: {
    status: 409,
    text: (p: P<'port_id' | 'vif_type' | 'old_mac' | 'new_mac'>) =>
      `Unable to complete operation on port ${p.port_id}, port is already bound, port type: ${p.vif_type}, old_mac ${p.old_mac}, new_mac ${p.new_mac}.`,
  },
  PortBoundNUMAAffinityPolicy: {
    status: 409,
    text: (p: P<'port_id' | 'host_id' | 'numa_affinity_policy'>) =>
      `Unable to complete operation on port ${p.port_id}, port is already bound to host ${p.host_id}, numa_affinity_policy value given ${p.numa_affinity_policy}.`,
  },
  PortInUse: {
    status: 409,
    text: (p: P<'port_id' | 'net_id' | 'device_id'>) =>
      `Unable to complete operation on port ${p.port_id} for network ${p.net_id}. Port already has an attached device ${p.device_id}.`,
  },
  PortNotFound: { status: 404, text: (p: P<'port_id'>) => `Port ${p.port_id} could not be found.` },
  PortNotFoundOnNetwork: {
    status: 404,
    text: (p: P<'port_id' | 'net_id'>) => `Port ${p.port_id} could not be found on network ${p.net_id}.`,
  },
  PrefixVersionMismatch: { status: 400, text: () => 'Cannot mix IPv4 and IPv6 prefixes in a subnet pool.' },
  ProjectQuotaNotFound: { status: 404, text: (p: P<'project_id'>) => `Quota for project ${p.project_id} could not be found.` },
  QuotaMissingProject: { status: 400, text: () => 'Project-id was missing from quota request.' },
  QuotaMissingTenant: { status: 400, text: () => 'Tenant-id was missing from quota request.' },
  QuotaResourceUnknown: { status: 404, text: (p: P<'unknown'>) => `Unknown quota resources ${p.unknown}.` },
  ResourceExhausted: { status: 503, text: () => 'The service is unavailable.' },
  ServicePortInUse: {
    status: 409,
    text: (p: P<'port_id' | 'reason'>) => `Port ${p.port_id} cannot be deleted directly via the port API: ${p.reason}.`,
  },
  ServiceUnavailable: { status: 503, text: () => 'The service is unavailable.' },
  SubnetAllocationError: { status: 409, text: (p: P<'reason'>) => `Failed to allocate subnet: ${p.reason}.` },
  SubnetInUse: {
    status: 409,
    text: (p: P<'subnet_id' | 'reason'>) => `Unable to complete operation on subnet ${p.subnet_id}: ${p.reason}.`,
  },
  SubnetMismatchForPort: {
    status: 400,
    text: (p: P<'port_id' | 'subnet_id'>) => `Subnet on port ${p.port_id} does not match the requested subnet ${p.subnet_id}.`,
  },
  SubnetNotFound: { status: 404, text: (p: P<'subnet_id'>) => `Subnet ${p.subnet_id} could not be found.` },
  SubnetPoolDeleteError: { status: 400, text: (p: P<'reason'>) => `Unable to delete subnet pool: ${p.reason}.` },
  SubnetPoolInUse: {
    status: 409,
    text: (p: P<'subnet_pool_id' | 'reason'>) => `Unable to complete operation on subnet pool ${p.subnet_pool_id}. ${p.reason}.`,
  },
  SubnetPoolNotFound: { status: 404, text: (p: P<'subnetpool_id'>) => `Subnet pool ${p.subnetpool_id} could not be found.` },
  SubnetPoolQuotaExceeded: { status: 409, text: () => 'Per-project subnet pool prefix quota exceeded.' },
  TenantIdProjectIdFilterConflict: { status: 400, text: () => 'Both tenant_id and project_id passed as filters.' },
  TenantQuotaNotFound: { status: 404, text: (p: P<'tenant_id'>) => `Quota for project ${p.tenant_id} could not be found.` },
  TunnelIdInUse: { status: 409, text: (p: P<'tunnel_id'>) => `Unable to create the network. The tunnel ID ${p.tunnel_id} is in use.` },
  UnsupportedMinSubnetPoolPrefix: {
    status: 400,
    text: (p: P<'prefix' | 'version'>) => `Prefix '${p.prefix}' not supported in IPv${p.version} pool.`,
  },
  UnsupportedPortDeviceOwner: {
    status: 409,
    text: (p: P<'op' | 'device_owner' | 'port_id'>) =>
      `Operation ${p.op} is not supported for device_owner ${p.device_owner} on port ${p.port_id}.`,
  },
  VlanIdInUse: {
    status: 409,
    text: (p: P<'vlan_id' | 'physical_network'>) =>
      `Unable to create the network. The VLAN ${p.vlan_id} on physical network ${p.physical_network} is in use.`,
  },
} as const;
