// Routers. Their gateway, interfaces and routes are decided in the files beside this one.
import type { Row } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import { checkProvider } from '../../domain/service-providers.ts';
import type { Route } from '../../model/ext/router-modes.ts';
import { router } from '../../model/router.ts';
import { changedColumns, newColumns } from '../columns.ts';
import type { RequestContext } from '../context.ts';
import type { Draft } from '../draft.ts';
import { requireZones } from './availability-zones.ts';
import type { Commands, Created } from './commands.ts';
import { providerOfFlavor } from './flavors.ts';
import { usePolicy } from './qos-use.ts';
import { changeGateway, dropGateway, gatewayPolicy, makeGateway, wantedGateway } from './router-gateway.ts';
import { addInterface, removeInterface } from './router-interfaces.ts';
import { addExtraRoutes, removeExtraRoutes, requireRoutes } from './router-routes.ts';
import { gatewayOwner, routerPorts } from './router-rows.ts';
import { presentRouters } from './router-view.ts';
import { scheduleRouter } from './scheduling.ts';

async function create(ctx: RequestContext, draft: Draft, input: Attributes): Promise<Created> {
  await requireZones(ctx, 'router', input.availability_zone_hints);
  const id = draft.newId();
  if (input.flavor_id) checkProvider(await providerOfFlavor(ctx, draft, String(input.flavor_id)), input);
  const info = wantedGateway(input.external_gateway_info);
  const gw_port_id = info ? await makeGateway(ctx, draft, id, info, []) : null;
  await usePolicy(ctx, draft, info?.qos_policy_id);
  draft.create(router, {
    ...newColumns(router, input),
    id,
    project_id: String(input.project_id ?? ''),
    status: 'ACTIVE',
    gw_port_id,
    enable_snat: info?.enable_snat !== false,
    qos_policy_id: info?.qos_policy_id ?? null,
    revision_number: 1,
  });
  if (info) await scheduleRouter(ctx, draft, id);
  return { id };
}

async function update(ctx: RequestContext, draft: Draft, row: Row, input: Attributes): Promise<void> {
  const id = String(row.id);
  const set = changedColumns(router, input);
  const { external_gateway_info, routes } = input as { external_gateway_info?: unknown; routes?: readonly Route[] };
  if (external_gateway_info !== undefined || routes !== undefined) {
    const ports = (await routerPorts(ctx, [id])).get(id) ?? [];
    if (external_gateway_info !== undefined) {
      const info = wantedGateway(external_gateway_info);
      Object.assign(set, await changeGateway(ctx, draft, row, info, ports), await gatewayPolicy(ctx, draft, row, info));
    }
    if (routes !== undefined) await requireRoutes(ctx, id, routes, ports);
  }
  if (Object.keys(set).length === 0) return;
  if (set.gw_port_id) await scheduleRouter(ctx, draft, id);
  draft.update(router, row, set, { facts: { changed: Object.keys(input) } });
}

async function remove(ctx: RequestContext, draft: Draft, row: Row): Promise<void> {
  const id = String(row.id);
  const ports = (await routerPorts(ctx, [id])).get(id) ?? [];
  const attached = ports.filter(p => p.type !== gatewayOwner).map(p => p.port.id);
  if (attached.length > 0) throw apiError('RouterInUse', { router_id: id, reason: `has ports still attached: ${attached.join(', ')}` });
  for (const gateway of ports) await dropGateway(ctx, draft, row, gateway);
  const bindings = await ctx.store.select({ table: 'router_bindings', where: { eq: ['router_id', id] } });
  draft.delete('router_bindings', { eq: ['router_id', id] });
  draft.delete('conntrack_helpers', { eq: ['router_id', id] });
  draft.absent('router_ports', { and: [{ eq: ['router_id', id] }, { not: { in: ['port_id', ports.map(p => String(p.port.id))] } }] });
  draft.remove(router, row, { agents: bindings.map(b => b.agent_id) });
}

export const routers: Commands = {
  resource: router,
  present: presentRouters,
  create,
  update,
  delete: remove,
  actions: {
    add_router_interface: addInterface,
    remove_router_interface: removeInterface,
    add_extraroutes: addExtraRoutes,
    remove_extraroutes: removeExtraRoutes,
  },
};
