// Default policy rules. Rules that other rules are made of.
import { OLD_OWNER, rule } from './rule.ts';

export const basePolicies = [
  rule('context_is_admin', 'role:admin', []),
  rule('context_with_global_access', '!', []),
  rule('service_api', 'role:service', []),
  rule('owner', 'project_id:%(project_id)s', []),
  rule('admin_or_owner', 'rule:context_is_admin or rule:owner', []),
  rule('context_is_advsvc', 'role:advsvc', []),
  rule('admin_or_network_owner', 'rule:context_is_admin or project_id:%(network:project_id)s', []),
  rule('admin_owner_or_network_owner', 'rule:owner or rule:admin_or_network_owner', []),
  rule('network_owner', 'project_id:%(network:project_id)s', []),
  rule('admin_only', 'rule:context_is_admin', []),
  rule('regular_user', '', []),
  rule('shared', 'field:networks:shared=True', []),
  rule('default', OLD_OWNER, []),
  rule('admin_or_ext_parent_owner', 'rule:context_is_admin or project_id:%(ext_parent:project_id)s', []),
  rule('ext_parent_owner', 'project_id:%(ext_parent:project_id)s', []),
  rule('sg_owner', 'project_id:%(security_group:project_id)s', []),
];
