// Changes of subnet pools: prefixes, bounds and address scopes, whichever request asks for them.
import type { Row, Value } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import { checkBounds, checkGrows, type PlannedPool, type PoolBounds, planPool } from '../../domain/ipam/subnet-pool.ts';
import { subnetpool } from '../../model/subnet-pool.ts';
import type { RequestContext } from '../context.ts';
import type { Draft } from '../draft.ts';
import { byIds } from './load.ts';
import { joinScope, refuseSplit } from './pool-scope.ts';

/** The pool's columns that change for an update that names prefixes or bounds. */
export function plannedChange(row: Row, input: Attributes): Record<string, Value> {
  const now = row as unknown as PlannedPool;
  const bounds: PoolBounds = { ...boundsOf(now), ...boundsOf(input) };
  if (input.prefixes === undefined) {
    checkBounds(now.ip_version, bounds);
    return {};
  }
  const prefixes = input.prefixes as readonly string[];
  checkGrows(now.prefixes, prefixes);
  const plan = planPool({ prefixes, ...bounds });
  if (plan.ip_version !== now.ip_version) throw apiError('PrefixVersionMismatch');
  return { prefixes: plan.prefixes };
}

function boundsOf(of: Attributes | PlannedPool): PoolBounds {
  const { min_prefixlen, max_prefixlen, default_prefixlen } = of as PoolBounds;
  const given = Object.entries({ min_prefixlen, max_prefixlen, default_prefixlen }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as unknown as PoolBounds;
}

export async function changePool(ctx: RequestContext, draft: Draft, row: Row, set: Record<string, Value>): Promise<void> {
  await refuseForeignScope(ctx, row);
  const now = row.address_scope_id as string | null;
  const scope = set.address_scope_id === undefined ? now : (set.address_scope_id as string | null);
  const scope_changed = scope !== now;
  if (scope !== null && (scope_changed || set.prefixes !== undefined)) {
    const prefixes = (set.prefixes ?? row.prefixes) as readonly string[];
    await joinScope(ctx, draft, { id: String(row.id), ip_version: row.ip_version as 4 | 6, prefixes }, scope);
  }
  if (scope_changed) await refuseSplit(ctx, draft, row);
  if (Object.keys(set).length > 0) draft.update(subnetpool, row, set, { facts: { changed: Object.keys(set), scope_changed } });
}

/** In another project's scope a pool stays as it is. */
async function refuseForeignScope(ctx: RequestContext, row: Row): Promise<void> {
  if (ctx.isAdmin || row.address_scope_id === null) return;
  const address_scope_id = String(row.address_scope_id);
  const scope = (await byIds(ctx, 'address_scopes', [address_scope_id])).get(address_scope_id);
  if (scope?.project_id === ctx.caller.project_id) return;
  const reason = `subnetpool ${row.id} cannot be updated when associated with shared address scope ${address_scope_id}`;
  throw apiError('IllegalSubnetPoolUpdate', { reason });
}
