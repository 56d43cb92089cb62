// What is left of a check for a caller, as a condition over the object's columns that a store can filter by. A condition on an absent
// (null) column does not hold, and its `not` does: as in `evaluate`.
import type { Check, Creds, FieldTest, Part } from './check.ts';
import { type Residual, residual } from './residual.ts';
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

/** `before`, the attribute and `after` together are the value: so the attribute is what stands between. */
function literalCondition(value: string, match: Part): boolean | Condition {
  if ('text' in match) return match.text === value;
  const { name, before = '', after = '' } = match;
  const fits = value.length >= before.length + after.length && value.startsWith(before) && value.endsWith(after);
  return fits && condition(name, value.slice(before.length, value.length - after.length));
}

export function conditionOf(check: Residual): boolean | Condition {
  switch (check.kind) {
    case 'true':
    case 'false':
      return check.kind === 'true';
    case 'field':
      return fieldCondition(check.resource, check.field, check.test);
    case 'literal':
      return literalCondition(check.value, check.match);
    case 'and':
      return joined('and', check.of.map(conditionOf), true);
    case 'or':
      return joined('or', check.of.map(conditionOf), false);
    case 'not': {
      const inside = conditionOf(check.of);
      return typeof inside === 'boolean' ? !inside : { not: inside };
    }
  }
}

/** `neutral` changes nothing in the chain, its opposite decides it. */
function joined(word: 'and' | 'or', parts: readonly (boolean | Condition)[], neutral: boolean): boolean | Condition {
  if (parts.includes(!neutral)) return !neutral;
  const open = parts.filter(p => typeof p !== 'boolean');
  if (open.length <= 1) return open[0] ?? neutral;
  return word === 'and' ? { and: open } : { or: open };
}

/** What is left of the check once the caller is known. */
export function predicate(check: Check, creds: Creds, rules: Rules): boolean | Condition {
  return conditionOf(residual(check, creds, rules));
}
