// Address scopes: subnet pools whose prefixes do not overlap, so that their subnets may be routed to each other without translation.
import { absent, defineResource, type Extension } from './kit/resource.ts';
import { identity } from './kit/standard.ts';
import { t } from './kit/types.ts';

export const addressScope = defineResource({
  name: 'address_scope',
  notFound: { type: 'AddressScopeNotFound', id: 'address_scope_id' },
  standard: false,
  fields: {
    ...identity,
    name: { type: t.str(255), post: true, put: true, default: '', filter: true, sort: true },
    shared: { type: t.bool, column: false, post: true, put: true, default: false, filter: true, policed: true },
    ip_version: { type: t.intOneOf(4, 6), post: true, filter: true, sort: true },
  },
  indexes: [['project_id']],
});

export const addressScopes = {
  alias: 'address-scope',
  name: 'Address scope',
  description: 'Subnet pools with prefixes of their own, which may route to each other',
  updated: '2015-07-26T10:00:00-00:00',
  adds: {
    subnetpool: { address_scope_id: { type: t.opt(t.uuid), post: true, put: true, default: absent, filter: true, sort: true } },
    network: {
      ipv4_address_scope: { type: t.any<string | null>(), column: false },
      ipv6_address_scope: { type: t.any<string | null>(), column: false },
    },
  },
} as const satisfies Extension;
