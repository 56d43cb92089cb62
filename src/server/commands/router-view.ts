// Routers as the API shows them.
import type { Predicate, Query, Row } from '../../contracts/store.ts';
import { router } from '../../model/router.ts';
import { notFound } from '../authorize.ts';
import { shownColumns } from '../columns.ts';
import { shownTo } from '../computed.ts';
import type { RequestContext, Services } from '../context.ts';
import { servingQuery, zonesOf } from './availability-zones.ts';
import type { ApiObject } from './commands.ts';
import { helpersOf, helpersQuery } from './conntrack-helpers.ts';
import { networkPolicies } from './qos-view.ts';
import { gatewayOwner, gatewaysOf, linksQuery, type RouterPort, routerPorts } from './router-rows.ts';
import { tagsOf, tagsQuery } from './tags.ts';

export async function presentRouters(services: Services, rows: readonly Row[]): Promise<ApiObject[]> {
  const ids = rows.map(r => String(r.id));
  const gateways = await gatewaysOfRouters(services, rows);
  const policies = await networkPolicies(
    services,
    [...gateways.values()].flatMap(([first]) => first?.network_id ?? []),
  );
  const helpers = await helpersOf(services, ids);
  const zones = await zonesOf(services, 'router', ids);
  const tags = await tagsOf(services, ids);
  return rows.map(row => {
    const id = String(row.id);
    return presentRouter(row, {
      gateways: gateways.get(id) ?? [],
      policies,
      helpers: helpers.get(id) ?? [],
      zones: zones.get(id) ?? [],
      tags: tags.get(id) ?? [],
    });
  });
}

/** What `presentRouters` asks first. */
export function shownRouterQueries(rows: readonly Row[]): Query[] {
  const ids = rows.map(r => String(r.id));
  return [linksQuery(ids, ofGateways), helpersQuery(ids), servingQuery('router', ids), tagsQuery(ids)];
}

const ofGateways: Predicate = { eq: ['port_type', gatewayOwner] };

interface RouterView {
  /** In their order. */
  readonly gateways: readonly RouterPort[];
  /** Of networks. */
  readonly policies: ReadonlyMap<string, string | null>;
  readonly helpers: readonly ApiObject[];
  readonly zones: readonly string[];
  readonly tags: readonly string[];
}

function presentRouter(row: Row, { gateways, policies, helpers, zones, tags }: RouterView): ApiObject {
  return {
    ...shownColumns(router, row),
    enable_ndp_proxy: row.enable_ndp_proxy === true && gateways.length > 0,
    ha: row.ha === true,
    distributed: row.distributed === true,
    availability_zones: zones,
    external_gateway_info: gatewayInfo(row, gateways[0], policies),
    external_gateways: gateways.map(shownGateway),
    enable_default_route_ecmp: row.enable_default_route_ecmp === true,
    enable_default_route_bfd: row.enable_default_route_bfd === true,
    conntrack_helpers: helpers,
    tags,
  };
}

/** One that is just made, without a gateway and on no agent. */
export const presentNewRouter = (row: Row): ApiObject =>
  presentRouter(row, { gateways: [], policies: new Map(), helpers: [], zones: [], tags: [] });

/** What an action answers of a router: what a show would. */
export async function answerRouter(ctx: RequestContext, id: string): Promise<ApiObject> {
  const objects = await presentRouters(ctx, await ctx.store.select({ table: 'routers', where: { eq: ['id', id] } }));
  const [object] = shownTo(ctx, { resource: router }, objects);
  if (!object) throw notFound(router, id);
  return { router: object };
}

/** The gateways of each router that has some, in their order. */
async function gatewaysOfRouters(services: Services, rows: readonly Row[]): Promise<Map<string, RouterPort[]>> {
  const outside = rows.filter(r => r.gw_port_id !== null).map(r => String(r.id));
  const ports = await routerPorts(services, outside, ofGateways);
  return new Map(
    rows.flatMap(row => (ports.has(String(row.id)) ? [[String(row.id), gatewaysOf(row, ports.get(String(row.id)) ?? [])]] : [])),
  );
}

const shownGateway = ({ network_id, fixed_ips }: RouterPort): object => ({ network_id, external_fixed_ips: fixed_ips });

function gatewayInfo(row: Row, gateway: RouterPort | undefined, policies: ReadonlyMap<string, string | null>): unknown {
  if (!gateway) return null;
  const info = { ...shownGateway(gateway), enable_snat: row.enable_snat };
  // As in Neutron: told where there is one, the gateway's or its network's.
  const told = row.qos_policy_id !== null || (policies.get(gateway.network_id) ?? null) !== null;
  return told ? { ...info, qos_policy_id: row.qos_policy_id } : info;
}
