// Objects as the caller may see them: the policy's scope is part of the query, so what is hidden is as if it were not there.
import type { Predicate, Row } from '../contracts/store.ts';
import { notFound } from './authorize.ts';
import type { Commands, Viewer } from './commands/commands.ts';
import type { RequestContext } from './context.ts';
import { predicateOf } from './scope.ts';

export function viewerOf(ctx: RequestContext): Viewer {
  return { project_id: ctx.caller.project_id };
}

/** Rows of what the caller may see; undefined: all. */
export function visible(ctx: RequestContext, commands: Commands): Predicate | undefined {
  return predicateOf(ctx.policy.scope(`get_${commands.resource.name}`, ctx.caller), commands, viewerOf(ctx));
}

export async function findAll(ctx: RequestContext, commands: Commands, ids: readonly string[]): Promise<Map<string, Row>> {
  const scope = visible(ctx, commands);
  const byId: Predicate = { in: ['id', ids] };
  const rows = await ctx.store.select({ table: commands.resource.table.name, where: scope ? { and: [byId, scope] } : byId });
  return new Map(rows.map(row => [String(row.id), row]));
}

/** The row, or a 404: the resource's own, or the one given. */
export async function find(ctx: RequestContext, commands: Commands, id: string, missing?: () => Error): Promise<Row> {
  const row = (await findAll(ctx, commands, [id])).get(id);
  if (!row) throw missing?.() ?? notFound(commands.resource, id);
  return row;
}
