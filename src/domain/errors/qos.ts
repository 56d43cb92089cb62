// Errors of QoS policies and their rules.
import type { P } from './row.ts';

export const qosErrors = {
  QosPolicyNotFound: { status: 404, text: (p: P<'policy_id'>) => `QoS policy ${p.policy_id} could not be found.` },
  QosRuleNotFound: {
    status: 404,
    text: (p: P<'rule_id' | 'policy_id'>) => `QoS rule ${p.rule_id} for policy ${p.policy_id} could not be found.`,
  },
  QosRuleTypeNotFound: { status: 404, text: (p: P<'type'>) => `QoS rule type ${p.type} could not be found.` },
  QoSPolicyDefaultAlreadyExists: { status: 409, text: (p: P<'project_id'>) => `A default QoS policy exists for project ${p.project_id}.` },
  QosPolicyInUse: {
    status: 409,
    text: (p: P<'policy_id' | 'object_type' | 'object_id'>) => `QoS Policy ${p.policy_id} is used by ${p.object_type} ${p.object_id}.`,
  },
  QosRuleNotSupported: {
    status: 409,
    text: (p: P<'rule_type' | 'port_id'>) => `Rule ${p.rule_type} is not supported by port ${p.port_id}`,
  },
  QosRuleNotSupportedByNetwork: {
    status: 409,
    text: (p: P<'rule_type' | 'network_id'>) => `Rule ${p.rule_type} is not supported by network ${p.network_id}`,
  },
  QoSRuleParameterConflict: {
    status: 409,
    text: (p: P<'rule_value' | 'policy_id' | 'existing_rule' | 'existing_value'>) =>
      `Unable to add the rule with value ${p.rule_value} to the policy ${p.policy_id} as the existing rule of type ${p.existing_rule} has value ${p.existing_value}.`,
  },
  QoSRulesConflict: {
    status: 409,
    text: (p: P<'new_rule_type' | 'rule_id' | 'policy_id'>) =>
      `Rule ${p.new_rule_type} conflicts with rule ${p.rule_id} which already exists in QoS Policy ${p.policy_id}.`,
  },
  QosPlacementAllocationUpdateConflict: {
    status: 409,
    text: (p: P<'alloc_diff' | 'consumer'>) =>
      `Updating placement allocation with ${p.alloc_diff} for consumer ${p.consumer} failed. The requested resources would exceed the capacity available.`,
  },
  PlacementEndpointNotFound: { status: 404, text: () => 'Placement API endpoint not found.' },
  PlacementAllocationRemoved: { status: 400, text: (p: P<'consumer'>) => `Resource allocation is deleted for consumer ${p.consumer}` },
  PlacementAllocationRpNotExists: {
    status: 400,
    text: (p: P<'resource_provider' | 'consumer'>) => `Resource provider ${p.resource_provider} for ${p.consumer} does not exist`,
  },
  PlacementAllocationGenerationConflict: {
    status: 409,
    text: (p: P<'consumer'>) =>
      `Resource allocation has been changed for consumer ${p.consumer} in Placement while Neutron tried to update it.`,
  },
  PolicyRemoveAuthorizationError: {
    status: 403,
    text: (p: P<'policy_id'>) => `Failed to remove provided policy ${p.policy_id} because you are not authorized.`,
  },
  NotAuthorized: { status: 403, text: () => 'Not authorized.' },
} as const;
