// Source NAT of a router's gateway, and static routes of routers.
import type { Extension } from '../kit/resource.ts';
import { t } from '../kit/types.ts';

export interface Route {
  readonly destination: string;
  readonly nexthop: string;
}

export const extGwMode = {
  alias: 'ext-gw-mode',
  name: 'Neutron L3 Configurable external gateway mode',
  description: 'Source NAT of a router can be turned off',
  updated: '2013-03-28T10:00:00-00:00',
} as const satisfies Extension;

export const extraRoute = {
  alias: 'extraroute',
  name: 'Neutron Extra Route',
  description: 'Static routes on routers',
  updated: '2013-02-01T10:00:00-00:00',
  adds: {
    router: {
      routes: {
        type: t.list(
          t.dict<Route>({ destination: { type: t.cidr, required: true }, nexthop: { type: t.ip, required: true } }, { exact: true }),
          { unique: true, nullIsEmpty: true },
        ),
        nullable: false,
        put: true,
        default: [],
      },
    },
  },
} as const satisfies Extension;
