// Errors of security groups, port security, address pairs, address groups and shared access.
import type { P } from './row.ts';

export const securityErrors = {
  DuplicateSecurityGroupRuleInPost: { status: 409, text: () => 'Duplicate Security Group Rule in POST.' },
  SecurityGroupCannotRemoveDefault: { status: 409, text: () => 'Insufficient rights for removing default security group.' },
  SecurityGroupCannotUpdateDefault: { status: 409, text: () => 'Updating default security group not allowed.' },
  SecurityGroupConflict: { status: 409, text: (p: P<'reason'>) => `Error ${p.reason} while attempting the operation.` },
  SecurityGroupDefaultAlreadyExists: { status: 409, text: () => 'Default security group already exists.' },
  SecurityGroupEthertypeConflictWithProtocol: {
    status: 400,
    text: (p: P<'ethertype' | 'protocol'>) => `Invalid ethertype ${p.ethertype} for protocol ${p.protocol}.`,
  },
  SecurityGroupInUse: { status: 409, text: (p: P<'id' | 'reason'>) => `Security Group ${p.id} ${p.reason}.` },
  SecurityGroupInvalidIcmpValue: {
    status: 400,
    text: (p: P<'field' | 'attr' | 'value'>) => `Invalid value for ICMP ${p.field} (${p.attr}) ${p.value}. It must be 0 to 255.`,
  },
  SecurityGroupInvalidPortRange: { status: 400, text: () => 'For TCP/UDP protocols, port_range_min must be <= port_range_max' },
  SecurityGroupInvalidPortValue: { status: 400, text: (p: P<'port'>) => `Invalid value for port ${p.port}` },
  SecurityGroupInvalidProtocolForPort: {
    status: 400,
    text: (p: P<'protocol' | 'valid_port_protocols'>) =>
      `Ports cannot be specified for protocol ${p.protocol}. Ports are only supported for ${p.valid_port_protocols}.`,
  },
  SecurityGroupMissingIcmpType: {
    status: 400,
    text: (p: P<'value'>) => `ICMP code (port-range-max) ${p.value} is provided but ICMP type (port-range-min) is missing.`,
  },
  SecurityGroupMultipleRemoteEntites: {
    status: 400,
    text: () => 'Only one of remote_ip_prefix or remote_group_id or remote_address_group_id may be provided.',
  },
  SecurityGroupNotFound: { status: 404, text: (p: P<'id'>) => `Security group ${p.id} does not exist` },
  SecurityGroupNotSingleGroupRules: { status: 400, text: () => 'Only allowed to update rules for one security profile at a time' },
  SecurityGroupProtocolRequiredWithPorts: { status: 400, text: () => 'Must also specify protocol if port range is given.' },
  SecurityGroupRuleExists: { status: 409, text: (p: P<'rule_id'>) => `Security group rule already exists. Rule id is ${p.rule_id}.` },
  SecurityGroupRuleInUse: { status: 409, text: (p: P<'id' | 'reason'>) => `Security Group Rule ${p.id} ${p.reason}.` },
  SecurityGroupRuleInvalidEtherType: {
    status: 400,
    text: (p: P<'ethertype' | 'values'>) =>
      `Security group rule for ethertype '${p.ethertype}' not supported. Allowed values are ${p.values}.`,
  },
  SecurityGroupRuleInvalidProtocol: {
    status: 400,
    text: (p: P<'protocol' | 'values'>) =>
      `Security group rule protocol ${p.protocol} not supported. Only protocol values ${p.values} and integer representations [0 to 255] are supported.`,
  },
  SecurityGroupRuleNotFound: { status: 404, text: (p: P<'id'>) => `Security group rule ${p.id} does not exist` },
  SecurityGroupRuleParameterConflict: {
    status: 400,
    text: (p: P<'ethertype' | 'cidr'>) => `Conflicting value ethertype ${p.ethertype} for CIDR ${p.cidr}`,
  },
  SecurityGroupRulesNotSingleProject: { status: 400, text: () => 'Multiple project_ids in bulk security group rule create not allowed' },
  DefaultSecurityGroupRuleExists: {
    status: 409,
    text: (p: P<'rule_id'>) => `Default Security group rule already exists. Rule id is ${p.rule_id}.`,
  },
  DefaultSecurityGroupRuleNotFound: { status: 404, text: (p: P<'id'>) => `Default Security Group rule ${p.id} does not exist` },
  DuplicateDefaultSgRuleInPost: { status: 409, text: () => 'Duplicate Default Security Group Rule in POST.' },
  SecurityGroupDefaultStatefulnessAlreadyExists: {
    status: 409,
    text: (p: P<'project_id'>) => `A security group default statefulness setting already exists for project '${p.project_id}'.`,
  },
  SecurityGroupDefaultStatefulnessNotFound: {
    status: 404,
    text: (p: P<'id'>) => `Security group default statefulness ${p.id} could not be found.`,
  },
  PortSecurityAndIPRequiredForSecurityGroups: {
    status: 400,
    text: () => 'Port security must be enabled and port must have an IP address in order to use security groups.',
  },
  PortSecurityPortHasSecurityGroup: {
    status: 409,
    text: () => 'Port has security group associated. Cannot disable port security or IP address until security group is removed.',
  },
  PVLANCannotSetCommunityName: {
    status: 400,
    text: (p: P<'port_id'>) => `PVLAN community name cannot be set if port type is not "community" for this port: ${p.port_id}.`,
  },
  PVLANCommunityNameRequired: {
    status: 400,
    text: (p: P<'port_id'>) => `Community name is required for ports with PVLAN type "community": ${p.port_id}.`,
  },
  PVLANNetworkPortSecurityDisabled: {
    status: 400,
    text: (p: P<'network_id'>) => `Port security is disabled on network ${p.network_id}, cannot enable PVLAN.`,
  },
  PVLANNotEnabledOnNetwork: { status: 400, text: (p: P<'network_id'>) => `PVLAN is not enabled on network ${p.network_id}.` },
  PVLANPortSecurityDisabled: {
    status: 400,
    text: (p: P<'port_id'>) => `Port security is disabled for port ${p.port_id}, cannot set PVLAN.`,
  },
  AddressPairAndPortSecurityRequired: {
    status: 409,
    text: () => 'Port Security must be enabled in order to have allowed address pairs on a port.',
  },
  AllowedAddressPairExhausted: {
    status: 400,
    text: (p: P<'quota'>) => `The number of allowed address pair exceeds the maximum ${p.quota}.`,
  },
  AllowedAddressPairsMissingIP: { status: 400, text: () => 'AllowedAddressPair must contain ip_address' },
  DuplicateAddressPairInRequest: {
    status: 400,
    text: (p: P<'mac_address' | 'ip_address'>) =>
      `Request contains duplicate address pair: mac_address ${p.mac_address} ip_address ${p.ip_address}.`,
  },
  AddressGroupInUse: {
    status: 409,
    text: (p: P<'address_group_id'>) => `Address group ${p.address_group_id} is in use on one or more security group rules.`,
  },
  AddressGroupNotFound: { status: 404, text: (p: P<'address_group_id'>) => `Address group ${p.address_group_id} could not be found.` },
  AddressesAlreadyExist: {
    status: 400,
    text: (p: P<'addresses' | 'address_group_id'>) => `Addresses ${p.addresses} already exist in the address group ${p.address_group_id}.`,
  },
  AddressesNotFound: {
    status: 404,
    text: (p: P<'addresses' | 'address_group_id'>) => `Addresses ${p.addresses} not found in the address group ${p.address_group_id}.`,
  },
  DuplicateRbacPolicy: { status: 409, text: () => 'An RBAC policy already exists with those values.' },
  RbacPolicyInUse: {
    status: 409,
    text: (p: P<'object_id' | 'details'>) =>
      `RBAC policy on object ${p.object_id} cannot be removed because other objects depend on it.\nDetails: ${p.details}`,
  },
  RbacPolicyInitError: {
    status: 500,
    text: (p: P<'object_id' | 'reason'>) => `Failed to create RBAC policy on object ${p.object_id} because ${p.reason}.`,
  },
  RbacPolicyNotFound: {
    status: 404,
    text: (p: P<'id'>) => `RBAC policy of type unknown with ID ${p.id} not found`,
  },
  InvalidActionForType: {
    status: 400,
    text: (p: P<'action' | 'object_type' | 'valid_actions'>) =>
      `Invalid action '${p.action}' for object type '${p.object_type}'. Valid actions: ${p.valid_actions}`,
  },
} as const;
