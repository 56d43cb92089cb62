// The MTU of a network: computed from its segments, or a smaller one that was asked for.
import type { Extension } from '../kit/resource.ts';
import { t } from '../kit/types.ts';

export const netMtu = {
  alias: 'net-mtu',
  name: 'Network MTU',
  description: 'The largest packet that a network carries',
  updated: '2015-03-25T10:00:00-00:00',
  adds: { network: { mtu: { type: t.int(0), post: true, put: true, default: 0, filter: true, sort: true, policed: true } } },
} as const satisfies Extension;

export const netMtuWritable = {
  alias: 'net-mtu-writable',
  name: 'Network MTU (writable)',
  description: 'The MTU of a network can be set',
  updated: '2017-07-12T00:00:00-00:00',
} as const satisfies Extension;
