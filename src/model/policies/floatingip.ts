// Default policy rules. Floating IPs, their pools and port forwardings, local IPs.
import { ADMIN, MANAGER, MEMBER, OLD_OWNER, PARENT_MEMBER, PARENT_READER, READER, REGULAR, rule } from './rule.ts';

export const floatingipPolicies = [
  rule('create_floatingip', MEMBER, ['POST /floatingips'], REGULAR),
  rule('create_floatingip:floating_ip_address', MANAGER, ['POST /floatingips'], ADMIN),
  rule('create_floatingip:tags', MEMBER, ['POST /floatingips/{id}/tags'], ['create_floatingips_tags', MEMBER]),
  rule('get_floatingip', READER, ['GET /floatingips', 'GET /floatingips/{id}'], OLD_OWNER),
  rule(
    'get_floatingip:tags',
    READER,
    ['GET /floatingips/{id}/tags', 'GET /floatingips/{id}/tags/{tag_id}'],
    ['get_floatingips_tags', READER],
  ),
  rule('update_floatingip', MEMBER, ['PUT /floatingips/{id}'], OLD_OWNER),
  rule(
    'update_floatingip:tags',
    MEMBER,
    ['PUT /floatingips/{id}/tags', 'PUT /floatingips/{id}/tags/{tag_id}'],
    ['update_floatingips_tags', MEMBER],
  ),
  rule('delete_floatingip', MEMBER, ['DELETE /floatingips/{id}'], OLD_OWNER),
  rule(
    'delete_floatingip:tags',
    MEMBER,
    ['DELETE /floatingips/{id}/tags', 'DELETE /floatingips/{id}/tags/{tag_id}'],
    ['delete_floatingips_tags', MEMBER],
  ),
  rule('get_floatingip_pool', READER, ['GET /floatingip_pools'], REGULAR),
  rule(
    'create_floatingip_port_forwarding',
    PARENT_MEMBER,
    ['POST /floatingips/{floatingip_id}/port_forwardings'],
    'rule:admin_or_ext_parent_owner',
  ),
  rule(
    'get_floatingip_port_forwarding',
    PARENT_READER,
    ['GET /floatingips/{floatingip_id}/port_forwardings', 'GET /floatingips/{floatingip_id}/port_forwardings/{port_forwarding_id}'],
    'rule:admin_or_ext_parent_owner',
  ),
  rule(
    'update_floatingip_port_forwarding',
    PARENT_MEMBER,
    ['PUT /floatingips/{floatingip_id}/port_forwardings/{port_forwarding_id}'],
    'rule:admin_or_ext_parent_owner',
  ),
  rule(
    'delete_floatingip_port_forwarding',
    PARENT_MEMBER,
    ['DELETE /floatingips/{floatingip_id}/port_forwardings/{port_forwarding_id}'],
    'rule:admin_or_ext_parent_owner',
  ),
  rule('create_local_ip', MEMBER, ['POST /local-ips'], REGULAR),
  rule('get_local_ip', READER, ['GET /local-ips', 'GET /local-ips/{id}'], OLD_OWNER),
  rule('update_local_ip', MEMBER, ['PUT /local-ips/{id}'], OLD_OWNER),
  rule('delete_local_ip', MEMBER, ['DELETE /local-ips/{id}'], OLD_OWNER),
  rule(
    'create_local_ip_port_association',
    PARENT_MEMBER,
    ['POST /local_ips/{local_ip_id}/port_associations'],
    'rule:admin_or_ext_parent_owner',
  ),
  rule(
    'get_local_ip_port_association',
    PARENT_READER,
    ['GET /local_ips/{local_ip_id}/port_associations', 'GET /local_ips/{local_ip_id}/port_associations/{fixed_port_id}'],
    'rule:admin_or_ext_parent_owner',
  ),
  rule(
    'delete_local_ip_port_association',
    PARENT_MEMBER,
    ['DELETE /local_ips/{local_ip_id}/port_associations/{fixed_port_id}'],
    'rule:admin_or_ext_parent_owner',
  ),
];
