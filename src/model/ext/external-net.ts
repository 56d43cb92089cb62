// External networks: those that routers may take a gateway and floating IPs from. Kept as sharing entries, not as a column.
import type { Extension } from '../kit/resource.ts';
import { t } from '../kit/types.ts';

export const externalNet = {
  alias: 'external-net',
  name: 'Neutron external network',
  description: 'Marks a network as reachable from outside',
  updated: '2013-01-14T10:00:00-00:00',
  adds: {
    network: { 'router:external': { type: t.bool, column: false, post: true, put: true, default: false, filter: true, policed: true } },
  },
} as const satisfies Extension;
