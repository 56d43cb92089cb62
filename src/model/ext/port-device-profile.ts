// Cyborg's device profile that a port asks for.
import type { Extension } from '../kit/resource.ts';
import { t } from '../kit/types.ts';

export const portDeviceProfile = {
  alias: 'port-device-profile',
  name: 'Port device profile',
  description: 'The device profile of a port, for accelerators',
  updated: '2020-12-17T10:00:00-00:00',
  adds: { port: { device_profile: { type: t.opt(t.str(255)), post: true, default: null } } },
} as const satisfies Extension;
