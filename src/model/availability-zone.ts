// Availability zones: nobody makes them; agents say where they are.
import { defineResource } from './kit/resource.ts';
import { t } from './kit/types.ts';

export const availabilityZone = defineResource({
  name: 'availability_zone',
  path: 'availability_zones',
  stored: false,
  key: 'name',
  verbs: ['list'],
  bulk: false,
  standard: false,
  fields: {
    name: { type: t.str(255), filter: true, sort: true },
    resource: { type: t.str(255), filter: true, sort: true },
    state: { type: t.str(255), filter: true, sort: true },
  },
});
