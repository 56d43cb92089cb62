// Networks.
import { attributeExtensions } from './extensions.ts';
import { defineResource, extendBy } from './kit/resource.ts';
import { identity, standard, tags } from './kit/standard.ts';
import { t } from './kit/types.ts';

const base = defineResource({
  name: 'network',
  notFound: { type: 'NetworkNotFound', id: 'net_id' },
  taggable: true,
  quota: 100,
  fields: {
    ...identity,
    name: { type: t.str(255), post: true, put: true, default: '', filter: true, sort: true },
    admin_state_up: { type: t.bool, post: true, put: true, default: true, filter: true, sort: true },
    status: { type: t.str(16), filter: true, sort: true },
    shared: { type: t.bool, column: false, post: true, put: true, default: false, filter: true, policed: true },
    subnets: { type: t.any<readonly string[]>(), column: false },
    ...standard,
    ...tags,
  },
  indexes: [['project_id'], ['qos_policy_id'], ['is_default']],
  sought: ['name'],
});

export const network = extendBy('network', base, attributeExtensions);
