// DHCP options of single ports.
import { absent, type Extension } from '../kit/resource.ts';
import { t } from '../kit/types.ts';

export interface ExtraDhcpOpt {
  readonly opt_name: string;
  readonly opt_value: string | null;
  readonly ip_version: number;
}

export const extraDhcpOpt = {
  alias: 'extra_dhcp_opt',
  name: 'Neutron Extra DHCP options',
  description: 'DHCP options for single ports',
  updated: '2013-03-17T12:00:00-00:00',
  adds: {
    port: {
      extra_dhcp_opts: {
        type: t.special<readonly ExtraDhcpOpt[]>('extra_dhcp_opts', 'json'),
        nullable: false,
        post: true,
        put: true,
        default: absent,
      },
    },
  },
} as const satisfies Extension;
