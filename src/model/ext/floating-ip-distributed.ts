// Where a floating IP of a distributed router comes in.
import { absent, type Extension } from '../kit/resource.ts';
import { t } from '../kit/types.ts';

export const floatingIpDistributed = {
  alias: 'floating-ip-distributed',
  name: 'Floating IP Distributed Extension',
  description:
    'Whether a floating IP comes in at the host of its port (as where nothing is said), or where its distributed router is translated',
  updated: '2022-08-30T10:00:00-00:00',
  adds: { floatingip: { distributed: { type: t.opt(t.bool), post: true, put: true, default: absent, filter: true } } },
} as const satisfies Extension;
