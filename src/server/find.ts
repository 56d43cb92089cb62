// Objects as the caller may see them: the policy's scope is part of the query, so what is hidden is as if it were not there.
import type { Predicate, Query, Row } from '../contracts/store.ts';
import type { Resource } from '../model/kit/resource.ts';
import { notFound } from './authorize.ts';
import type { Commands, Viewer } from './commands/commands.ts';
import type { RequestContext } from './context.ts';
import type { Draft } from './draft.ts';
import { predicateOf } from './scope.ts';

export function viewerOf(ctx: RequestContext): Viewer {
  return { project_id: ctx.caller.project_id };
}

/** Rows of what the caller may see; undefined: all. Below a parent, of what belongs to it. */
export function visible(ctx: RequestContext, commands: Commands): Predicate | undefined {
  const scope = predicateOf(ctx.policy.scope(`get_${commands.resource.policyName}`, ctx.caller), commands, viewerOf(ctx));
  const below = belonging(ctx, commands.resource);
  return scope && below ? { and: [below, scope] } : (below ?? scope);
}

export function belonging({ parent }: RequestContext, resource: Resource): Predicate | undefined {
  if (parent?.resource.name !== resource.parent?.resource || !parent || !resource.parent) return undefined;
  return { eq: [resource.parent.column, String(parent.row.id)] };
}

/** Of these keys what the caller may see. */
export function seenQuery(ctx: RequestContext, commands: Commands, keys: readonly string[]): Query {
  const { table, key } = commands.resource;
  const scope = visible(ctx, commands);
  const byKey: Predicate = { in: [key, keys] };
  return { table: table.name, where: scope ? { and: [byKey, scope] } : byKey };
}

export async function findAll(ctx: RequestContext, commands: Commands, keys: readonly string[]): Promise<Map<string, Row>> {
  const { key } = commands.resource;
  const rows = await ctx.store.select(seenQuery(ctx, commands, keys));
  return new Map(rows.map(row => [String(row[key]), row]));
}

/** For `admit`: what bodies name must be seen by the caller, which is said before anything else. */
export async function admitVisible(ctx: RequestContext, commands: Commands, ids: readonly unknown[]): Promise<void> {
  const wanted = [...new Set(ids)].filter(id => typeof id === 'string');
  const found = wanted.length > 0 ? await findAll(ctx, commands, wanted) : new Map();
  const missing = wanted.find(id => !found.has(id));
  if (missing !== undefined) throw notFound(commands.resource, missing);
}

/** The object above a sub-resource as it is now: a decision about what is below it relies on it. */
export async function relyOnParent({ store, parent }: RequestContext, draft: Draft): Promise<Row> {
  if (!parent) throw new Error('a sub-resource without the object above it');
  const { resource } = parent;
  const id = String(parent.row.id);
  const row = await store.get(resource.table.name, { id });
  if (!row) throw notFound(resource, id);
  if (resource.standard) draft.relyOn(resource, row);
  else draft.present(resource.table.name, { eq: ['id', id] });
  return row;
}

/** The row, or a 404: the resource's own, or the one given. */
export async function find(ctx: RequestContext, commands: Commands, key: string, missing?: () => Error): Promise<Row> {
  const row = (await findAll(ctx, commands, [key])).get(key);
  if (!row) throw missing?.() ?? notFound(commands.resource, key, String(ctx.parent?.row.id ?? ''));
  return row;
}
