// Routers and floating IPs.
import type { Sample } from '../sample.ts';

export const samples: readonly Sample[] = [
  { resource: 'router', body: () => ({}) },
  {
    resource: 'floatingip',
    after: ['subnet'],
    body: ({ external }) => ({ floating_network_id: external.network!.id }),
  },
];
