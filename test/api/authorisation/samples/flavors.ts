// Flavors, service profiles, providers, pools of floating IPs.
import type { Made } from '../../client.ts';
import type { Sample } from '../sample.ts';

const driver = 'neutron.services.l3_router.service_providers.single_node.SingleNodeDriver';

export const samples: readonly Sample[] = [
  { resource: 'flavor', body: () => ({ service_type: 'L3_ROUTER_NAT' }) },
  { resource: 'service_profile', body: () => ({ driver }) },
  {
    resource: 'flavor_service_profile',
    // Profiles that the walk does not change, a new one for each binding: one that is bound is not changed.
    prepare: async (at, admin) => {
      const made = await admin.request('POST', 'service_profiles', { service_profiles: Array.from({ length: 40 }, () => ({ driver })) });
      const ids = (made.body.service_profiles as Made[]).map(p => p.id);
      unused.set(at.kind, [...ids]);
      return async () => {
        for (const id of ids) await admin.request('DELETE', `service_profiles/${id}`);
      };
    },
    body: ({ kind }) => {
      last = unused.get(kind)?.pop() ?? '';
      return { id: last };
    },
    id: () => last,
  },
  { resource: 'next_provider' },
  { resource: 'service_provider' },
  { resource: 'floatingip_pool', relative: true },
];

const unused = new Map<string, string[]>();
let last = '';
