// NDP proxies: a router answers outside for addresses of instances behind it, where both sides are of one address scope. What makes that
// work stays: the gateway, the interface.
import type { Row } from '../../contracts/store.ts';
import { apiError, badRequest } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import { isRouterInterface } from '../../domain/ipam/owners.ts';
import { ndpProxy } from '../../model/ndp-proxy.ts';
import { type FixedIp, port } from '../../model/port.ts';
import { router } from '../../model/router.ts';
import { changedColumns, newColumns, shownColumns } from '../columns.ts';
import type { RequestContext } from '../context.ts';
import type { Draft } from '../draft.ts';
import type { Commands, Created } from './commands.ts';
import { byIds } from './load.ts';
import { ipv6ScopeOf } from './ndp-proxy-rows.ts';
import { addressesOf } from './port-rows.ts';
import { routerPorts } from './router-rows.ts';
import { hasTwin } from './twins.ts';

async function create(ctx: RequestContext, draft: Draft, input: Attributes): Promise<Created> {
  const { router_id, port_id } = input as { readonly router_id: string; readonly port_id: string };
  const target = await own(ctx, 'ports', port_id);
  if (!target) throw apiError('PortNotFound', { port_id });
  const behind = await own(ctx, 'routers', router_id);
  const inner = (behind ? ((await routerPorts(ctx, [router_id])).get(router_id) ?? []) : []).filter(
    p => isRouterInterface(p.type) && p.port.network_id === target.network_id,
  );
  if (!behind || inner.length === 0) throw apiError('PortUnreachableRouter', { port_id, router_id });
  if (behind.enable_ndp_proxy !== true || !behind.gw_port_id) throw apiError('RouterNDPProxyNotEnable', { router_id });
  const fixedIps = ((await addressesOf(ctx, [port_id])).get(port_id) ?? []).filter(f => f.ip_address.includes(':'));
  const reached = new Set(inner.flatMap(p => p.fixed_ips.map(f => f.subnet_id)));
  const ip_address = addressOf({ port_id, router_id, fixedIps, reached }, input.ip_address);
  draft.relyOn(router, behind);
  draft.relyOn(port, target);
  await requireOneScope(ctx, String(behind.gw_port_id), String(target.network_id));
  await refuseTwin(ctx, draft, router_id, ip_address);
  const row = draft.create(ndpProxy, {
    ...newColumns(ndpProxy, input),
    id: draft.newId(),
    project_id: String(input.project_id ?? ''),
    ip_address,
  });
  draft.touch(router, router_id);
  return { id: String(row.id), shown: shownColumns(ndpProxy, row) };
}

/** What is led to, and what leads there, are the caller's own. */
async function own(ctx: RequestContext, table: string, id: string): Promise<Row | undefined> {
  const row = (await byIds(ctx, table, [id])).get(id);
  return row && (ctx.isAdmin || row.project_id === ctx.caller.project_id) ? row : undefined;
}

interface Reach {
  readonly port_id: string;
  readonly router_id: string;
  readonly fixedIps: readonly FixedIp[];
  readonly reached: ReadonlySet<string>;
}

/** The address that is asked for, or the first that the router reaches. */
function addressOf({ port_id, router_id, fixedIps, reached }: Reach, asked: unknown): string {
  if (fixedIps.length === 0) throw badRequest('ndp_proxy', `Requested port ${port_id} must allocate one IPv6 address at least`);
  if (!asked) {
    const first = fixedIps.find(f => reached.has(f.subnet_id));
    if (!first) throw apiError('PortUnreachableRouter', { port_id, router_id });
    return first.ip_address;
  }
  const address = String(asked);
  const found = fixedIps.find(f => f.ip_address === address);
  if (!found) throw apiError('InvalidAddress', { address, reason: `This address not belong to the port ${port_id}` });
  if (!reached.has(found.subnet_id))
    throw apiError('InvalidAddress', { address, reason: `This address cannot reach the router ${router_id}` });
  return address;
}

/** Between scopes nothing is routed. */
async function requireOneScope(ctx: RequestContext, gatewayPort: string, networkId: string): Promise<void> {
  const outside = (await byIds(ctx, 'ports', [gatewayPort])).get(gatewayPort);
  const ext_address_scope = await ipv6ScopeOf(ctx, String(outside?.network_id));
  const internal_address_scope = await ipv6ScopeOf(ctx, networkId);
  if (ext_address_scope !== internal_address_scope) throw apiError('AddressScopeConflict', { ext_address_scope, internal_address_scope });
}

async function refuseTwin(ctx: RequestContext, draft: Draft, router_id: string, ip_address: string): Promise<void> {
  if (!(await hasTwin(ctx, draft, ndpProxy, { router_id, ip_address }))) return;
  throw apiError('NeutronDbObjectDuplicateEntry', {
    object_type: 'NDPProxy',
    attributes: "['router_id', 'ip_address']",
    values: `${router_id}-${ip_address}`,
  });
}

async function update(_ctx: RequestContext, draft: Draft, row: Row, input: Attributes): Promise<void> {
  if (Object.keys(input).length > 0) draft.update(ndpProxy, row, changedColumns(ndpProxy, input));
}

async function remove(_ctx: RequestContext, draft: Draft, row: Row): Promise<void> {
  draft.remove(ndpProxy, row, { router_id: row.router_id });
  draft.touch(router, String(row.router_id));
}

export const ndpProxies: Commands = {
  resource: ndpProxy,
  present: async (_services, rows) => rows.map(row => shownColumns(ndpProxy, row)),
  create,
  update,
  delete: remove,
};
