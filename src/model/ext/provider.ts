// Provider networks: the segment behind a network, shown to and chosen by administrators. Segments have their own table.
import { absent, type Extension } from '../kit/resource.ts';
import { t } from '../kit/types.ts';

export const provider = {
  alias: 'provider',
  name: 'Provider Network',
  description: 'Type, physical network and segmentation id of a network',
  updated: '2012-09-07T10:00:00-00:00',
  adds: {
    network: {
      'provider:network_type': { type: t.str(32), column: false, post: true, put: true, default: absent, filter: true, policed: true },
      'provider:physical_network': { type: t.str(64), column: false, post: true, put: true, default: absent, filter: true, policed: true },
      'provider:segmentation_id': { type: t.int(), column: false, post: true, put: true, default: absent, filter: true, policed: true },
    },
  },
} as const satisfies Extension;
