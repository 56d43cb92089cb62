// Default policy rules. QoS policies and rules.
import { ADMIN, MANAGER, PARENT_MANAGER, REGULAR, rule } from './rule.ts';

/** A policy shows its rules: whoever sees it sees them. */
const WHO_SEES = '(rule:admin_only) or role:reader';

export const qosPolicies = [
  rule('shared_qos_policy', 'field:policies:shared=True', []),
  rule(
    'get_policy',
    '(rule:admin_only) or (role:reader and project_id:%(project_id)s) or rule:shared_qos_policy',
    ['GET /qos/policies', 'GET /qos/policies/{id}'],
    REGULAR,
  ),
  rule(
    'get_policy:tags',
    '(rule:admin_only) or (role:reader and project_id:%(project_id)s) or rule:shared_qos_policy',
    ['GET /qos/policies/{id}/tags', 'GET /qos/policies/{id}/tags/{tag_id}'],
    ['get_policies_tags', '(rule:admin_only) or (role:reader and project_id:%(project_id)s) or rule:shared_qos_policy'],
  ),
  rule('create_policy', MANAGER, ['POST /qos/policies'], ADMIN),
  rule('create_policy:tags', MANAGER, ['POST /qos/policies/{id}/tags'], ['create_policies_tags', MANAGER]),
  rule('update_policy', MANAGER, ['PUT /qos/policies/{id}'], ADMIN),
  rule(
    'update_policy:tags',
    MANAGER,
    ['PUT /qos/policies/{id}/tags', 'PUT /qos/policies/{id}/tags/{tag_id}'],
    ['update_policies_tags', MANAGER],
  ),
  rule('delete_policy', MANAGER, ['DELETE /qos/policies/{id}'], ADMIN),
  rule(
    'delete_policy:tags',
    MANAGER,
    ['DELETE /qos/policies/{id}/tags', 'DELETE /qos/policies/{id}/tags/{tag_id}'],
    ['delete_policies_tags', MANAGER],
  ),
  rule('get_rule_type', 'role:reader', ['GET /qos/rule-types', 'GET /qos/rule-types/{rule_type}'], REGULAR),
  rule(
    'get_policy_bandwidth_limit_rule',
    WHO_SEES,
    ['GET /qos/policies/{policy_id}/bandwidth_limit_rules', 'GET /qos/policies/{policy_id}/bandwidth_limit_rules/{rule_id}'],
    REGULAR,
  ),
  rule('create_policy_bandwidth_limit_rule', PARENT_MANAGER, ['POST /qos/policies/{policy_id}/bandwidth_limit_rules'], ADMIN),
  rule('update_policy_bandwidth_limit_rule', PARENT_MANAGER, ['PUT /qos/policies/{policy_id}/bandwidth_limit_rules/{rule_id}'], ADMIN),
  rule('delete_policy_bandwidth_limit_rule', PARENT_MANAGER, ['DELETE /qos/policies/{policy_id}/bandwidth_limit_rules/{rule_id}'], ADMIN),
  rule('get_policy_packet_rate_limit_rule', WHO_SEES, [
    'GET /qos/policies/{policy_id}/packet_rate_limit_rules',
    'GET /qos/policies/{policy_id}/packet_rate_limit_rules/{rule_id}',
  ]),
  rule('create_policy_packet_rate_limit_rule', PARENT_MANAGER, ['POST /qos/policies/{policy_id}/packet_rate_limit_rules']),
  rule('update_policy_packet_rate_limit_rule', PARENT_MANAGER, ['PUT /qos/policies/{policy_id}/packet_rate_limit_rules/{rule_id}']),
  rule('delete_policy_packet_rate_limit_rule', PARENT_MANAGER, ['DELETE /qos/policies/{policy_id}/packet_rate_limit_rules/{rule_id}']),
  rule(
    'get_policy_dscp_marking_rule',
    WHO_SEES,
    ['GET /qos/policies/{policy_id}/dscp_marking_rules', 'GET /qos/policies/{policy_id}/dscp_marking_rules/{rule_id}'],
    REGULAR,
  ),
  rule('create_policy_dscp_marking_rule', PARENT_MANAGER, ['POST /qos/policies/{policy_id}/dscp_marking_rules'], ADMIN),
  rule('update_policy_dscp_marking_rule', PARENT_MANAGER, ['PUT /qos/policies/{policy_id}/dscp_marking_rules/{rule_id}'], ADMIN),
  rule('delete_policy_dscp_marking_rule', PARENT_MANAGER, ['DELETE /qos/policies/{policy_id}/dscp_marking_rules/{rule_id}'], ADMIN),
  rule(
    'get_policy_minimum_bandwidth_rule',
    WHO_SEES,
    ['GET /qos/policies/{policy_id}/minimum_bandwidth_rules', 'GET /qos/policies/{policy_id}/minimum_bandwidth_rules/{rule_id}'],
    REGULAR,
  ),
  rule('create_policy_minimum_bandwidth_rule', PARENT_MANAGER, ['POST /qos/policies/{policy_id}/minimum_bandwidth_rules'], ADMIN),
  rule('update_policy_minimum_bandwidth_rule', PARENT_MANAGER, ['PUT /qos/policies/{policy_id}/minimum_bandwidth_rules/{rule_id}'], ADMIN),
  rule(
    'delete_policy_minimum_bandwidth_rule',
    PARENT_MANAGER,
    ['DELETE /qos/policies/{policy_id}/minimum_bandwidth_rules/{rule_id}'],
    ADMIN,
  ),
  rule('get_policy_minimum_packet_rate_rule', WHO_SEES, [
    'GET /qos/policies/{policy_id}/minimum_packet_rate_rules',
    'GET /qos/policies/{policy_id}/minimum_packet_rate_rules/{rule_id}',
  ]),
  rule('create_policy_minimum_packet_rate_rule', PARENT_MANAGER, ['POST /qos/policies/{policy_id}/minimum_packet_rate_rules']),
  rule('update_policy_minimum_packet_rate_rule', PARENT_MANAGER, ['PUT /qos/policies/{policy_id}/minimum_packet_rate_rules/{rule_id}']),
  rule('delete_policy_minimum_packet_rate_rule', PARENT_MANAGER, ['DELETE /qos/policies/{policy_id}/minimum_packet_rate_rules/{rule_id}']),
  rule('get_alias_bandwidth_limit_rule', WHO_SEES, ['GET /qos/alias_bandwidth_limit_rules/{rule_id}/'], REGULAR),
  rule('update_alias_bandwidth_limit_rule', PARENT_MANAGER, ['PUT /qos/alias_bandwidth_limit_rules/{rule_id}/'], ADMIN),
  rule('delete_alias_bandwidth_limit_rule', PARENT_MANAGER, ['DELETE /qos/alias_bandwidth_limit_rules/{rule_id}/'], ADMIN),
  rule('get_alias_dscp_marking_rule', WHO_SEES, ['GET /qos/alias_dscp_marking_rules/{rule_id}/'], REGULAR),
  rule('update_alias_dscp_marking_rule', PARENT_MANAGER, ['PUT /qos/alias_dscp_marking_rules/{rule_id}/'], ADMIN),
  rule('delete_alias_dscp_marking_rule', PARENT_MANAGER, ['DELETE /qos/alias_dscp_marking_rules/{rule_id}/'], ADMIN),
  rule('get_alias_minimum_bandwidth_rule', WHO_SEES, ['GET /qos/alias_minimum_bandwidth_rules/{rule_id}/'], REGULAR),
  rule('update_alias_minimum_bandwidth_rule', PARENT_MANAGER, ['PUT /qos/alias_minimum_bandwidth_rules/{rule_id}/'], ADMIN),
  rule('delete_alias_minimum_bandwidth_rule', PARENT_MANAGER, ['DELETE /qos/alias_minimum_bandwidth_rules/{rule_id}/'], ADMIN),
  rule('get_alias_minimum_packet_rate_rule', 'rule:get_policy_minimum_packet_rate_rule', [
    'GET /qos/alias_minimum_packet_rate_rules/{rule_id}/',
  ]),
  rule('update_alias_minimum_packet_rate_rule', 'rule:update_policy_minimum_packet_rate_rule', [
    'PUT /qos/alias_minimum_packet_rate_rules/{rule_id}/',
  ]),
  rule('delete_alias_minimum_packet_rate_rule', 'rule:delete_policy_minimum_packet_rate_rule', [
    'DELETE /qos/alias_minimum_packet_rate_rules/{rule_id}/',
  ]),
];
