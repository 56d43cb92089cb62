// Subnet pools and address scopes. What is shared with everybody is the administrator's, as shared networks are.
import type { Sample } from '../sample.ts';

export const samples: readonly Sample[] = [
  {
    resource: 'address_scope',
    kinds: ['shared', 'own', 'foreign'],
    body: ({ kind }) => ({ ip_version: 4, ...(kind === 'shared' ? { shared: true } : {}) }),
    update: { name: 'x' },
  },
  {
    resource: 'subnetpool',
    kinds: ['shared', 'own', 'foreign'],
    body: ({ kind }) => ({ name: 'x', prefixes: ['10.0.0.0/8'], ...(kind === 'shared' ? { shared: true } : {}) }),
    actions: {
      add_prefixes: { body: { prefixes: [] }, status: 400 },
      remove_prefixes: { body: { prefixes: [] }, status: 400 },
      onboard_network_subnets: { body: {}, status: 400 },
    },
  },
];
