// Subnet pools: their prefixes, bounds and address scope. Prefixes are given out where subnets are made (subnet-source.ts).
import type { Predicate, Row } from '../../contracts/store.ts';
import { apiError, invalidInput } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import { type AskedPool, planPool } from '../../domain/ipam/subnet-pool.ts';
import { subnetpool } from '../../model/subnet-pool.ts';
import { changedColumns, newColumns, shownColumns } from '../columns.ts';
import type { RequestContext, Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { visible } from '../find.ts';
import type { ApiObject, Commands, Created, Viewer } from './commands.ts';
import { changePool, plannedChange } from './pool-change.ts';
import { onboardSubnets } from './pool-onboarding.ts';
import { addPrefixes, removePrefixes } from './pool-prefixes.ts';
import { joinScope } from './pool-scope.ts';
import { mayShareSubnetpool } from './shared-types.ts';
import { everyone, isShared, removeSharing, share, sharingFilter, sharingOf } from './sharing.ts';
import { tagsOf } from './tags.ts';

async function present(services: Services, rows: readonly Row[], viewer: Viewer): Promise<ApiObject[]> {
  const ids = rows.map(r => String(r.id));
  const sharing = await sharingOf(services, ids);
  const tags = await tagsOf(services, ids);
  return rows.map(row => ({
    ...shownColumns(subnetpool, row),
    shared: isShared(sharing.get(String(row.id)), 'access_as_shared', viewer),
    tags: tags.get(String(row.id)) ?? [],
  }));
}

async function create(ctx: RequestContext, draft: Draft, input: Attributes): Promise<Created> {
  const plan = planPool(input as unknown as AskedPool);
  const id = draft.newId();
  if (input.is_default) await refuseSecondDefault(ctx, draft, plan.ip_version, id);
  if (input.address_scope_id) await joinScope(ctx, draft, { id, ...plan }, String(input.address_scope_id));
  const project_id = String(input.project_id ?? '');
  const row = draft.create(subnetpool, { ...newColumns(subnetpool, input), ...plan, id, project_id, allocations: 0 });
  if (input.shared) {
    await mayShareSubnetpool(ctx, draft, row, everyone);
    share(draft, 'subnetpool', row);
  }
  return { id };
}

/** One default pool for each IP version. */
async function refuseSecondDefault(services: Services, draft: Draft, version: number, id: string): Promise<void> {
  const mark = `default-subnetpool/${version}`;
  const other: Predicate = { and: [{ eq: ['is_default', true] }, { eq: ['ip_version', version] }, { not: { eq: ['id', id] } }] };
  if (draft.taken.has(mark) || (await services.store.count('subnetpools', other)) > 0) {
    throw invalidInput('A default subnetpool for this IP family has already been set. Only one default may exist per IP family');
  }
  draft.taken.add(mark);
  draft.absent('subnetpools', other);
}

/** The default pool, if the caller sees one. */
export async function defaultPool(ctx: RequestContext, version: number): Promise<Row | undefined> {
  const wanted: Predicate = { and: [{ eq: ['is_default', true] }, { eq: ['ip_version', version] }] };
  const scope = visible(ctx, subnetPools);
  const [row] = await ctx.store.select({ table: 'subnetpools', where: scope ? { and: [wanted, scope] } : wanted });
  return row;
}

async function update(ctx: RequestContext, draft: Draft, row: Row, input: Attributes): Promise<void> {
  const set = { ...changedColumns(subnetpool, input), ...plannedChange(row, input) };
  if (input.is_default === true && row.is_default !== true) {
    await refuseSecondDefault(ctx, draft, Number(row.ip_version), String(row.id));
  }
  await changePool(ctx, draft, row, set);
}

async function remove(ctx: RequestContext, draft: Draft, row: Row): Promise<void> {
  const id = String(row.id);
  const allocated: Predicate = { eq: ['subnetpool_id', id] };
  if ((await ctx.store.count('subnets', allocated)) > 0) {
    throw apiError('SubnetPoolDeleteError', { reason: 'Subnet pool has existing allocations' });
  }
  draft.absent('subnets', allocated);
  await removeSharing(ctx, draft, id);
  draft.remove(subnetpool, row);
}

export const subnetPools: Commands = {
  resource: subnetpool,
  present,
  filters: { shared: sharingFilter('access_as_shared') },
  create,
  update,
  delete: remove,
  actions: { add_prefixes: addPrefixes, remove_prefixes: removePrefixes, onboard_network_subnets: onboardSubnets },
};
