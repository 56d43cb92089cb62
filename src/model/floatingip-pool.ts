// Where floating IPs come from: the IPv4 subnets of external networks.
import type { Extension } from './kit/resource.ts';
import { defineResource } from './kit/resource.ts';
import { t } from './kit/types.ts';

export const floatingipPool = defineResource({
  name: 'floatingip_pool',
  path: 'floatingip_pools',
  stored: false,
  key: 'subnet_id',
  standard: false,
  bulk: false,
  verbs: ['list'],
  fields: {
    subnet_id: { type: t.uuid },
    subnet_name: { type: t.str(255) },
    project_id: { type: t.str(255) },
    network_id: { type: t.uuid },
    cidr: { type: t.opt(t.cidr) },
  },
});

export const floatingipPools = {
  alias: 'floatingip-pools',
  name: 'Floating IP Pools Extension',
  description: 'The subnets that floating IPs come from',
  updated: '2018-03-21T10:00:00-00:00',
} as const satisfies Extension;
