// Decisions: does a check hold for this caller and this object, and why.
import { type Check, type Creds, type FieldTest, type Part, printed, show, type Target } from './check.ts';
import type { Rules } from './rules.ts';

export interface Scene {
  readonly creds: Creds;
  readonly target: Target;
  readonly rules: Rules;
}

/** One step of an explanation: a check, whether it held, what it compared, and the steps below. */
export interface Why {
  readonly check: string;
  readonly holds: boolean;
  readonly because?: string;
  readonly of?: readonly Why[];
}

export interface Decision {
  readonly allowed: boolean;
  readonly why: Why;
}

/** A target attribute; null and absent are alike. */
export function attribute(target: Target, name: string): unknown {
  const value = target[name];
  if (value !== undefined || name.length < 10) return value;
  // Targets may say tenant_id where rules say project_id.
  return name.endsWith('project_id') ? target[`${name.slice(0, -'project_id'.length)}tenant_id`] : undefined;
}

/** What a path of names leads to among the caller's credentials; where it meets a list, all that its items lead to. */
export function credentials(creds: Creds, path: readonly string[]): readonly unknown[] {
  let values: readonly unknown[] = [creds];
  for (const key of path) {
    values = values.flatMap(value => {
      const isDict = typeof value === 'object' && value !== null && Object.hasOwn(value, key);
      return isDict ? (value as Readonly<Record<string, unknown>>)[key] : [];
    });
  }
  return values;
}

export function hasRole(creds: Creds, role: string): boolean {
  const wanted = role.toLowerCase();
  return creds.roles.some(r => r.toLowerCase() === wanted);
}

/** Booleans and numbers of the target compare with their text as Neutron converts it. */
function sameField(value: unknown, text: string): boolean {
  if (typeof value === 'boolean') return value === ['true', '1', 't', 'yes', 'y', 'on'].includes(text.toLowerCase());
  return printed(value) === text;
}

export function fieldHolds(value: unknown, test: FieldTest): boolean {
  if (value === undefined || value === null) return false;
  if ('is' in test) return sameField(value, test.is);
  const text = typeof value === 'string' ? value : undefined;
  return text !== undefined && test.matches.some(m => (m.whole ? text === m.text : text.startsWith(m.text)));
}

/** `networks:shared` of a port is found under `networks:shared` when the loader put it there, else under `shared`. */
function fieldValue(target: Target, resource: string, field: string): unknown {
  return target[`${resource}:${field}`] ?? target[field];
}

function matched(part: Part, target: Target): string | undefined {
  if ('text' in part) return part.text;
  const value = attribute(target, part.name);
  return value === undefined ? undefined : `${part.before ?? ''}${printed(value)}${part.after ?? ''}`;
}

/** A credential that is not there matches nothing: who has no project does not own what belongs to none. */
function credHolds(path: readonly string[], part: Part, scene: Scene): boolean {
  const wanted = matched(part, scene.target);
  return wanted !== undefined && present(credentials(scene.creds, path)).some(value => printed(value) === wanted);
}

export const present = (values: readonly unknown[]): readonly unknown[] => values.filter(v => v !== null && v !== undefined);

/** Whether the check holds; an unknown rule never does. */
export function holds(check: Check, scene: Scene): boolean {
  switch (check.kind) {
    case 'true':
      return true;
    case 'false':
      return false;
    case 'role':
      return hasRole(scene.creds, check.role);
    case 'rule': {
      const rule = scene.rules.get(check.name);
      return rule !== undefined && holds(rule, scene);
    }
    case 'field':
      return fieldHolds(fieldValue(scene.target, check.resource, check.field), check.test);
    case 'cred':
      return credHolds(check.path, check.match, scene);
    case 'literal':
      return matched(check.match, scene.target) === check.value;
    case 'and':
      return check.of.every(c => holds(c, scene));
    case 'or':
      return check.of.some(c => holds(c, scene));
    case 'not':
      return !holds(check.of, scene);
  }
}

const quoted = (value: unknown): string => (value === undefined ? 'absent' : `'${printed(value)}'`);

function comparison(check: Check, scene: Scene): string | undefined {
  switch (check.kind) {
    case 'role':
      return `the caller's roles are ${scene.creds.roles.join(', ') || 'none'}`;
    case 'field':
      return `${check.field} is ${quoted(fieldValue(scene.target, check.resource, check.field))}`;
    case 'cred':
      return `the caller's ${check.path.join('.')} is ${present(credentials(scene.creds, check.path)).map(quoted).join(', ') || 'absent'}, wanted is ${quoted(matched(check.match, scene.target))}`;
    case 'literal':
      return `the object's value is ${quoted(matched(check.match, scene.target))}`;
    case 'rule':
      return scene.rules.get(check.name) ? undefined : 'there is no such rule';
    default:
      return undefined;
  }
}

function below(check: Check, scene: Scene): readonly Check[] {
  if (check.kind === 'and' || check.kind === 'or') return check.of;
  if (check.kind === 'not') return [check.of];
  const rule = check.kind === 'rule' ? scene.rules.get(check.name) : undefined;
  return rule ? [rule] : [];
}

function explain(check: Check, scene: Scene): Why {
  const because = comparison(check, scene);
  const of = below(check, scene).map(c => explain(c, scene));
  return { check: show(check), holds: holds(check, scene), ...(because === undefined ? {} : { because }), ...(of.length ? { of } : {}) };
}

/** The decision with its reasons; `holds` is the short form for hot paths. */
export function evaluate(check: Check, scene: Scene): Decision {
  const why = explain(check, scene);
  return { allowed: why.holds, why };
}

/** An explanation as indented lines. */
export function formatWhy(why: Why, depth = 0): string {
  const line = `${'  '.repeat(depth)}${why.holds ? 'yes' : 'no '} ${why.check}${why.because ? ` (${why.because})` : ''}`;
  return [line, ...(why.of ?? []).map(w => formatWhy(w, depth + 1))].join('\n');
}
