// Default policy rules. Subnets.
import { ADMIN, NETWORK_MEMBER, rule } from './rule.ts';

export const subnetPolicies = [
  rule('external_network', 'field:subnets:router:external=True', []),
  rule('create_subnet', NETWORK_MEMBER, ['POST /subnets'], 'rule:admin_or_network_owner'),
  rule('create_subnet:segment_id', ADMIN, ['POST /subnets'], ADMIN),
  rule('create_subnet:service_types', ADMIN, ['POST /subnets'], ADMIN),
  rule(
    'create_subnet:tags',
    'role:member and project_id:%(project_id)s or (rule:admin_only) or (role:member and rule:network_owner)',
    ['POST /subnets/{id}/tags'],
    ['create_subnets_tags', 'role:member and project_id:%(project_id)s or (rule:admin_only) or (role:member and rule:network_owner)'],
  ),
  rule(
    'get_subnet',
    'role:reader and project_id:%(project_id)s or rule:shared or (rule:admin_only) or (role:reader and rule:network_owner) or rule:service_api',
    ['GET /subnets', 'GET /subnets/{id}'],
    'rule:shared or rule:admin_or_owner',
  ),
  rule('get_subnet:segment_id', ADMIN, ['GET /subnets', 'GET /subnets/{id}'], ADMIN),
  rule(
    'get_subnet:tags',
    'role:reader and project_id:%(project_id)s or rule:shared or (rule:admin_only) or (role:reader and rule:network_owner)',
    ['GET /subnets/{id}/tags', 'GET /subnets/{id}/tags/{tag_id}'],
    [
      'get_subnets_tags',
      'role:reader and project_id:%(project_id)s or rule:shared or (rule:admin_only) or (role:reader and rule:network_owner)',
    ],
  ),
  rule(
    'update_subnet',
    'role:member and project_id:%(project_id)s or (rule:admin_only) or (role:member and rule:network_owner)',
    ['PUT /subnets/{id}'],
    'rule:admin_or_network_owner',
  ),
  rule('update_subnet:segment_id', ADMIN, ['PUT /subnets/{id}'], ADMIN),
  rule('update_subnet:service_types', ADMIN, ['PUT /subnets/{id}'], ADMIN),
  rule(
    'update_subnet:tags',
    'role:member and project_id:%(project_id)s or (rule:admin_only) or (role:member and rule:network_owner)',
    ['PUT /subnets/{id}/tags', 'PUT /subnets/{id}/tags/{tag_id}'],
    ['update_subnets_tags', 'role:member and project_id:%(project_id)s or (rule:admin_only) or (role:member and rule:network_owner)'],
  ),
  rule(
    'delete_subnet',
    'role:member and project_id:%(project_id)s or (rule:admin_only) or (role:member and rule:network_owner)',
    ['DELETE /subnets/{id}'],
    'rule:admin_or_network_owner',
  ),
  rule(
    'delete_subnet:tags',
    'role:member and project_id:%(project_id)s or (rule:admin_only) or (role:member and rule:network_owner)',
    ['DELETE /subnets/{id}/tags', 'DELETE /subnets/{id}/tags/{tag_id}'],
    ['delete_subnets_tags', 'role:member and project_id:%(project_id)s or (rule:admin_only) or (role:member and rule:network_owner)'],
  ),
];
