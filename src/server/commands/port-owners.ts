// Ports that serve a router or a floating IP go with what they serve, and nobody passes for a router's port.
import type { Row } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import { isRouterPort, owners } from '../../domain/ipam/owners.ts';
import type { FixedIp } from '../../model/port.ts';
import type { RequestContext } from '../context.ts';

/** A port that calls itself a router's must be one of the caller's own routers (OSSA-2014-008). */
export async function refuseForeignRouter(ctx: RequestContext, { device_id, device_owner }: Attributes): Promise<void> {
  if (ctx.isAdmin || typeof device_id !== 'string' || device_id === '' || !isRouterPort(String(device_owner ?? ''))) return;
  const row = await ctx.store.get('routers', { id: device_id });
  if (row && row.project_id !== ctx.caller.project_id) throw apiError('DeviceIDNotOwnedByTenant', { device_id });
}

/** What makes a port a router's is changed through the router only: its role, its addresses. */
export async function refuseRouterPort(ctx: RequestContext, row: Row, input: Attributes): Promise<void> {
  const port_id = String(row.id);
  const device_owner = String(row.device_owner);
  const renamed = (['device_id', 'device_owner'] as const).some(name => input[name] !== undefined && input[name] !== row[name]);
  if ((!renamed && input.fixed_ips === undefined) || !(await servesRouter(ctx, port_id))) return;
  if (renamed) throw apiError('UnsupportedPortDeviceOwner', { op: 'update', device_owner, port_id });
  if (await movesAddresses(ctx, port_id, input.fixed_ips as readonly Partial<FixedIp>[]))
    throw apiError('IPAddressChangeNotAllowed', { port_id });
}

async function movesAddresses(ctx: RequestContext, port_id: string, wanted: readonly Partial<FixedIp>[]): Promise<boolean> {
  const now = await ctx.store.select({ table: 'ip_allocations', where: { eq: ['port_id', port_id] } });
  const fits = (w: Partial<FixedIp>, n: Row): boolean =>
    (w.ip_address === undefined || w.ip_address === n.ip_address) && (w.subnet_id === undefined || w.subnet_id === n.subnet_id);
  return wanted.length !== now.length || !wanted.every(w => now.some(n => fits(w, n)));
}

async function servesRouter(ctx: RequestContext, port_id: string): Promise<boolean> {
  return (await ctx.store.count('router_ports', { eq: ['port_id', port_id] })) > 0;
}

/** Whatever a port calls itself: the router or the floating IP that it serves is what may remove it. */
export async function refuseServicePort(ctx: RequestContext, row: Row): Promise<void> {
  const port_id = String(row.id);
  const serves =
    row.device_owner === owners.floatingip
      ? (await ctx.store.count('floatingips', { eq: ['floating_port_id', port_id] })) > 0
      : await servesRouter(ctx, port_id);
  if (serves) throw apiError('ServicePortInUse', { port_id, reason: `has device owner ${String(row.device_owner)}` });
}
