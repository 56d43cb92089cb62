// Address groups: named sets of prefixes that security group rules may name as the other side.
import { absent, defineResource, type Extension } from './kit/resource.ts';
import { standard } from './kit/standard.ts';
import { t } from './kit/types.ts';

export const addressGroup = defineResource({
  name: 'address_group',
  owner: 'project_id',
  notFound: { type: 'AddressGroupNotFound', id: 'address_group_id' },
  actions: { add_addresses: 'PUT', remove_addresses: 'PUT' },
  fields: {
    id: { type: t.uuid, filter: true, sort: true },
    name: { type: t.str(255), post: true, put: true, default: '', filter: true, sort: true },
    project_id: { type: t.str(255), post: true, filter: true, sort: true },
    addresses: { type: t.list(t.cidr, { unique: true, nullIsEmpty: true }), column: false, post: true, default: absent },
    shared: { type: t.bool, column: false, show: false },
    ...standard,
  },
  indexes: [['project_id']],
});

export const addressGroupExtensions = [
  { alias: 'address-group', name: 'Address group', description: 'Named sets of prefixes', updated: '2020-07-15T10:00:00-00:00' },
  {
    alias: 'security-groups-remote-address-group',
    name: 'Remote address group id field for security group rules',
    description: 'Rules about the addresses of a group',
    updated: '2020-08-25T10:00:00-00:00',
  },
  {
    alias: 'rbac-address-group',
    name: 'Add address_group type to RBAC',
    description: 'Address groups that are shared with projects',
    updated: '2021-01-20T00:00:00-00:00',
  },
] as const satisfies readonly Extension[];
