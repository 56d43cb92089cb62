// Templates of security groups, and whether new groups follow connections.
import type { Sample } from '../sample.ts';

export const samples: readonly Sample[] = [
  {
    resource: 'default_security_group_rule',
    body: ({ n }) => ({
      direction: 'ingress',
      protocol: 'tcp',
      port_range_min: n,
      port_range_max: n,
      used_in_default_sg: false,
      used_in_non_default_sg: true,
    }),
  },
  { resource: 'security_groups_default_statefulness', body: () => ({}), update: { stateful: false } },
];
