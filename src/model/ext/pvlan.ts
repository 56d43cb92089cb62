// Private VLANs: which ports of a network reach each other. Isolated ones reach promiscuous ones alone, those of a community each other as well.
import type { Extension } from '../kit/resource.ts';
import { t } from '../kit/types.ts';

export const pvlan = {
  alias: 'pvlan',
  name: 'Private VLAN',
  description: 'Ports of a network that do not reach each other',
  updated: '2026-02-03T10:00:00-00:00',
  plugin: 'pvlan',
  adds: {
    network: { pvlan: { type: t.bool, post: true, put: true, default: false, policed: true } },
    port: {
      pvlan_type: {
        type: t.oneOf('isolated', 'promiscuous', 'community', null),
        post: true,
        put: true,
        default: null,
        filter: true,
        policed: true,
      },
      pvlan_community: {
        type: t.opt(t.special<string>('pvlan_community', 'text')),
        post: true,
        put: true,
        default: null,
        policed: true,
      },
    },
  },
} as const satisfies Extension;
