// What of an object its caller may see.
import type { Caller } from '../contracts/identity.ts';
import { attribute } from '../domain/policy/evaluate.ts';
import { attributesOf } from '../domain/policy/residual.ts';
import type { Resource } from '../model/kit/resource.ts';
import type { Policy } from './policy.ts';

/** Attributes of an object, and of its parents, that rules compare. */
export type Objects = readonly Readonly<Record<string, unknown>>[];

export interface Mask {
  /** Whether it takes more than the objects themselves to decide. */
  readonly needsTargets: boolean;
  /** The objects without the attributes that this caller may not see. `targets` may be empty where they are not needed. */
  apply(objects: Objects, targets: Objects): Record<string, unknown>[];
}

/**
 * Attributes whose rules are decided once the caller is known cost nothing per object. The others are decided once for objects that are alike
 * in what the rules compare: all of one owner, for instance.
 */
export function maskFor(policy: Policy, caller: Caller, resource: Resource): Mask {
  const { hidden: always, ruled } = rulesOf(policy, resource);
  const never = new Set(always);
  const open: { readonly name: string; readonly rule: string }[] = [];
  const compared = new Set<string>();
  for (const { name, rule } of ruled) {
    const check = policy.residual(rule, caller);
    if (check.kind === 'true') continue;
    if (check.kind === 'false') never.add(name);
    else {
      open.push({ name, rule });
      attributesOf(check, compared);
    }
  }
  const alike = [...compared];
  const needsTargets = alike.some(name => !resource.fields[name]);
  return {
    needsTargets,
    apply(objects, targets) {
      let last: readonly unknown[] | undefined;
      let hidden: ReadonlySet<string> = never;
      return objects.map((object, i) => {
        if (open.length === 0) return without(object, never);
        const target = needsTargets ? { ...targets[i], ...object } : object;
        const values = alike.map(name => attribute(target, name));
        if (!last || values.some((v, k) => v !== last?.[k])) {
          hidden = new Set([...never, ...open.filter(o => !policy.allows(o.rule, caller, target)).map(o => o.name)]);
          last = values;
        }
        return without(object, hidden);
      });
    },
  };
}

interface Rules {
  readonly hidden: readonly string[];
  readonly ruled: readonly { readonly name: string; readonly rule: string }[];
}

const known = new WeakMap<Policy, Map<string, Rules>>();

/** Attributes that are never shown, and those that have a rule; the same for every request. */
function rulesOf(policy: Policy, { name: resource, policyName, fields }: Resource): Rules {
  const ofPolicy = known.get(policy) ?? new Map<string, Rules>();
  known.set(policy, ofPolicy);
  const found = ofPolicy.get(`${policyName} ${resource}`);
  if (found) return found;
  const names = Object.keys(fields);
  const rules = {
    hidden: names.filter(name => fields[name]?.show === false),
    ruled: names.map(name => ({ name, rule: `get_${policyName}:${name}` })).filter(({ rule }) => policy.defined(rule)),
  };
  ofPolicy.set(`${policyName} ${resource}`, rules);
  return rules;
}

/** Objects are what a command has just made for this answer, so whoever has nothing taken away is given them as they are. */
function without(object: Readonly<Record<string, unknown>>, hidden: ReadonlySet<string>): Record<string, unknown> {
  if (hidden.size === 0) return object;
  const out: Record<string, unknown> = {};
  for (const name of Object.keys(object)) if (!hidden.has(name)) out[name] = object[name];
  return out;
}
