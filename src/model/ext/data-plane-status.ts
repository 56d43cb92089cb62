// The state of a port's data plane as something outside (Vitrage, a monitoring service) has seen it.
import type { Extension } from '../kit/resource.ts';
import { t } from '../kit/types.ts';

export const dataPlaneStatus = {
  alias: 'data-plane-status',
  name: 'Port data plane status extension',
  description: "State of a port's data plane, as told from outside",
  updated: '2017-01-24T10:00:00-00:00',
  adds: { port: { data_plane_status: { type: t.oneOf(null, 'ACTIVE', 'DOWN'), put: true, default: null, policed: true } } },
} as const satisfies Extension;
