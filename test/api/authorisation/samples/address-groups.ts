// Address groups.
import type { Sample } from '../sample.ts';

export const samples: readonly Sample[] = [
  {
    resource: 'address_group',
    body: () => ({ addresses: ['192.0.2.0/24'] }),
    actions: {
      add_addresses: { body: { addresses: [] }, status: 200 },
      remove_addresses: { body: { addresses: [] }, status: 200 },
    },
  },
];
