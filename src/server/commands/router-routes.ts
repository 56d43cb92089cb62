// Static routes of routers: replaced with the router, or added and removed one by one.
import type { Row, Value } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import { readField } from '../../domain/input/body.ts';
import { pyStr } from '../../domain/input/python.ts';
import { addRoutes, checkRoutes, removeRoutes } from '../../domain/routing.ts';
import type { Route } from '../../model/ext/router-modes.ts';
import { router } from '../../model/router.ts';
import type { RequestContext } from '../context.ts';
import type { Draft } from '../draft.ts';
import type { Action } from './commands.ts';
import { type RouterPort, routerPorts, subnetsOf } from './router-rows.ts';
import { answerRouter } from './router-view.ts';

/** Refuses routes whose next hop is not a neighbour of the router. */
export async function requireRoutes(
  ctx: RequestContext,
  routerId: string,
  routes: readonly Route[],
  ports: readonly RouterPort[],
): Promise<void> {
  if (routes.length === 0) return;
  const subnets = await subnetsOf(ctx, ports);
  checkRoutes(routes, {
    router_id: routerId,
    max_routes: ctx.config.maxRoutes,
    cidrs: [...subnets.values()].map(s => String(s.cidr)),
    own: ports.flatMap(p => p.fixed_ips.map(f => f.ip_address)),
  });
}

function givenRoutes(body: unknown): unknown {
  const given = typeof body === 'object' && body !== null ? (body as { router?: unknown }).router : undefined;
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw apiError('HTTPBadRequest', { message: "Unable to find 'router' in request body" });
  return (given as { routes?: unknown }).routes ?? [];
}

/** What is to be removed need not be well formed: it is only compared. */
function comparable(given: unknown): Route[] {
  if (!Array.isArray(given)) throw apiError('HTTPBadRequest', { message: 'Invalid input for routes. Reason: not a list.' });
  return given.map((one: unknown) => {
    const { destination, nexthop }: Partial<Record<string, unknown>> = typeof one === 'object' && one !== null ? one : { destination: one };
    return { destination: pyStr(destination ?? ''), nexthop: pyStr(nexthop ?? '') };
  });
}

type Change = (now: readonly Route[], given: unknown) => Route[];

const changeRoutes =
  (change: Change): Action =>
  async (ctx, draft, row, body) => {
    const id = String(row.id);
    await setRoutes(ctx, draft, row, change(row.routes as readonly Route[], givenRoutes(body)));
    return () => answerRouter(ctx, id);
  };

/** Routes are only added or only removed, so the same number of them means no change. */
async function setRoutes(ctx: RequestContext, draft: Draft, row: Row, wanted: readonly Route[]): Promise<void> {
  if (wanted.length === (row.routes as readonly Route[]).length) return;
  const id = String(row.id);
  await requireRoutes(ctx, id, wanted, (await routerPorts(ctx, [id])).get(id) ?? []);
  draft.update(router, row, { routes: wanted as unknown as Value }, { facts: { changed: ['routes'] } });
}

export const addExtraRoutes = changeRoutes((now, given) =>
  addRoutes(now, readField('routes', router.fields.routes, given) as readonly Route[]),
);

export const removeExtraRoutes = changeRoutes((now, given) => removeRoutes(now, comparable(given)));
