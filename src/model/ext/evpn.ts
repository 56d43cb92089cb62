// Routers of an EVPN: the VNI under which others know their routes.
import { absent, type Extension } from '../kit/resource.ts';
import { t } from '../kit/types.ts';

/** The greatest id of a VXLAN. */
export const mostVni = 2 ** 24 - 1;

export const evpn = {
  alias: 'evpn',
  name: 'EVPN',
  description: 'The VNI of a router in an EVPN; 0 asks for one that is free',
  updated: '2026-04-28T00:00:00-00:00',
  plugin: 'evpn',
  adds: {
    router: {
      evpn_vni: { type: t.int(0, mostVni), nullable: true, post: true, default: absent, filter: true, sort: true, policed: true },
    },
  },
} as const satisfies Extension;
