// Collections that no table holds: the command computes the objects, and a list filters, sorts and pages them here.
import type { Scalar } from '../contracts/store.ts';
import { type ListQuery, readFilterValues } from '../domain/input/query.ts';
import { notFound } from './authorize.ts';
import type { ApiObject, Commands } from './commands/commands.ts';
import type { RequestContext } from './context.ts';
import { directions, trim } from './list.ts';
import { maskFor } from './mask.ts';
import type { ListAnswer } from './pipeline.ts';

type Compute = NonNullable<Commands['computed']>;

/** Of a query, or the one of a key. */
interface Wanted {
  readonly query?: ListQuery;
  readonly key?: string;
}

async function visibleObjects(ctx: RequestContext, { resource }: Commands, compute: Compute, { query, key }: Wanted): Promise<ApiObject[]> {
  const rule = `get_${resource.policyName}`;
  return (await compute(ctx, query, key)).filter(o => ctx.policy.allows(rule, ctx.caller, targetOf(o)));
}

const targetOf = (object: ApiObject): ApiObject => ({ ...object, tenant_id: object.project_id });

export async function computedObject(ctx: RequestContext, commands: Commands, compute: Compute, key: string): Promise<ApiObject> {
  const found = (await visibleObjects(ctx, commands, compute, { key })).find(o => o[commands.resource.key] === key);
  if (!found) throw notFound(commands.resource, key);
  const [object] = shownTo(ctx, commands, [found]);
  return object as ApiObject;
}

export async function computedList(ctx: RequestContext, commands: Commands, compute: Compute, query: ListQuery): Promise<ListAnswer> {
  const { resource } = commands;
  const all = (await visibleObjects(ctx, commands, compute, { query })).filter(o => matches(commands, o, query)).sort(inOrder(query));
  const page = pageOf(all, resource.key, query);
  const shown = shownTo(ctx, commands, page);
  return {
    objects: shown.map(o => trim(o, query.fields)),
    keys: page.map(o => String(o[resource.key])),
    ...directions(page.length, query),
  };
}

/** What of an object the caller may see; attributes that exist for filters alone are not shown. */
export function shownTo(ctx: RequestContext, { resource }: Pick<Commands, 'resource'>, objects: readonly ApiObject[]): ApiObject[] {
  const shown = maskFor(ctx.policy, ctx.caller, resource).apply(objects, objects.map(targetOf));
  return shown.map(o => (Object.hasOwn(o, 'project_id') ? { ...o, tenant_id: o.project_id } : o));
}

function matches({ resource, computedFilters }: Commands, object: ApiObject, { filters }: ListQuery): boolean {
  return [...filters].every(([name, values]) => {
    // What the computation itself has looked at.
    if (computedFilters?.includes(name)) return true;
    const wanted = readFilterValues(resource, name, values);
    const value = object[name];
    return Array.isArray(value) ? wanted.some(w => value.includes(w)) : wanted.includes((value ?? null) as Scalar);
  });
}

function inOrder({ sort }: ListQuery): (a: ApiObject, b: ApiObject) => number {
  return (a, b) => {
    for (const [name, direction] of sort) {
      const order = compare(a[name], b[name]);
      if (order !== 0) return direction === 'asc' ? order : -order;
    }
    return 0;
  };
}

/** Nulls first, as in the store. */
function compare(a: unknown, b: unknown): number {
  if (a === b) return 0;
  if (a === null || a === undefined) return -1;
  if (b === null || b === undefined) return 1;
  return (a as string) < (b as string) ? -1 : 1;
}

function pageOf(all: readonly ApiObject[], key: string, { limit, marker, reverse }: ListQuery): readonly ApiObject[] {
  if (limit <= 0) return all;
  const at = marker === undefined ? -1 : all.findIndex(o => o[key] === marker);
  // Behind what is not there is nothing.
  if (marker !== undefined && at < 0) return [];
  if (!reverse) return all.slice(at + 1, at + 1 + limit);
  const end = at < 0 ? all.length : at;
  return all.slice(Math.max(0, end - limit), end);
}
