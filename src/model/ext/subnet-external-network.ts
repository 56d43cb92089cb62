// Whether a subnet is on an external network; such subnets are seen by whoever sees the network as one.
import type { Extension } from '../kit/resource.ts';
import { t } from '../kit/types.ts';

export const subnetExternalNetwork = {
  alias: 'subnet-external-network',
  name: 'Subnet belongs to an external network',
  description: 'Subnets tell whether their network is external',
  updated: '2024-02-05T18:00:00-00:00',
  adds: { subnet: { 'router:external': { type: t.bool, column: false, filter: true } } },
} as const satisfies Extension;
