// Shared access. Every walk shares the family's network with another project that nobody is in.
import type { Sample } from '../sample.ts';

export const samples: readonly Sample[] = [
  {
    resource: 'rbac_policy',
    on: { network: 'owned' },
    body: ({ made, n }) => ({
      object_type: 'network',
      object_id: made.network!.id,
      action: 'access_as_shared',
      target_tenant: String(n).padStart(32, '0'),
    }),
    update: { target_tenant: 'f'.repeat(32) },
  },
];
