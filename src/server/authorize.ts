// Who may do what: builds the rule that a request needs from the attributes it names, and masks what an answer may show.
import type { Caller } from '../contracts/identity.ts';
import { type ApiError, apiError } from '../domain/errors.ts';
import type { Resource } from '../model/kit/resource.ts';
import type { RequestContext } from './context.ts';
import type { Policy, Target } from './policy.ts';

type Rule = string | readonly Rule[];

/** The action's rule and one for every policed attribute that is named (on create: and differs from its default). */
function neededRules(policy: Policy, resource: Resource, verb: 'create' | 'update', named: Readonly<Record<string, unknown>>): Rule[] {
  const action = `${verb}_${resource.name}`;
  const rules: Rule[] = [action];
  for (const [name, value] of Object.entries(named)) {
    const field = resource.fields[name];
    if (!field?.policed) continue;
    if (verb === 'create' && (value === field.default || JSON.stringify(value) === JSON.stringify(field.default))) continue;
    const rule = `${action}:${name}`;
    const inner = subRules(policy, rule, value);
    if (policy.defined(rule)) rules.push(inner.length > 0 ? [rule, ...inner] : rule);
    else if (inner.length > 0) rules.push(inner);
  }
  return rules;
}

/** Rules for the keys inside an attribute: `create_port:fixed_ips:subnet_id`. */
function subRules(policy: Policy, rule: string, value: unknown): Rule[] {
  const keys = new Set<string>();
  for (const item of Array.isArray(value) ? value : [value]) {
    if (typeof item === 'object' && item !== null) for (const key of Object.keys(item)) keys.add(key);
  }
  return [...keys].map(k => `${rule}:${k}`).filter(r => policy.defined(r));
}

function flatten(rules: readonly Rule[]): string[] {
  return rules.flatMap(r => (typeof r === 'string' ? [r] : flatten(r)));
}

function printed(rules: readonly Rule[]): string {
  const parts = rules.map(r => (typeof r === 'string' ? `rule:${r}` : printed(r)));
  return parts.length === 1 ? (parts[0] as string) : `(${parts.join(' and ')})`;
}

function denial(rules: readonly Rule[]): ApiError {
  return apiError('PolicyNotAuthorized', { rule: printed(rules) });
}

export function authorizeCreate(ctx: RequestContext, resource: Resource, input: Readonly<Record<string, unknown>>, target: Target): void {
  const rules = neededRules(ctx.policy, resource, 'create', input);
  if (!flatten(rules).every(r => ctx.policy.allows(r, ctx.caller, target))) throw denial(rules);
}

/** On update the presence of an attribute decides, not its value (OSSA-2014-031). A caller who may not see the object gets 404. */
export function authorizeUpdate(
  ctx: RequestContext,
  resource: Resource,
  input: Readonly<Record<string, unknown>>,
  target: Target,
  id: string,
): void {
  const rules = neededRules(ctx.policy, resource, 'update', input);
  if (flatten(rules).every(r => ctx.policy.allows(r, ctx.caller, target))) return;
  throw hiddenOr(ctx, resource, target, id, denial(rules));
}

export function authorizeAction(ctx: RequestContext, resource: Resource, action: string, target: Target, id: string): void {
  if (ctx.policy.allows(action, ctx.caller, target)) return;
  throw hiddenOr(ctx, resource, target, id, denial([action]));
}

function hiddenOr(ctx: RequestContext, resource: Resource, target: Target, id: string, error: ApiError): ApiError {
  return ctx.policy.allows(`get_${resource.name}`, ctx.caller, target) ? error : notFound(resource, id);
}

/** The attributes of an object that this caller may see. */
export type Mask = (object: Readonly<Record<string, unknown>>, target: Target) => Record<string, unknown>;

export function maskFor(policy: Policy, caller: Caller, resource: Resource): Mask {
  const policed = Object.keys(resource.fields)
    .map(name => ({ name, rule: `get_${resource.name}:${name}` }))
    .filter(({ rule }) => policy.defined(rule));
  const always = new Set(policed.filter(({ rule }) => policy.scope(rule, caller) === false).map(p => p.name));
  const perObject = policed.filter(p => !always.has(p.name) && policy.scope(p.rule, caller) !== true);
  return (object, target) => {
    const out: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(object)) {
      if (always.has(name) || resource.fields[name]?.show === false) continue;
      const rule = perObject.find(p => p.name === name)?.rule;
      if (rule === undefined || policy.allows(rule, caller, target)) out[name] = value;
    }
    return out;
  };
}

const notFoundTypes: Readonly<Record<string, (id: string) => ApiError>> = {
  network: id => apiError('NetworkNotFound', { net_id: id }),
  subnet: id => apiError('SubnetNotFound', { subnet_id: id }),
  port: id => apiError('PortNotFound', { port_id: id }),
  router: id => apiError('RouterNotFound', { router_id: id }),
  floatingip: id => apiError('FloatingIPNotFound', { floatingip_id: id }),
  security_group: id => apiError('SecurityGroupNotFound', { id }),
  security_group_rule: id => apiError('SecurityGroupRuleNotFound', { id }),
  agent: id => apiError('AgentNotFound', { id }),
};

export function notFound(resource: Resource, id: string): ApiError {
  return notFoundTypes[resource.name]?.(id) ?? apiError('HTTPNotFound');
}
