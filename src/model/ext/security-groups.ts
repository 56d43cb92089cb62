// Security groups, as far as ports have them.
import { absent, type Extension } from '../kit/resource.ts';
import { t } from '../kit/types.ts';

export const portSecurityGroups = {
  alias: 'security-group',
  name: 'security-group',
  description: 'Security groups and their rules',
  updated: '2012-10-05T10:00:00-00:00',
  adds: {
    port: {
      security_groups: {
        type: t.list(t.uuid, { unique: true, nullIsEmpty: true }),
        column: false,
        post: true,
        put: true,
        default: absent,
        filter: true,
      },
    },
  },
} as const satisfies Extension;
