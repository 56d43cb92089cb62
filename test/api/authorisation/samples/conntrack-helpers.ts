// Conntrack helpers of routers.
import type { Sample } from '../sample.ts';

export const samples: readonly Sample[] = [
  {
    resource: 'conntrack_helper',
    body: ({ n }) => ({ protocol: 'udp', port: 1 + (n % 65_000), helper: 'tftp' }),
    update: { helper: 'snmp' },
  },
];
