// Whether the virtual function of a port is trusted; Nova reads it from the binding's profile.
import { absent, type Extension } from '../kit/resource.ts';
import { t } from '../kit/types.ts';

export const portTrustedVif = {
  alias: 'port-trusted-vif',
  name: 'Port trusted vif',
  description: 'Whether the virtual function of a port is trusted',
  updated: '2024-07-10T10:00:00-00:00',
  adds: {
    port: { trusted: { type: t.bool, post: true, put: true, default: absent, policed: true, inProfile: trusted => ({ trusted }) } },
  },
} as const satisfies Extension;
