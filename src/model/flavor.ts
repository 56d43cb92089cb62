// Flavors: which provider serves a router. Profiles of them, and the providers that there are.
import type { Extension } from './kit/resource.ts';
import { absent, defineResource } from './kit/resource.ts';
import { t } from './kit/types.ts';

const switchedOn = { type: t.opt(t.bool), post: true, put: true, default: true, nullable: true, filter: true, sort: true } as const;
const text = { type: t.opt(t.str(1024)), post: true, put: true, default: '', nullable: true, filter: true, sort: true } as const;

/** Taken and kept nowhere: flavors are the cloud's. */
const project_id = { type: t.str(255), post: true, show: false, column: false } as const;

export const flavor = defineResource({
  name: 'flavor',
  notFound: { type: 'FlavorNotFound', id: 'flavor_id' },
  standard: false,
  fields: {
    id: { type: t.uuid, filter: true, sort: true },
    project_id,
    name: { type: t.str(255), post: true, put: true, default: '', filter: true, sort: true },
    description: text,
    service_type: { type: t.str(255), post: true, filter: true, sort: true },
    enabled: switchedOn,
    service_profiles: { type: t.list(t.uuid, { unique: true }), column: false, post: true, put: true, default: [] },
  },
});

export const serviceProfile = defineResource({
  name: 'service_profile',
  path: 'service_profiles',
  notFound: { type: 'ServiceProfileNotFound', id: 'sp_id' },
  standard: false,
  fields: {
    id: { type: t.uuid, filter: true, sort: true },
    project_id,
    description: text,
    driver: { type: t.str(1024), post: true, put: true, default: '', filter: true, sort: true },
    enabled: switchedOn,
    metainfo: { type: t.opt(t.special<string>('metainfo', 'json')), post: true, put: true, default: '', sort: true },
  },
});

/** Which profiles a flavor has; `id` is the profile's. */
export const flavorServiceProfile = defineResource({
  name: 'flavor_service_profile',
  bodyName: 'service_profile',
  plural: 'flavor_service_profiles',
  path: 'service_profiles',
  parent: { of: flavor, column: 'flavor_id' },
  policyName: 'flavor_service_profile',
  notFound: { type: 'FlavorServiceProfileBindingNotFound', id: 'sp_id', parent: 'fl_id' },
  standard: false,
  bulk: false,
  verbs: ['create', 'delete'],
  primaryKey: ['flavor_id', 'id'],
  fields: { id: { type: t.uuid, post: true }, project_id },
  indexes: [['id']],
});

export const nextProvider = defineResource({
  name: 'next_provider',
  path: 'next_providers',
  parent: { of: flavor, column: 'flavor_id' },
  stored: false,
  key: 'provider',
  policyName: 'flavor',
  standard: false,
  bulk: false,
  verbs: ['list'],
  fields: { driver: { type: t.text }, metainfo: { type: t.any() }, provider: { type: t.text } },
});

export const serviceProvider = defineResource({
  name: 'service_provider',
  stored: false,
  key: 'name',
  standard: false,
  bulk: false,
  verbs: ['list'],
  fields: {
    service_type: { type: t.text, filter: true },
    name: { type: t.text, filter: true },
    default: { type: t.bool, filter: true },
  },
});

export const flavors = {
  alias: 'flavors',
  name: 'Neutron Service Flavors',
  description: 'Flavors and profiles of services',
  updated: '2015-09-17T10:00:00-00:00',
} as const satisfies Extension;

export const serviceType = {
  alias: 'service-type',
  name: 'Neutron Service Type Management',
  description: 'The providers of services',
  updated: '2013-01-20T00:00:00-00:00',
} as const satisfies Extension;

export const l3Flavors = {
  alias: 'l3-flavors',
  name: 'Router Flavor Extension',
  description: 'A router is made by a flavor',
  updated: '2016-05-17T00:00:00-00:00',
  adds: { router: { flavor_id: { type: t.opt(t.str(36)), post: true, default: absent, sort: true, policed: true } } },
} as const satisfies Extension;
