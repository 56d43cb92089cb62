// How near to a port's device Nova places the instance.
import type { Extension } from '../kit/resource.ts';
import { t } from '../kit/types.ts';

export const portNumaAffinityPolicy = {
  alias: 'port-numa-affinity-policy',
  name: 'Port NUMA affinity policy',
  description: "How near to a port's device its instance is placed",
  updated: '2020-07-08T10:00:00-00:00',
  adds: {
    port: {
      numa_affinity_policy: { type: t.oneOf('required', 'preferred', 'legacy', 'socket', null), post: true, put: true, default: null },
    },
  },
} as const satisfies Extension;

export const portNumaAffinityPolicySocket = {
  alias: 'port-numa-affinity-policy-socket',
  name: 'Port NUMA affinity policy "socket"',
  description: 'The policy may be a socket',
  updated: '2024-02-09T10:00:00-00:00',
} as const satisfies Extension;
