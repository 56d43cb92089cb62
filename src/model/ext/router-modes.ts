// Source NAT of a router's gateway, static routes of routers, and how routers are served.
import { absent, type Extension } from '../kit/resource.ts';
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
          { unique: true, nullIsEmpty: true, called: 'hostroute' },
        ),
        nullable: false,
        put: true,
        default: [],
      },
    },
  },
} as const satisfies Extension;

export const l3Ha = {
  alias: 'l3-ha',
  name: 'HA Router extension',
  description: 'Routers that several agents have, one of them active',
  updated: '2014-04-26T00:00:00-00:00',
  adds: { router: { ha: { type: t.opt(t.bool), post: true, put: true, default: absent, policed: true } } },
} as const satisfies Extension;

export const dvr = {
  alias: 'dvr',
  name: 'Distributed Virtual Router',
  description: 'Routers that every host with their instances has',
  updated: '2014-06-1T10:00:00-00:00',
  adds: { router: { distributed: { type: t.opt(t.bool), post: true, put: true, default: absent, policed: true } } },
} as const satisfies Extension;

export const routerAdminStateDownBeforeUpdate = {
  alias: 'router-admin-state-down-before-update',
  name: "Enforce Router's Admin State Down Before Update Extension",
  description: 'Only a router that is down changes how it is served',
  updated: '2019-07-02T15:56:00',
} as const satisfies Extension;

export const ecmpRoutes = {
  alias: 'ecmp_routes',
  name: 'Equal Cost Multipath Routing',
  description: 'Several next hops for one destination',
  updated: '2020-11-26T18:00:00-00:00',
} as const satisfies Extension;
