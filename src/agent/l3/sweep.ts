// Leftovers of routers that are not ours any more: namespaces, and files of daemons. Only ever called in sync with the server.
import type { AgentContext } from '../context.ts';
import { routerOf } from '../desired/l3/names.ts';
import { Radvd } from './radvd.ts';
import type { Routers } from './routers.ts';

/** Starts their removal; answers the attempts. `keep`: routers that are ours, or not for us to touch. */
export async function sweep(ctx: AgentContext, routers: Routers, keep: ReadonlySet<string>): Promise<Promise<void>[]> {
  const namespaces = (await ctx.host.links.namespaces()).flatMap(ns => routerOf(ns) ?? []);
  const files = await new Radvd(ctx).known();
  const left = [...new Set([...namespaces, ...files])].filter(id => !keep.has(id));
  if (left.length > 0) ctx.log.info('removing what routers left that are not here any more', { routers: left });
  return left.map(id => routers.remove(id));
}
