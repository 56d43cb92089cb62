// Offload that a port asks of the hardware; Nova reads it from the binding's profile as a capability.
import { absent, type Extension } from '../kit/resource.ts';
import { t } from '../kit/types.ts';

export const portHardwareOffloadType = {
  alias: 'port-hardware-offload-type',
  name: 'Port hardware offload',
  description: 'The kind of hardware offload that a port asks for',
  updated: '2023-05-09T10:00:00-00:00',
  adds: {
    port: {
      hardware_offload_type: {
        type: t.oneOf('switchdev'),
        post: true,
        default: absent,
        policed: true,
        inProfile: type => ({ capabilities: [type] }),
      },
    },
  },
} as const satisfies Extension;
