// Partial evaluation: with the caller known and the object not, a check becomes true, false or a condition over the object's columns,
// which a store can filter by. A condition on an absent (null) column does not hold, and its `not` does: as in `evaluate`.
import { type Check, type Creds, type FieldTest, type Part, printed } from './check.ts';
import { credential, hasRole } from './evaluate.ts';
import type { Rules } from './rules.ts';

type Constant = string | number | boolean | null;

export type Condition =
  /** A column of the object equals a value. */
  | { readonly eq: readonly [column: string, value: Constant] }
  /** A column of a parent (network, security_group, ext_parent) equals a value. */
  | { readonly parentEq: readonly [parent: string, column: string, value: Constant] }
  /** An attribute that may be derived, such as `shared` of networks; the resource is the one that the rule names. */
  | { readonly field: readonly [resource: string, field: string, value: string | boolean] }
  /** An attribute begins with, or is, one of these texts. */
  | {
      readonly fieldMatches: readonly [
        resource: string,
        field: string,
        texts: readonly { readonly text: string; readonly whole: boolean }[],
      ];
    }
  | { readonly and: readonly Condition[] }
  | { readonly or: readonly Condition[] }
  | { readonly not: Condition };

function condition(name: string, text: string): Condition {
  const value: Constant = text === 'True' ? true : text === 'False' ? false : text === 'None' ? null : text;
  const colon = name.indexOf(':');
  const parent = colon > 0 ? name.slice(0, colon) : '';
  // Only parents' project columns are spelled with a colon; `provider:network_type` and the like are columns.
  return parent && name.endsWith(':project_id') ? { parentEq: [parent, name.slice(colon + 1), value] } : { eq: [name, value] };
}

function fieldCondition(resource: string, field: string, test: FieldTest): Condition {
  if ('matches' in test) return { fieldMatches: [resource, field, test.matches] };
  const boolean = test.is === 'True' ? true : test.is === 'False' ? false : undefined;
  return { field: [resource, field, boolean ?? test.is] };
}

function credCondition(value: unknown, match: Part): boolean | Condition {
  if (value === undefined) return false;
  const values = Array.isArray(value) ? value : [value];
  if ('text' in match) return values.some(v => printed(v) === match.text);
  return any(values.map(v => condition(match.name, printed(v))));
}

function all(parts: readonly (boolean | Condition)[]): boolean | Condition {
  const open: Condition[] = [];
  for (const p of parts) {
    if (p === false) return false;
    if (p !== true) open.push(p);
  }
  return open.length === 0 ? true : open.length === 1 ? open[0]! : { and: open };
}

function any(parts: readonly (boolean | Condition)[]): boolean | Condition {
  const open: Condition[] = [];
  for (const p of parts) {
    if (p === true) return true;
    if (p !== false) open.push(p);
  }
  return open.length === 0 ? false : open.length === 1 ? open[0]! : { or: open };
}

/** What is left of the check once the caller is known. */
export function predicate(check: Check, creds: Creds, rules: Rules): boolean | Condition {
  switch (check.kind) {
    case 'true':
      return true;
    case 'false':
      return false;
    case 'role':
      return hasRole(creds, check.role);
    case 'rule': {
      const rule = rules.get(check.name);
      return rule === undefined ? false : predicate(rule, creds, rules);
    }
    case 'field':
      return fieldCondition(check.resource, check.field, check.test);
    case 'cred':
      return credCondition(credential(creds, check.path), check.match);
    case 'literal':
      return 'text' in check.match ? check.match.text === check.value : condition(check.match.name, check.value);
    case 'and':
      return all(check.of.map(c => predicate(c, creds, rules)));
    case 'or':
      return any(check.of.map(c => predicate(c, creds, rules)));
    case 'not': {
      const inside = predicate(check.of, creds, rules);
      return typeof inside === 'boolean' ? !inside : { not: inside };
    }
  }
}
