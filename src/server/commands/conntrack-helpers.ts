// Conntrack helpers below a router. A change of one raises the router's revision, and no two of one router are the same.
import type { Query, Row } from '../../contracts/store.ts';
import { checkHelper } from '../../domain/conntrack-helpers.ts';
import { badRequest } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import { pyRepr } from '../../domain/input/python.ts';
import { conntrackHelper } from '../../model/conntrack-helper.ts';
import { router } from '../../model/router.ts';
import { changedColumns, newColumns, shownColumns } from '../columns.ts';
import type { RequestContext, Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { relyOnParent } from '../find.ts';
import type { ApiObject, Commands, Created } from './commands.ts';
import { grouped, groupedQuery } from './load.ts';
import { hasTwin } from './twins.ts';

interface Wanted {
  readonly protocol: string;
  readonly port: number;
  readonly helper: string;
}

async function create(ctx: RequestContext, draft: Draft, input: Attributes): Promise<Created> {
  const parent = await relyOnParent(ctx, draft);
  const wanted = input as unknown as Wanted;
  checkHelper(wanted);
  await refuseTwin(ctx, draft, String(parent.id), wanted);
  const row = draft.create(conntrackHelper, { ...newColumns(conntrackHelper, input), id: draft.newId() });
  draft.touch(router, String(parent.id));
  return { id: String(row.id), shown: shownColumns(conntrackHelper, row) };
}

async function update(ctx: RequestContext, draft: Draft, row: Row, input: Attributes): Promise<void> {
  const set = changedColumns(conntrackHelper, input);
  if (Object.keys(set).length === 0) return;
  const wanted = { ...row, ...set } as unknown as Wanted;
  checkHelper(wanted);
  await refuseTwin(ctx, draft, String(row.router_id), wanted, String(row.id));
  draft.update(conntrackHelper, row, set, { facts: { router_id: row.router_id } });
  draft.touch(router, String(row.router_id));
}

async function refuseTwin(services: Services, draft: Draft, routerId: string, { protocol, port, helper }: Wanted, but = ''): Promise<void> {
  const key = { router_id: routerId, protocol, port, helper };
  if (!(await hasTwin(services, draft, conntrackHelper, key, but))) return;
  const what = 'A duplicate conntrack helper entry with same attributes already exists, conflicting values are';
  throw badRequest('conntrack_helper', `${what} ${pyRepr(key)}`);
}

async function remove(_ctx: RequestContext, draft: Draft, row: Row): Promise<void> {
  draft.remove(conntrackHelper, row, { router_id: row.router_id });
  draft.touch(router, String(row.router_id));
}

export const conntrackHelpers: Commands = {
  resource: conntrackHelper,
  present: async (_services, rows) => rows.map(row => shownColumns(conntrackHelper, row)),
  create,
  update,
  delete: remove,
};

const byId = { order: [['id', 'asc']] } as const;

/** What `helpersOf` asks. */
export const helpersQuery = (routerIds: readonly string[]): Query => groupedQuery(conntrackHelper.table.name, 'router_id', routerIds, byId);

/** As routers show them, by router. */
export async function helpersOf(services: Services, routerIds: readonly string[]): Promise<Map<string, ApiObject[]>> {
  const rows = await grouped(services, conntrackHelper.table.name, 'router_id', routerIds, byId);
  return new Map([...rows].map(([id, list]) => [id, list.map(({ protocol, port, helper }) => ({ protocol, port, helper }))]));
}
