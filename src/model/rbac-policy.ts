// Shared access: with whom, besides its owner, an object is shared, and as what.
import { defineResource, type Extension } from './kit/resource.ts';
import { identity } from './kit/standard.ts';
import { t } from './kit/types.ts';

export const rbacPolicy = defineResource({
  name: 'rbac_policy',
  plural: 'rbac_policies',
  tableName: 'rbac_entries',
  notFound: { type: 'RbacPolicyNotFound', id: 'id' },
  standard: false,
  quota: 10,
  fields: {
    ...identity,
    object_id: { type: t.uuid, post: true, filter: true, policed: true },
    object_type: { type: t.text, post: true, filter: true, policed: true },
    /** A project, or `*` for all. Stored as `target_project`. */
    target_tenant: { type: t.special<string>('target_project', 'text'), column: false, post: true, put: true, filter: true, policed: true },
    action: { type: t.str(255), post: true, filter: true, policed: true },
  },
  hidden: { target_project: { type: 'text' } },
  unique: [['object_id', 'action', 'target_project']],
  indexes: [['target_project'], ['project_id']],
});

export const rbacExtensions = [
  {
    alias: 'rbac-policies',
    name: 'RBAC Policies',
    description: 'Objects that are shared with projects',
    updated: '2015-06-17T12:15:12-00:00',
  },
  {
    alias: 'rbac-security-groups',
    name: 'Add security_group type to network RBAC',
    description: 'Security groups that are shared with projects',
    updated: '2019-02-14T00:00:00-00:00',
  },
  {
    alias: 'rbac-subnetpool',
    name: 'Add subnetpool type to RBAC',
    description: 'Subnet pools that are shared with projects',
    updated: '2020-02-05T00:00:00-00:00',
  },
  {
    alias: 'rbac-address-scope',
    name: 'Add address_scope type to RBAC',
    description: 'Address scopes that are shared with projects',
    updated: '2020-02-12T00:00:00-00:00',
  },
] as const satisfies readonly Extension[];
