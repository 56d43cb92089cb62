// Segments and ranges of their ids: for administrators.
import type { Sample } from '../sample.ts';

export const samples: readonly Sample[] = [
  { resource: 'segment', kinds: ['own'], body: ({ made }) => ({ network_id: made.network!.id, network_type: 'vxlan' }) },
  {
    resource: 'network_segment_range',
    kinds: ['own'],
    body: ({ n }) => ({ network_type: 'gre', minimum: 10_000_000 + n, maximum: 10_000_000 + n, shared: false }),
  },
];
