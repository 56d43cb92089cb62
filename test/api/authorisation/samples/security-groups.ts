// Security groups and their rules.
import type { Sample } from '../sample.ts';

export const samples: readonly Sample[] = [
  { resource: 'security_group', body: ({ n }) => ({ name: `group ${n}` }) },
  {
    resource: 'security_group_rule',
    body: ({ made, n }) => ({
      security_group_id: made.security_group!.id,
      direction: 'ingress',
      protocol: 'tcp',
      port_range_min: n,
      port_range_max: n,
    }),
    on: { security_group: 'visible' },
    target: ({ made }) => ({ 'security_group:project_id': made.security_group!.project_id }),
  },
];
