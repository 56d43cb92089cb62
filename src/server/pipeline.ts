// The life of a request, the same steps for every resource: parse, load, decide, commit, reply.
import type { Predicate, Query, Row } from '../contracts/store.ts';
import { ApiError, apiError, badRequest } from '../domain/errors.ts';
import { type Attributes, itemsOf, readCreate, readUpdate, type Writer } from '../domain/input/body.ts';
import type { ListQuery } from '../domain/input/query.ts';
import type { Resource } from '../model/kit/resource.ts';
import { authorizeAction, authorizeCreate, authorizeUpdate, mayAct, mayUpdate, notFound } from './authorize.ts';
import type { ApiObject, Commands, Created, Wanted } from './commands/commands.ts';
import { computedList, computedObject } from './computed.ts';
import type { RequestContext } from './context.ts';
import { columnsOf, narrowed, narrowList, wantedOf } from './fields.ts';
import { belonging, find, findAll, seenQuery, viewerOf } from './find.ts';
import { giveWay } from './give-way.ts';
import { atOnce, type Directions, directions, rowsOf, selectionOf, trim } from './list.ts';
import { maskFor } from './mask.ts';
import type { Texts } from './printed.ts';
import { hasSteady, printedList, printedObject, printObject } from './printed-list.ts';
import type { PrintOptions } from './printed-rows.ts';
import { checkQuota, findUsages, type Limits, limitsFor, quotaQueries } from './quota.ts';
import { foreseeing } from './read-set.ts';
import { commitDecision } from './retry.ts';

/** What policy asks about objects: themselves, and what it needs to know of their parents. */
function targetsOf(objects: readonly ApiObject[], parents: readonly ApiObject[]): ApiObject[] {
  return objects.map((o, i) => ({ ...parents[i], ...o, tenant_id: o.project_id }));
}

async function parentsOf(ctx: RequestContext, commands: Commands, objects: readonly ApiObject[]): Promise<readonly ApiObject[]> {
  const above = parentTarget(ctx, commands.resource);
  const own = (await commands.targets?.(ctx, objects)) ?? objects.map(() => ({}));
  return above ? own.map(o => ({ ...above, ...o })) : own;
}

/** What rules of a sub-resource ask of the object above it. */
function parentTarget({ parent }: RequestContext, resource: Resource): ApiObject | undefined {
  if (!parent || parent.resource.name !== resource.parent?.resource) return undefined;
  const { project_id } = parent.row;
  return { 'ext_parent:project_id': project_id, 'ext_parent:tenant_id': project_id };
}

async function show(ctx: RequestContext, commands: Commands, rows: readonly Row[], wanted?: Wanted): Promise<ApiObject[]> {
  return masked(ctx, commands, await commands.present(ctx, rows, viewerOf(ctx), wanted));
}

async function masked(ctx: RequestContext, commands: Commands, objects: readonly ApiObject[]): Promise<ApiObject[]> {
  const mask = maskFor(ctx.policy, ctx.caller, commands.resource);
  const parents = mask.needsTargets(objects) ? await parentsOf(ctx, commands, objects) : [];
  return mask.apply(objects, parents).map(withTenant);
}

/** `tenant_id` is the older name. The objects are made for this answer. */
function withTenant(object: ApiObject): ApiObject {
  if (Object.hasOwn(object, 'project_id')) object.tenant_id = object.project_id;
  return object;
}

export interface ListAnswer extends Directions {
  readonly objects: readonly ApiObject[] | Texts;
  /** Of the objects, in order: for links. */
  readonly keys: readonly string[];
}

export async function list(ctx: RequestContext, commands: Commands, query: ListQuery): Promise<ListAnswer> {
  if (commands.computed) return computedList(ctx, commands, commands.computed, query);
  await commands.beforeList?.(ctx);
  const selection = await selectionOf(ctx, commands, query);
  if (hasSteady(commands) && query.fields.length === 0) return printedList(ctx, commands, query, { selection, ...printing(ctx, commands) });
  const narrow = narrowed(ctx, commands, query.fields);
  if (narrow) return narrowList(ctx, commands, query, selection, narrow);
  const wanted = wantedOf(ctx, commands, query.fields);
  const rows = await rowsOf(ctx, selection, columnsOf(commands, selection, wanted));
  const objects: ApiObject[] = [];
  for (let from = 0; from < rows.length; from += atOnce) {
    if (from > 0) await giveWay(ctx);
    for (const object of await show(ctx, commands, rows.slice(from, from + atOnce), wanted)) objects.push(trim(object, query.fields));
  }
  return { objects, keys: rows.map(r => String(r[commands.resource.key])), ...directions(rows.length, query) };
}

const printing = (ctx: RequestContext, commands: Commands): PrintOptions => ({
  mask: maskFor(ctx.policy, ctx.caller, commands.resource),
  show: rows => show(ctx, commands, rows),
});

export async function get(ctx: RequestContext, commands: Commands, id: string, fields: readonly string[]): Promise<ApiObject | Texts> {
  if (commands.show) return commands.show(ctx, id, fields);
  if (commands.computed) return trim(await computedObject(ctx, commands, commands.computed, id), fields);
  const isSteady = hasSteady(commands) && fields.length === 0;
  const printed = isSteady ? await printedObject(ctx, commands, id, printing(ctx, commands)) : undefined;
  if (printed) return printed;
  const row = await find(ctx, commands, id);
  if (isSteady) return printObject(ctx, commands, row, printing(ctx, commands));
  const [object] = await show(ctx, commands, [row]);
  return trim(object as ApiObject, fields);
}

/** The whole object, with what the caller may not see of it; undefined where the caller may not see it at all. */
export async function asItIs(ctx: RequestContext, commands: Commands, id: string): Promise<ApiObject | undefined> {
  const row = (await findAll(ctx, commands, [id])).get(id);
  const [object] = row ? await commands.present(ctx, [row], viewerOf(ctx)) : [];
  const { fields } = commands.resource;
  return object && withTenant(Object.fromEntries(Object.entries(object).filter(([name]) => Object.hasOwn(fields, name))));
}

/** As they are now; what somebody has removed since is not found. `like`: what is known of them, by which they are read at once. */
async function reload(any: RequestContext, commands: Commands, ids: readonly string[], like: readonly Row[] = []): Promise<ApiObject[]> {
  const { table, key } = commands.resource;
  const below = belonging(any, commands.resource);
  const byKey: Predicate = { in: [key, ids] };
  const query: Query = { table: table.name, where: below ? { and: [byKey, below] } : byKey };
  const foreseen = like.length > 0 ? (commands.foreseeShown?.(like) ?? []) : [];
  const ctx = foreseen.length > 0 ? await foreseeing(any, [query, ...foreseen]) : any;
  const rows = await ctx.store.select(query);
  const byId = new Map(rows.map(r => [r[key], r]));
  const missing = ids.find(id => !byId.has(id));
  if (missing !== undefined) throw notFound(commands.resource, missing, String(ctx.parent?.row.id ?? ''));
  return show(
    ctx,
    commands,
    ids.map(id => byId.get(id) as Row),
  );
}

export interface CreateAnswer {
  readonly objects: ApiObject[];
  readonly bulk: boolean;
}

export async function create(ctx: RequestContext, commands: Commands, body: unknown): Promise<CreateAnswer> {
  const { resource, create: decide } = commands;
  if (!decide) throw apiError('HTTPMethodNotAllowed');
  const { items, bulk } = itemsOf(resource, body);
  const inputs = items.map(i => newInput(ctx, resource, i));
  let limits: Limits = () => undefined;
  let parents: readonly ApiObject[] | undefined;
  try {
    const made = await commitDecision(ctx, {
      foresee: () => [...quotaQueries(resource, inputs), ...(commands.foresee?.(ctx, inputs) ?? [])],
      decide: async (draft, now) => {
        parents = undefined;
        limits = await limitsFor(now, resource, inputs);
        await findUsages(now, draft, resource, inputs);
        parents = await admitted(now, commands, inputs);
        // Many at once may cost much before the commit says no.
        if (inputs.length > 1) await checkQuota(now, resource, inputs, limits);
        for (const [i, target] of targetsOf(inputs, parents).entries()) authorizeCreate(now, resource, inputs[i] as Attributes, target);
        return decideAll(now, inputs, input => decide(now, draft, input));
      },
      limitOf: (project, name) => limits(project, name),
    });
    return { objects: await answerOf(ctx, commands, made), bulk };
  } catch (error) {
    // The commit holds the quota; but whoever is over it hears of that before any other refusal, as from Neutron.
    if (parents && error instanceof ApiError && error.status < 500) await checkQuota(ctx, resource, inputs, limits);
    throw error;
  }
}

/** What policy asks about the parents of new objects, which the caller sees and may build on. */
async function admitted(ctx: RequestContext, commands: Commands, inputs: readonly Attributes[]): Promise<readonly ApiObject[]> {
  if (!commands.admit) return parentsOf(ctx, commands, inputs);
  const above = parentTarget(ctx, commands.resource);
  return (await commands.admit(ctx, inputs)).map(p => ({ ...above, ...p }));
}

/** What is wrong with the body of a create or an update is said before anything else; where a parent is looked up first, this is asked before. */
export function refuseBody(ctx: RequestContext, { resource, create: creates, update: updates }: Commands, request: WithBody): void {
  if (request.method === 'POST' && creates) for (const item of itemsOf(resource, request.body).items) newInput(ctx, resource, item);
  if (request.method === 'PUT' && updates) readUpdate(resource, oneOf(resource, request.body), writerOf(ctx));
}

interface WithBody {
  readonly method: string;
  readonly body?: unknown;
}

const writerOf = (ctx: RequestContext): Writer => ({ project_id: ctx.caller.project_id, privileged: ctx.isPrivileged });

const oneOf = (resource: Resource, body: unknown): unknown => itemsOf({ ...resource, bulk: false } as Resource, body).items[0];

/** An item as attributes; below a parent, with the parent's id. */
function newInput(ctx: RequestContext, resource: Resource, item: unknown): Attributes {
  const input = readCreate(resource, item, writerOf(ctx));
  return resource.parent ? { ...input, [resource.parent.column]: ctx.parent?.row.id } : input;
}

/** Objects of one request that are decided before other requests get their turn. */
const decidedAtOnce = 20;

async function decideAll(
  ctx: RequestContext,
  inputs: readonly Attributes[],
  decide: (input: Attributes) => Promise<Created>,
): Promise<Created[]> {
  const made: Created[] = [];
  for (const [i, input] of inputs.entries()) {
    if (i % decidedAtOnce === decidedAtOnce - 1) await giveWay(ctx);
    made.push(await decide(input));
  }
  return made;
}

async function answerOf(ctx: RequestContext, commands: Commands, made: readonly Created[]): Promise<ApiObject[]> {
  const ids = made.map(m => m.id);
  const shown = made.map(m => m.shown).filter(o => o !== undefined);
  const isKnown = shown.length === made.length;
  const objects = isKnown ? await masked(ctx, commands, shown) : await reload(ctx, commands, ids);
  return objects.map((o, i) => Object.assign(o, made[i]?.also));
}

/** `revision_number=N` of an If-Match header, or undefined. */
export function wantedRevision(ifMatch: string | undefined): number | undefined {
  if (ifMatch === undefined) return undefined;
  const tags = ifMatch
    .split(',')
    .map(s => s.trim().replaceAll('"', ''))
    .filter(s => s.startsWith('revision_number='));
  if (tags.length === 0) return undefined;
  const n = (tags[0] as string).slice('revision_number='.length);
  if (tags.length > 1 || !/^-?\d{1,15}$/.test(n)) throw badRequest('if-match', `Revision number '${n}' is not an integer`);
  return Number(n);
}

function checkRevision(row: Row, wanted: number | undefined): void {
  if (wanted !== undefined && row.revision_number !== undefined && row.revision_number !== wanted) {
    throw apiError('RevisionNumberConstraintFailed', { exp: wanted, cur: Number(row.revision_number) });
  }
}

/** Loads the row as the caller may see it, with its object and policy target. */
export async function subject(
  ctx: RequestContext,
  commands: Commands,
  id: string,
  missing?: () => Error,
): Promise<{ readonly row: Row; readonly target: ApiObject }> {
  const row = await find(ctx, commands, id, missing);
  return { row, target: await targetOf(ctx, commands, row) };
}

/** All that policy may ask about an object. */
async function targetOf(ctx: RequestContext, commands: Commands, row: Row): Promise<ApiObject> {
  const [object] = await commands.present(ctx, [row], viewerOf(ctx));
  const objects = [object as ApiObject];
  const [target] = targetsOf(objects, await parentsOf(ctx, commands, objects));
  return target as ApiObject;
}

/** Most are the owner's or an administrator's, for whom nothing but the row is looked at. */
async function requireAction(ctx: RequestContext, commands: Commands, action: string, row: Row): Promise<void> {
  if (!mayAct(ctx, action, row)) authorizeAction(ctx, commands.resource, action, await targetOf(ctx, commands, row));
}

export async function update(
  ctx: RequestContext,
  commands: Commands,
  id: string,
  body: unknown,
  ifMatch: string | undefined,
): Promise<ApiObject> {
  const { resource, update: decide } = commands;
  const input = readUpdate(resource, oneOf(resource, body), writerOf(ctx));
  if (!decide) throw apiError('HTTPMethodNotAllowed');
  const wanted = wantedRevision(ifMatch);
  const { foreseeUpdate } = commands;
  const before = await commitDecision(ctx, {
    foresee: () => (foreseeUpdate ? [seenQuery(ctx, commands, [id]), ...foreseeUpdate(ctx, id, input)] : []),
    decide: async (draft, now) => {
      const row = await find(now, commands, id);
      if (!mayUpdate(now, resource, input, row))
        authorizeUpdate(now, resource, input, { ...(await targetOf(now, commands, row)), ...input });
      checkRevision(row, wanted);
      await decide(now, draft, row, input);
      return row;
    },
  });
  const [object] = await reload(ctx, commands, [id], [{ ...before, ...(input as Row) }]);
  return object as ApiObject;
}

export async function remove(ctx: RequestContext, commands: Commands, id: string, ifMatch: string | undefined): Promise<void> {
  const { resource, delete: decide } = commands;
  if (commands.remove) return commands.remove(ctx, id);
  if (!decide) throw apiError('HTTPMethodNotAllowed');
  const wanted = wantedRevision(ifMatch);
  await commitDecision(ctx, {
    decide: async (draft, now) => {
      const row = await find(now, commands, id);
      await requireAction(now, commands, `delete_${resource.policyName}`, row);
      checkRevision(row, wanted);
      await decide(now, draft, row);
    },
  });
}

export async function act(ctx: RequestContext, commands: Commands, id: string, action: string, body: unknown): Promise<unknown> {
  const decide = commands.actions?.[action];
  if (!decide) throw apiError('HTTPNotFound');
  const render = await commitDecision(ctx, {
    decide: async (draft, now) => {
      const row = await find(now, commands, id);
      await requireAction(now, commands, action, row);
      return decide(now, draft, row, body);
    },
  });
  return render();
}
