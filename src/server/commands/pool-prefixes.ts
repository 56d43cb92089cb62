// Prefixes that are added to a subnet pool and removed from it, one by one.
import type { Row } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import { pyStr } from '../../domain/input/python.ts';
import { type PlannedPool, withoutPrefixes } from '../../domain/ipam/subnet-pool.ts';
import { subnetpool } from '../../model/subnet-pool.ts';
import type { Services } from '../context.ts';
import type { Action } from './commands.ts';
import { changePool, plannedChange } from './pool-change.ts';
import { relyOnAllocations } from './pool-scope.ts';

/** Of one request. */
const most = 1000;

function prefixesOf(body: unknown): string[] {
  const given = typeof body === 'object' && body !== null && !Array.isArray(body) ? (body as { prefixes?: unknown }).prefixes : undefined;
  if (!Array.isArray(given) || given.length === 0) throw apiError('HTTPBadRequest', { message: 'Request body contains invalid data' });
  if (given.length > most) throw apiError('HTTPBadRequest', { message: `Request body contains more than ${most} prefixes` });
  return given.map(pyStr);
}

const answer = (prefixes: readonly string[]) => async (): Promise<unknown> => ({ prefixes });

export const addPrefixes: Action = async (ctx, draft, row, body) => {
  const added = prefixesOf(body);
  const now = row.prefixes as readonly string[];
  const { prefixes } = plannedChange(row, { prefixes: [...now, ...added] }) as unknown as PlannedPool;
  await changePool(ctx, draft, row, { prefixes });
  return answer(prefixes);
};

export const removePrefixes: Action = async (ctx, draft, row, body) => {
  const gone = prefixesOf(body);
  const prefixes = withoutPrefixes(row as unknown as PlannedPool, gone, await allocatedOf(ctx, row));
  if (!prefixes) return answer(row.prefixes as readonly string[]);
  relyOnAllocations(draft, row);
  draft.update(subnetpool, row, { prefixes }, { facts: { changed: ['prefixes'] } });
  return answer(prefixes);
};

/** What subnets of the pool have. */
export async function allocatedOf(services: Services, row: Row): Promise<string[]> {
  const where = { eq: ['subnetpool_id', String(row.id)] } as const;
  return (await services.store.select({ table: 'subnets', where, columns: ['cidr'] })).map(s => String(s.cidr));
}
