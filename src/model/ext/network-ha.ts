// Networks over which the agents of a project's highly available routers watch each other.
import type { Extension } from '../kit/resource.ts';
import { t } from '../kit/types.ts';

export const networkHa = {
  alias: 'network_ha',
  name: 'Network HA creation flag',
  description: "A new network that is to be for its project's highly available routers",
  updated: '2023-04-27T10:00:00-00:00',
  adds: { network: { ha: { type: t.bool, post: true, default: false, show: false, column: false } } },
} as const satisfies Extension;
