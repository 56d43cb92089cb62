// What is left of a check once the caller is known: comparisons of the object's attributes alone. A caller's rules are reduced once, and
// then cost nothing for objects (where nothing is left) or a comparison or two.
import { type Check, type Creds, printed } from './check.ts';
import { credentials, hasRole, present } from './evaluate.ts';
import type { Rules } from './rules.ts';

/** A check without roles, credentials and rules. */
export type Residual =
  | Extract<Check, { readonly kind: 'true' | 'false' | 'field' | 'literal' }>
  | { readonly kind: 'and'; readonly of: readonly Residual[] }
  | { readonly kind: 'or'; readonly of: readonly Residual[] }
  | { readonly kind: 'not'; readonly of: Residual };

const TRUE: Residual = { kind: 'true' };
const FALSE: Residual = { kind: 'false' };

function all(parts: readonly Residual[]): Residual {
  const open = parts.filter(p => p.kind !== 'true');
  if (open.some(p => p.kind === 'false')) return FALSE;
  return open.length === 0 ? TRUE : open.length === 1 ? open[0]! : { kind: 'and', of: open };
}

function any(parts: readonly Residual[]): Residual {
  const open = parts.filter(p => p.kind !== 'false');
  if (open.some(p => p.kind === 'true')) return TRUE;
  return open.length === 0 ? FALSE : open.length === 1 ? open[0]! : { kind: 'or', of: open };
}

function decided(holds: boolean): Residual {
  return holds ? TRUE : FALSE;
}

export function residual(check: Check, creds: Creds, rules: Rules): Residual {
  switch (check.kind) {
    case 'true':
    case 'false':
    case 'field':
      return check;
    case 'role':
      return decided(hasRole(creds, check.role));
    case 'rule': {
      const rule = rules.get(check.name);
      return rule === undefined ? FALSE : residual(rule, creds, rules);
    }
    case 'cred': {
      const values = present(credentials(creds, check.path)).map(printed);
      return any(values.map(value => residual({ kind: 'literal', value, match: check.match }, creds, rules)));
    }
    case 'literal':
      return 'text' in check.match ? decided(check.match.text === check.value) : check;
    case 'and':
      return all(check.of.map(c => residual(c, creds, rules)));
    case 'or':
      return any(check.of.map(c => residual(c, creds, rules)));
    case 'not': {
      const inside = residual(check.of, creds, rules);
      return inside.kind === 'true' ? FALSE : inside.kind === 'false' ? TRUE : { kind: 'not', of: inside };
    }
  }
}

/** The attributes of an object that a check compares. */
export function attributesOf(check: Residual, into: Set<string> = new Set()): Set<string> {
  switch (check.kind) {
    case 'field':
      return into.add(check.field).add(`${check.resource}:${check.field}`);
    case 'literal':
      return 'name' in check.match ? into.add(check.match.name) : into;
    case 'and':
    case 'or':
      for (const c of check.of) attributesOf(c, into);
      return into;
    case 'not':
      return attributesOf(check.of, into);
    default:
      return into;
  }
}
