// Quotas: limits per project, what is used, and the defaults.
import { apiError } from '../../domain/errors.ts';
import { readField } from '../../domain/input/body.ts';
import type { Resource } from '../../model/kit/resource.ts';
import { t } from '../../model/kit/types.ts';
import { denial } from '../authorize.ts';
import type { RequestContext } from '../context.ts';
import { defaultLimit } from '../quota.ts';
import { commitDecision } from '../retry.ts';
import type { Reply } from './reply.ts';
import type { ApiRequest } from './request.ts';

const limitField = { type: t.int(-1, 2_147_483_647) };
const bad = (message: string): Error => apiError('HTTPBadRequest', { message });

async function storedLimits(ctx: RequestContext, project: string): Promise<Map<string, number>> {
  const rows = await ctx.store.select({ table: 'quotas', where: { eq: ['project_id', project] } });
  return new Map(rows.map(r => [String(r.resource), Number(r.hard_limit)]));
}

function limits(ctx: RequestContext, counted: readonly Resource[], stored: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries(counted.map(r => [r.name, stored.get(r.name) ?? defaultLimit(ctx, r)]));
}

async function details(ctx: RequestContext, counted: readonly Resource[], project: string): Promise<Record<string, unknown>> {
  const limit = limits(ctx, counted, await storedLimits(ctx, project));
  const used = new Map(
    (await ctx.store.select({ table: 'quota_usages', where: { eq: ['project_id', project] } })).map(r => [r.resource, Number(r.in_use)]),
  );
  return Object.fromEntries(counted.map(r => [r.name, { limit: limit[r.name], used: used.get(r.name) ?? 0, reserved: 0 }]));
}

function authorize(ctx: RequestContext, action: string, project: string, refusal = (): Error => denial(ctx, action)): void {
  if (!ctx.policy.allows(action, ctx.caller, { project_id: project, tenant_id: project })) throw refusal();
}

const adminsAlone = (): Error => apiError('AdminRequired', { reason: 'Only admin is authorized to access quotas for another project' });

/** /quotas, /quotas/{project}, /quotas/{project}/default and /details, /quotas/tenant and /project. */
export async function quotas(request: ApiRequest, resources: readonly Resource[]): Promise<Reply> {
  const { ctx, method } = request;
  const counted = resources.filter(r => r.quota !== undefined);
  const [, project, sub] = request.path;
  if (method === 'POST') throw apiError('HTTPNotImplemented', { message: 'POST requests are not supported on this resource.' });
  if (project === undefined) {
    if (method !== 'GET') throw apiError('HTTPMethodNotAllowed');
    return listAll(ctx, counted);
  }
  if (sub === undefined && (project === 'tenant' || project === 'project') && method === 'GET') {
    return { status: 200, json: { [project]: { [`${project}_id`]: ctx.caller.project_id } } };
  }
  if (method === 'GET') return showOne(ctx, counted, project, sub);
  if (sub !== undefined) throw apiError('HTTPNotFound');
  if (method === 'PUT') return updateOne(request, counted, project);
  if (method === 'DELETE') return removeOne(ctx, project);
  throw apiError('HTTPMethodNotAllowed');
}

async function listAll(ctx: RequestContext, counted: readonly Resource[]): Promise<Reply> {
  authorize(ctx, 'get_quota', '');
  const stored = new Map<string, Map<string, number>>();
  for (const row of await ctx.store.select({ table: 'quotas', order: [['project_id', 'asc']] })) {
    const project = String(row.project_id);
    stored.set(project, (stored.get(project) ?? new Map()).set(String(row.resource), Number(row.hard_limit)));
  }
  return {
    status: 200,
    json: { quotas: [...stored].map(([project, s]) => ({ ...limits(ctx, counted, s), project_id: project, tenant_id: project })) },
  };
}

async function showOne(ctx: RequestContext, counted: readonly Resource[], project: string, sub: string | undefined): Promise<Reply> {
  // Everybody may see the limits of the own project; the rule is about those of others.
  if (project !== ctx.caller.project_id) authorize(ctx, 'get_quota', project, sub?.startsWith('details') ? adminsAlone : undefined);
  switch (sub) {
    case undefined:
    case 'details.json':
      return { status: 200, json: { quota: limits(ctx, counted, await storedLimits(ctx, project)) } };
    case 'default':
      return { status: 200, json: { quota: limits(ctx, counted, new Map()) } };
    case 'details':
      return { status: 200, json: { quota: await details(ctx, counted, project) } };
    default:
      throw apiError('HTTPNotFound');
  }
}

async function updateOne({ ctx, body }: ApiRequest, counted: readonly Resource[], project: string): Promise<Reply> {
  authorize(ctx, 'update_quota', project);
  const given = typeof body === 'object' && body !== null ? (body as { quota?: unknown }).quota : undefined;
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw bad("Unable to find 'quota' in request body");
  const { check_limit, force, ...wanted } = given as Record<string, unknown>;
  const unknown = Object.keys(wanted).filter(k => !counted.some(r => r.name === k));
  if (unknown.length > 0) throw bad(`Unrecognized attribute(s) '${unknown.join(', ')}'`);
  const parsed = Object.entries(wanted).map(([name, v]) => [name, readField(name, limitField, v) as number] as const);
  if (check_limit === true || force === false) await refuseBelowUsage(ctx, counted, project, parsed);
  await commitDecision(ctx, {
    decide: async draft => {
      for (const [resource, hard_limit] of parsed) draft.upsert('quotas', { project_id: project, resource, hard_limit });
    },
  });
  return { status: 200, json: { quota: limits(ctx, counted, await storedLimits(ctx, project)) } };
}

async function refuseBelowUsage(
  ctx: RequestContext,
  counted: readonly Resource[],
  project: string,
  wanted: readonly (readonly [string, number])[],
): Promise<void> {
  const now = (await details(ctx, counted, project)) as Record<string, { used: number }>;
  for (const [name, limit] of wanted) {
    const used = now[name]?.used ?? 0;
    if (limit >= 0 && limit < used) throw bad(`Quota limit ${limit} for ${name} must be greater than or equal to already used ${used}`);
  }
}

async function removeOne(ctx: RequestContext, project: string): Promise<Reply> {
  authorize(ctx, 'delete_quota', project);
  if ((await storedLimits(ctx, project)).size === 0) throw apiError('TenantQuotaNotFound', { tenant_id: project });
  await commitDecision(ctx, { decide: async draft => draft.delete('quotas', { eq: ['project_id', project] }) });
  return { status: 204 };
}
