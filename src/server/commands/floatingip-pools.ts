// Pools of floating IPs: the IPv4 subnets of the external networks that the caller may use. Each is shown as the caller's own.
import { floatingipPool } from '../../model/floatingip-pool.ts';
import type { RequestContext } from '../context.ts';
import { viewerOf, visible } from '../find.ts';
import type { ApiObject, Commands } from './commands.ts';
import { networks } from './networks.ts';

async function computed(ctx: RequestContext): Promise<ApiObject[]> {
  const external = networks.filters?.['router:external']?.(['True'], viewerOf(ctx));
  const scope = visible(ctx, networks);
  const wanted = [external, scope].filter(p => p !== undefined);
  const nets = await ctx.store.select({ table: 'networks', where: { and: wanted }, columns: ['id'] });
  const rows = await ctx.store.select({
    table: 'subnets',
    where: { and: [{ in: ['network_id', nets.map(n => String(n.id))] }, { eq: ['ip_version', 4] }] },
    order: [['id', 'asc']],
  });
  return rows.map(({ id, name, network_id, cidr }) => ({
    subnet_id: id,
    subnet_name: name,
    project_id: ctx.caller.project_id,
    network_id,
    cidr,
  }));
}

export const floatingipPools: Commands = { resource: floatingipPool, present: async () => [], computed };
