// What the policy table says: who may do what to an object, and what a request is answered therefore.
import type { Creds, Target } from '../../../src/domain/policy/check.ts';
import { holds } from '../../../src/domain/policy/evaluate.ts';
import { compileRules } from '../../../src/domain/policy/rules.ts';
import type { Resource } from '../../../src/model/kit/resource.ts';
import { policies } from '../../../src/model/policies.ts';
import type { Body } from '../client.ts';
import { personOf } from '../people.ts';
import { actionOf, type Thing } from './world.ts';

export const { rules } = compileRules(policies);
export const everybody = ['admin', 'manager', 'member', 'reader', 'nobody', 'other', 'service'] as const;
export type Who = (typeof everybody)[number];

export function may(who: Who, rule: string, target: Target): boolean {
  const { roles, project_id, user_id } = personOf(who)!;
  const creds: Creds = { roles, project_id, user_id };
  return holds({ kind: 'rule', name: rule }, { creds, target, rules });
}

/** The action's rule, and those of the policed attributes that a body names, and of what is inside them. */
export function mayAll(who: Who, resource: Resource, verb: 'create' | 'update', body: Body, target: Target): boolean {
  const action = actionOf(resource, verb);
  const policed = Object.entries(body).filter(([name]) => resource.fields[name]?.policed);
  const inside = policed.flatMap(([name, value]) => {
    const items = [value].flat().filter(item => typeof item === 'object' && item !== null);
    const keys = items.flatMap(item => Object.keys(item as object).map(key => `${name}:${key}`));
    return Array.isArray(value) ? keys : keys.filter(key => rules.has(`${action}:${key}`));
  });
  const asked = [...policed.map(([name]) => name), ...inside].map(name =>
    rules.has(`${action}:${name}`) ? `${action}:${name}` : 'default',
  );
  return [action, ...asked].every(rule => may(who, rule, target));
}

/** What is below another object is seen by who sees that, too. */
export const sees = (who: Who, { resource, target, above }: Thing): boolean =>
  may(who, actionOf(resource, 'show'), target) && (!above || sees(who, above));

/** 404 where the object may not be seen, 403 where it may be seen and the action is not allowed. */
export function expected(who: Who, thing: Thing, rule: string, done: number): number {
  if (!sees(who, thing)) return 404;
  return may(who, rule, thing.target) ? done : 403;
}

export const offers = ({ resource }: Thing, verb: Resource['verbs'][number]): boolean => resource.verbs.includes(verb);
