// Subnet pools: prefixes that subnets are allocated from.
import { attributeExtensions } from './extensions.ts';
import { absent, defineResource, type Extension, extendBy } from './kit/resource.ts';
import { identity, standard, tags } from './kit/standard.ts';
import { t } from './kit/types.ts';

const length = { type: t.int(0), asText: true, post: true, put: true, default: absent, filter: true, sort: true, nullable: false } as const;

const base = defineResource({
  name: 'subnetpool',
  notFound: { type: 'SubnetPoolNotFound', id: 'subnetpool_id' },
  taggable: true,
  quota: -1,
  actions: { add_prefixes: 'PUT', remove_prefixes: 'PUT', onboard_network_subnets: 'PUT' },
  fields: {
    ...identity,
    name: { type: t.notBlank(255), post: true, put: true, filter: true, sort: true },
    prefixes: { type: t.special<readonly string[]>('subnet_list', 'json'), post: true, put: true },
    default_quota: { type: t.int(0, 2_147_483_647), post: true, put: true, default: absent, filter: true, sort: true },
    ip_version: { type: t.int(), filter: true, sort: true },
    default_prefixlen: length,
    min_prefixlen: length,
    max_prefixlen: length,
    is_default: { type: t.bool, post: true, put: true, default: false, filter: true, sort: true, policed: true },
    shared: { type: t.bool, column: false, post: true, default: false, filter: true, policed: true },
    ...standard,
    ...tags,
  },
  /** Grows with every prefix that is given out: who allocates one names what it was, and so does whoever relies on what is allocated. */
  hidden: { allocations: { type: 'int', fill: 0 } },
  indexes: [['project_id'], ['address_scope_id'], ['is_default']],
});

export const subnetpool = extendBy('subnetpool', base, attributeExtensions);

export const subnetpoolExtensions = [
  {
    alias: 'subnet_allocation',
    name: 'Subnet Allocation',
    description: 'Subnets get their prefixes from pools',
    updated: '2015-03-30T10:00:00-00:00',
  },
  {
    alias: 'subnetpool-prefix-ops',
    name: 'Subnet Pool Prefix Operations',
    description: 'Prefixes are added to and removed from a pool one by one',
    updated: '2019-02-08T10:00:00-00:00',
  },
  {
    alias: 'subnet_onboard',
    name: 'Subnet Onboard',
    description: 'Subnets that are there already become part of a pool',
    updated: '2018-12-18T09:00:00-00:00',
  },
] as const satisfies readonly Extension[];
