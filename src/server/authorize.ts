// Who may do what: builds the rule that a request needs from the attributes it names.

import type { Row } from '../contracts/store.ts';
import { ApiError, apiError, type ErrorName } from '../domain/errors.ts';
import { actionText, type NamedAttribute } from '../domain/policy/action.ts';
import type { Field, Resource } from '../model/kit/resource.ts';
import type { RequestContext } from './context.ts';
import { isNegative } from './mask.ts';
import type { Policy, Target } from './policy.ts';

/** The policed attributes that a body names: on create those that differ from their default. */
function namedAttributes(
  policy: Policy,
  resource: Resource,
  verb: 'create' | 'update',
  named: Readonly<Record<string, unknown>>,
): NamedAttribute[] {
  const out: NamedAttribute[] = [];
  for (const [name, value] of Object.entries(named)) {
    const field = resource.fields[name];
    if (!field?.policed || (verb === 'create' && isDefault(field, value))) continue;
    out.push(namedIn(policy, `${verb}_${resource.policyName}:${name}`, value));
  }
  return out;
}

function namedIn(policy: Policy, rule: string, value: unknown): NamedAttribute {
  // Refusals of lists name every key, as Neutron's do.
  const within = keysWithin(value).map(key => `${rule}:${key}`);
  return { rule, within: Array.isArray(value) ? within : within.filter(r => policy.defined(r)) };
}

function isDefault({ default: given }: Field, value: unknown): boolean {
  return value === given || JSON.stringify(value) === JSON.stringify(given);
}

/** Keys inside an attribute, which may have rules of their own: `create_port:fixed_ips:subnet_id`. */
function keysWithin(value: unknown): string[] {
  const items = (Array.isArray(value) ? value : [value]).filter(item => typeof item === 'object' && item !== null);
  return [...new Set(items.flatMap(item => Object.keys(item)))];
}

export function denial({ policy, caller }: RequestContext, action: string, attributes: readonly NamedAttribute[] = []): ApiError {
  const rule = actionText(action, attributes);
  const wrong = policy.wrongScope(action, caller);
  if (!wrong) return apiError('PolicyNotAuthorized', { rule });
  return apiError('InvalidScope', { rule, scopes: `[${wrong.wanted.map(s => `'${s}'`).join(', ')}]`, scope: wrong.given });
}

interface Request {
  readonly action: string;
  readonly attributes: readonly NamedAttribute[];
}

/** An attribute without a rule of its own is for whom the rule `default` says: its owner. */
function rulesOf({ policy }: RequestContext, { action, attributes }: Request): string[] {
  return [action, ...attributes.flatMap(a => [a.rule, ...a.within]).map(r => (policy.defined(r) ? r : 'default'))];
}

function isAllowed(ctx: RequestContext, request: Request, target: Target): boolean {
  return rulesOf(ctx, request).every(r => ctx.policy.allows(r, ctx.caller, target));
}

/**
 * Whether it is allowed by the object's owner alone, whatever else there is to know of the object: nobody need look at that then. False where
 * it takes more to say so.
 */
function isOwners(ctx: RequestContext, request: Request, { project_id = null }: Row): boolean {
  const { policy, caller } = ctx;
  const target = { project_id, tenant_id: project_id };
  return rulesOf(ctx, request).every(r => !isNegative(policy.residual(r, caller)) && policy.allows(r, caller, target));
}

export function authorizeCreate(ctx: RequestContext, resource: Resource, input: Readonly<Record<string, unknown>>, target: Target): void {
  const request = { action: `create_${resource.policyName}`, attributes: namedAttributes(ctx.policy, resource, 'create', input) };
  if (!isAllowed(ctx, request, target)) throw denial(ctx, request.action, request.attributes);
}

/** On update the presence of an attribute decides, not its value (OSSA-2014-031). */
const updateOf = (ctx: RequestContext, resource: Resource, input: Readonly<Record<string, unknown>>): Request => ({
  action: `update_${resource.policyName}`,
  attributes: namedAttributes(ctx.policy, resource, 'update', input),
});

/** As `isOwners`: the update needs no look at more of the object than its row. */
export function mayUpdate(ctx: RequestContext, resource: Resource, input: Readonly<Record<string, unknown>>, row: Row): boolean {
  return !Object.hasOwn(input, 'project_id') && isOwners(ctx, updateOf(ctx, resource, input), row);
}

/** As `isOwners`. */
export const mayAct = (ctx: RequestContext, action: string, row: Row): boolean => isOwners(ctx, { action, attributes: [] }, row);

/** A caller who may not see the object gets 404. */
export function authorizeUpdate(ctx: RequestContext, resource: Resource, input: Readonly<Record<string, unknown>>, target: Target): void {
  const request = updateOf(ctx, resource, input);
  if (!isAllowed(ctx, request, target)) throw hiddenOr(ctx, resource, target, denial(ctx, request.action, request.attributes));
}

/** `hidden`: what is said of an object that the caller may not see. */
export function authorizeAction(ctx: RequestContext, resource: Resource, action: string, target: Target, hidden?: ApiError): void {
  if (ctx.policy.allows(action, ctx.caller, target)) return;
  throw hiddenOr(ctx, resource, target, denial(ctx, action), hidden);
}

/** An action with an attribute that has rules of its own: `add_external_gateways:external_gateways:network_id`. */
export function authorizeActionOn(ctx: RequestContext, action: string, name: string, value: unknown, target: Target): void {
  const attributes = [namedIn(ctx.policy, `${action}:${name}`, value)];
  if (!isAllowed(ctx, { action, attributes }, target)) throw denial(ctx, action, attributes);
}

/** Neutron's name for it is not the resource's own here: the object was found before. */
function hiddenOr(
  ctx: RequestContext,
  resource: Resource,
  target: Target,
  error: ApiError,
  hidden: ApiError = apiError('HTTPNotFound'),
): ApiError {
  // As in Neutron by what is shown of the object: a shared address group does not say so, and is not found by those who would change it.
  const shown = Object.fromEntries(Object.entries(target).filter(([name]) => resource.fields[name]?.show !== false));
  return ctx.policy.allows(`get_${resource.policyName}`, ctx.caller, shown) ? error : hidden;
}

/** The resource's own 404. `parentId` for what is below a parent. */
export function notFound({ notFound: row }: Resource, id: string, parentId = ''): ApiError {
  if (!row) return apiError('HTTPNotFound');
  const params = { [row.id]: id, ...(row.parent === undefined ? {} : { [row.parent]: parentId }) };
  return new ApiError(row.type as ErrorName, params as never);
}
