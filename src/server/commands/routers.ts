// Routers. Their gateway, interfaces and routes are decided in the files beside this one.
import type { Row } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import { isRouterInterface } from '../../domain/ipam/owners.ts';
import { conntrackHelper } from '../../model/conntrack-helper.ts';
import type { Route } from '../../model/ext/router-modes.ts';
import { router } from '../../model/router.ts';
import { changedColumns, newColumns } from '../columns.ts';
import type { RequestContext } from '../context.ts';
import type { Draft } from '../draft.ts';
import { requireZones } from './availability-zones.ts';
import type { Commands, Created } from './commands.ts';
import { relyOnAll } from './load.ts';
import { ipv6ScopeOf, requireScoped } from './ndp-proxy-rows.ts';
import { usePolicy } from './qos-use.ts';
import { giveVniBack, takeVni } from './router-evpn.ts';
import { addGateways, removeGateways, updateGateways } from './router-gateway-actions.ts';
import { applyGateways, gatewayPolicy, planOfFirst, wantedGateway } from './router-gateways.ts';
import { dropHaNetwork, joinHa } from './router-ha.ts';
import { dropHaPorts } from './router-ha-ports.ts';
import { addInterface, removeInterface } from './router-interfaces.ts';
import { changeMode, newMode } from './router-modes.ts';
import { addExtraRoutes, removeExtraRoutes, requireRoutes } from './router-routes.ts';
import { gatewaysOf, type RouterPort, routerPorts } from './router-rows.ts';
import { scheduleRouter } from './router-scheduling.ts';
import { dropSnatPorts } from './router-snat.ts';
import { presentNewRouter, presentRouters, shownRouterQueries } from './router-view.ts';

async function create(ctx: RequestContext, draft: Draft, input: Attributes): Promise<Created> {
  await requireZones(ctx, 'router', input.availability_zone_hints);
  const id = draft.newId();
  const mode = await newMode(ctx, draft, input);
  const info = wantedGateway(input.external_gateway_info);
  if (input.enable_ndp_proxy === true) await requireScoped(ctx, id, info?.network_id);
  const outside = info
    ? await applyGateways({ ctx, draft, router: { id }, ports: [] }, [{ info }])
    : { gw_port_id: null, enable_snat: ctx.config.snatByDefault };
  await usePolicy(ctx, draft, info?.qos_policy_id);
  const row = draft.create(router, {
    ...newColumns(router, input),
    ...mode,
    id,
    project_id: String(input.project_id ?? ''),
    status: 'ACTIVE',
    ...outside,
    ...defaultRoutes(ctx, input),
    evpn_vni: await takeVni(ctx, draft, id, input),
    qos_policy_id: info?.qos_policy_id ?? null,
    revision_number: 1,
  });
  if (mode.ha) await joinHa(ctx, draft, row);
  if (!info && !mode.ha) return { id, shown: presentNewRouter(row) };
  await scheduleRouter(ctx, draft, id);
  return { id };
}

async function update(ctx: RequestContext, draft: Draft, row: Row, input: Attributes): Promise<void> {
  const id = String(row.id);
  const { ha: _ha, distributed: _distributed, ...set } = changedColumns(router, input);
  const { external_gateway_info, routes } = input as { external_gateway_info?: unknown; routes?: readonly Route[] };
  const ports = relevant.some(name => input[name] !== undefined) ? ((await routerPorts(ctx, [id])).get(id) ?? []) : [];
  const mode = await changeMode(ctx, draft, row, input, ports);
  Object.assign(set, mode);
  // Null asks for nothing.
  for (const name of routeAttributes) if (set[name] === null) delete set[name];
  await checkProxying(ctx, row, input, ports);
  if (external_gateway_info !== undefined) {
    const info = wantedGateway(external_gateway_info);
    const scene = { ctx, draft, router: { ...row, ...mode }, ports };
    Object.assign(set, await applyGateways(scene, planOfFirst(scene, info)), await gatewayPolicy(ctx, draft, row, info));
  }
  if (routes !== undefined) await requireRoutes(ctx, id, routes, ports);
  // Null asks for nothing of how the router is served, and is a change all the same.
  const named = input.ha !== undefined || input.distributed !== undefined;
  if (Object.keys(set).length === 0 && !named) return;
  draft.update(router, row, set, { facts: { changed: Object.keys(input) } });
  const moves = set.distributed === true && (await ctx.store.count('router_bindings', { eq: ['router_id', id] })) > 0;
  if (set.gw_port_id || set.ha !== undefined || moves) await scheduleRouter(ctx, draft, id, row);
}

const routeAttributes = ['enable_default_route_ecmp', 'enable_default_route_bfd'] as const;

/** What a new router does not say is as the server has it. */
function defaultRoutes({ config }: RequestContext, input: Attributes): Record<string, boolean> {
  return {
    enable_default_route_ecmp: (input.enable_default_route_ecmp as boolean | null | undefined) ?? config.defaultRouteEcmp,
    enable_default_route_bfd: (input.enable_default_route_bfd as boolean | null | undefined) ?? config.defaultRouteBfd,
  };
}

/** A router answers for others only outside, on a network that has the same scope as they. */
async function checkProxying(ctx: RequestContext, row: Row, input: Attributes, ports: readonly RouterPort[]): Promise<void> {
  if (input.enable_ndp_proxy !== true) return;
  const id = String(row.id);
  const { external_gateway_info: given } = input;
  const [gateway] = gatewaysOf(row, ports);
  const network = given === undefined ? gateway?.port.network_id : wantedGateway(given)?.network_id;
  if (given !== undefined) return requireScoped(ctx, id, network as string | undefined);
  const scoped = gateway?.fixed_ips.some(f => f.ip_address.includes(':')) && (await ipv6ScopeOf(ctx, String(network))) !== null;
  const reason = 'The router has no external gateway or the external gateway port has no IPv6 address or IPv6 address scope';
  if (!scoped) throw apiError('RouterGatewayNotValid', { router_id: id, reason });
}

/** Attributes whose change looks at the router's ports. */
const relevant = ['external_gateway_info', 'routes', 'ha', 'distributed', 'enable_ndp_proxy'];

async function remove(ctx: RequestContext, draft: Draft, row: Row): Promise<void> {
  const id = String(row.id);
  const ports = (await routerPorts(ctx, [id])).get(id) ?? [];
  const attached = ports.filter(p => isRouterInterface(p.type)).map(p => p.port.id);
  if (attached.length > 0) throw apiError('RouterInUse', { router_id: id, reason: `has ports still attached: ${attached.join(', ')}` });
  await applyGateways({ ctx, draft, router: row, ports }, []);
  await dropSnatPorts(ctx, draft, ports);
  if (row.ha === true) await dropHaNetwork(ctx, draft, row, await dropHaPorts(ctx, draft, { eq: ['router_id', id] }));
  draft.delete('ha_vrids', { eq: ['router_id', id] });
  giveVniBack(draft, id);
  const bindings = await relyOnAll(ctx, draft, 'router_bindings', { eq: ['router_id', id] }, ['agent_id']);
  draft.delete('router_bindings', { eq: ['router_id', id] });
  const own = { eq: ['router_id', id] } as const;
  for (const helper of await ctx.store.select({ table: conntrackHelper.table.name, where: own })) draft.remove(conntrackHelper, helper);
  draft.delete(conntrackHelper.table.name, own);
  draft.absent('router_ports', { and: [{ eq: ['router_id', id] }, { not: { in: ['port_id', ports.map(p => String(p.port.id))] } }] });
  draft.remove(router, row, { agents: bindings.map(b => b.agent_id) });
}

export const routers: Commands = {
  resource: router,
  present: presentRouters,
  derived: ['enable_ndp_proxy', 'ha', 'distributed', 'enable_default_route_ecmp', 'enable_default_route_bfd'],
  foreseeShown: shownRouterQueries,
  create,
  update,
  delete: remove,
  actions: {
    add_router_interface: addInterface,
    remove_router_interface: removeInterface,
    add_extraroutes: addExtraRoutes,
    remove_extraroutes: removeExtraRoutes,
    add_external_gateways: addGateways,
    update_external_gateways: updateGateways,
    remove_external_gateways: removeGateways,
  },
};
