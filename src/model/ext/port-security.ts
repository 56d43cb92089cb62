// Port security: whether addresses are policed and security groups apply; ports inherit their network's value.
import { absent, type Extension } from '../kit/resource.ts';
import { t } from '../kit/types.ts';

export const portSecurity = {
  alias: 'port-security',
  name: 'Port Security',
  description: 'Turns address spoofing protection and security groups of a port on or off',
  updated: '2012-07-23T10:00:00-00:00',
  adds: {
    network: { port_security_enabled: { type: t.bool, post: true, put: true, default: true, policed: true } },
    port: { port_security_enabled: { type: t.bool, post: true, put: true, default: absent, nullable: false, policed: true } },
  },
} as const satisfies Extension;
