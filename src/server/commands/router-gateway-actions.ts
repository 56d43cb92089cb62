// Gateways of a router by actions: some more, some less, or exactly these.
import type { Row, Value } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import { findGateways, matchGateways } from '../../domain/gateways.ts';
import { readField } from '../../domain/input/body.ts';
import { mostGateways, type WantedGateway, wantedGateways } from '../../model/ext/router-gateways.ts';
import { router } from '../../model/router.ts';
import { authorizeActionOn } from '../authorize.ts';
import type { RequestContext } from '../context.ts';
import type { Draft } from '../draft.ts';
import type { Action } from './commands.ts';
import { applyGateways, type Planned, snatOf } from './router-gateways.ts';
import { gatewaysOf, type RouterPort, routerPorts } from './router-rows.ts';
import { scheduleRouter } from './router-scheduling.ts';
import { answerRouter } from './router-view.ts';

type Plan = (routerId: string, now: readonly RouterPort[], wanted: readonly WantedGateway[]) => Planned[];

function wantedOf(body: unknown): readonly WantedGateway[] {
  const given = typeof body === 'object' && body !== null ? (body as { router?: unknown }).router : undefined;
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw apiError('HTTPBadRequest', { message: "Unable to find 'router' in request body" });
  const { external_gateways, ...more } = given as Record<string, unknown>;
  if (Object.keys(more).length > 0)
    throw apiError('HTTPBadRequest', { message: `Unrecognized attribute(s) '${Object.keys(more).join(', ')}'` });
  if (external_gateways === undefined)
    throw apiError('HTTPBadRequest', { message: "Failed to parse request. Required attribute 'external_gateways' not specified" });
  return readField('external_gateways', wantedGateways, external_gateways) as readonly WantedGateway[];
}

const changeGateways =
  (action: string, plan: Plan): Action =>
  async (ctx, draft, row, body) => {
    const id = String(row.id);
    const wanted = wantedOf(body);
    authorizeActionOn(ctx, action, 'external_gateways', wanted, { ...row, tenant_id: row.project_id });
    const ports = (await routerPorts(ctx, [id])).get(id) ?? [];
    const planned = plan(id, gatewaysOf(row, ports), wanted);
    refusePlan(ctx, row, planned);
    const set = await applyGateways({ ctx, draft, router: row, ports }, planned);
    if (Object.keys(set).length > 0) await write(ctx, draft, row, set);
    return () => answerRouter(ctx, id);
  };

/** Every request that changes something of them raises the router's revision, by which others notice. */
async function write(ctx: RequestContext, draft: Draft, row: Row, set: Record<string, Value>): Promise<void> {
  const replaced = set.gw_port_id !== row.gw_port_id;
  draft.update(router, row, { ...set, ...(replaced ? { qos_policy_id: null } : {}) }, { facts: { changed: ['external_gateway_info'] } });
  if (replaced && set.gw_port_id !== null) await scheduleRouter(ctx, draft, String(row.id));
}

function refusePlan(ctx: RequestContext, row: Row, plan: readonly Planned[]): void {
  const router_id = String(row.id);
  const refuse = (reason: string): never => {
    throw apiError('UnableToAddExtraGateways', { router_id, reason });
  };
  if (plan.length > mostGateways) refuse(`it may have ${mostGateways}`);
  const [first] = plan;
  const snat = first && snatOf(ctx, row, first);
  if (plan.some(p => p.info?.enable_snat !== undefined && p.info.enable_snat !== snat))
    refuse(`enable_snat is the router's and ${snat}, for all its gateways`);
}

export const addGateways = changeGateways('add_external_gateways', (_id, now, wanted) => [
  ...now.map(gateway => ({ now: gateway })),
  ...wanted.map(info => ({ info })),
]);

export const removeGateways = changeGateways('remove_external_gateways', (id, now, wanted) => {
  if (now.length === 0 && wanted.length > 0) throw apiError('UnableToRemoveGateways', { router_id: id });
  const going = findGateways(id, wanted, now);
  return now.filter(g => !going.includes(g)).map(gateway => ({ now: gateway }));
});

/** What is on no gateway yet is made, in the order of the request; those that it does not mean go. */
export const updateGateways = changeGateways('update_external_gateways', (id, now, wanted) =>
  matchGateways(id, wanted, now).map((gateway, i): Planned => {
    const info = wanted[i] as WantedGateway;
    return gateway ? { now: gateway, info } : { info };
  }),
);
