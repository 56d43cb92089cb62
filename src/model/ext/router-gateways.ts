// Several external gateways of a router, how its default routes are to use them, and its source NAT as an attribute.
import type { Extension } from '../kit/resource.ts';
import { t } from '../kit/types.ts';

/** A gateway as a request names it. */
export interface WantedGateway {
  readonly network_id: string;
  /** Of the router: all its gateways have the same. */
  readonly enable_snat?: boolean;
  readonly external_fixed_ips?: readonly { readonly subnet_id?: string; readonly ip_address?: string }[];
}

/** Each takes an address outside that no quota counts. */
export const mostGateways = 16;

const wantedGateway = t.dict<WantedGateway>({
  network_id: { type: t.uuid, required: true },
  enable_snat: { type: t.bool },
  external_fixed_ips: { type: t.special('fixed_ips', 'json') },
});

/** `external_gateways` in the body of an action. */
export const wantedGateways = { type: t.list(wantedGateway, { nullIsEmpty: true, max: mostGateways }) } as const;

const shownGateway = t.dict<Pick<WantedGateway, 'network_id' | 'external_fixed_ips'>>({
  network_id: { type: t.uuid, required: true },
  external_fixed_ips: { type: t.special('fixed_ips', 'json'), required: true },
});

export const externalGatewayMultihoming = {
  alias: 'external-gateway-multihoming',
  name: 'Neutron L3 External Gateway Multihoming',
  description: 'Several external gateways of a router, the first of which is its external_gateway_info',
  updated: '2023-01-18T00:00:00-00:00',
  adds: { router: { external_gateways: { type: t.list(shownGateway), column: false, policed: true } } },
} as const satisfies Extension;

const ofAdministrators = { type: t.opt(t.bool), post: true, put: true, default: null, policed: true } as const;

export const enableDefaultRouteEcmp = {
  alias: 'enable-default-route-ecmp',
  name: 'Enable Default Route ECMP',
  description: 'Default routes through all gateways of a router, not the first alone',
  updated: '2023-02-27T00:00:00-00:00',
  adds: { router: { enable_default_route_ecmp: ofAdministrators } },
} as const satisfies Extension;

export const enableDefaultRouteBfd = {
  alias: 'enable-default-route-bfd',
  name: 'Enable Default Route BFD',
  description: 'The next hops of default routes are watched by BFD',
  updated: '2023-02-27T00:00:00-00:00',
  adds: { router: { enable_default_route_bfd: ofAdministrators } },
} as const satisfies Extension;

export const routerEnableSnat = {
  alias: 'router-enable-snat',
  name: 'Exposes the router "enable_snat" read-only configuration flag',
  description: 'Whether a router translates, also as an attribute of its own',
  updated: '2025-09-18T18:00:00-00:00',
  adds: { router: { enable_snat: { type: t.bool, default: true, filter: true, sort: true } } },
} as const satisfies Extension;
