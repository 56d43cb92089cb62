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
  const never = new Set(Object.keys(resource.fields).filter(name => resource.fields[name]?.show === false));
  const open: { readonly name: string; readonly rule: string }[] = [];
  const compared = new Set<string>();
  for (const name of Object.keys(resource.fields)) {
    const rule = `get_${resource.policyName}:${name}`;
    const check = policy.defined(rule) ? policy.residual(rule, caller) : undefined;
    if (!check || check.kind === 'true') continue;
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

function without(object: Readonly<Record<string, unknown>>, hidden: ReadonlySet<string>): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const name of Object.keys(object)) if (!hidden.has(name)) out[name] = object[name];
  return out;
}
