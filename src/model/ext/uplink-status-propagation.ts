// Whether an uplink's loss is passed on to a port (SR-IOV agents do so).
import type { Extension } from '../kit/resource.ts';
import { t } from '../kit/types.ts';

export const uplinkStatusPropagation = {
  alias: 'uplink-status-propagation',
  name: 'Uplink status propagation extension',
  description: "Whether an uplink's loss is passed on to a port",
  updated: '2018-05-31T18:00:00-00:00',
  adds: { port: { propagate_uplink_status: { type: t.bool, post: true, put: true, default: true } } },
} as const satisfies Extension;

export const uplinkStatusPropagationUpdatable = {
  alias: 'uplink-status-propagation-updatable',
  name: 'Uplink status propagation updatable extension',
  description: 'Also for ports that are there already',
  updated: '2024-09-03T18:00:00-00:00',
} as const satisfies Extension;
