// The policy language as a tree. The language is oslo.policy's, with the `field:` check that Neutron adds.

/** A text, or one `%(name)s` that is filled from the target, with what stands around it. */
export type Part = { readonly text: string } | { readonly name: string; readonly before?: string; readonly after?: string };

/** How a `field:` check compares: with a value, or (`=~`) with the beginning or the whole of a text. */
export type FieldTest = { readonly is: string } | { readonly matches: readonly { readonly text: string; readonly whole: boolean }[] };

export type Check =
  | { readonly kind: 'true' }
  | { readonly kind: 'false' }
  | { readonly kind: 'role'; readonly role: string }
  | { readonly kind: 'rule'; readonly name: string }
  | { readonly kind: 'field'; readonly resource: string; readonly field: string; readonly test: FieldTest }
  /** A credential (path by dots) equals a constant or one attribute of the target. */
  | { readonly kind: 'cred'; readonly path: readonly string[]; readonly match: Part }
  /** A constant equals one attribute of the target, or another constant. */
  | { readonly kind: 'literal'; readonly value: string; readonly match: Part }
  | { readonly kind: 'and'; readonly of: readonly Check[] }
  | { readonly kind: 'or'; readonly of: readonly Check[] }
  | { readonly kind: 'not'; readonly of: Check };

export const TRUE: Check = { kind: 'true' };
export const FALSE: Check = { kind: 'false' };

/** Who asks. `tenant_id` and `project_id` mean the same; further keys are reached by `key:…` checks. */
export interface Creds {
  readonly roles: readonly string[];
  readonly project_id: string | null;
  readonly user_id: string | null;
  readonly is_admin?: boolean;
  readonly [key: string]: unknown;
}

/** Attributes of the object, and of its parents as `network:project_id`, `security_group:project_id`, `ext_parent:project_id`. */
export type Target = { readonly [attribute: string]: unknown };

/** As Python prints it, which is what checks compare with. */
export function printed(value: unknown): string {
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (value === null || value === undefined) return 'None';
  return String(value);
}

const escaped = (text: string): string => text.replaceAll('%', '%%');

function part(p: Part): string {
  return 'text' in p ? escaped(p.text) : `${escaped(p.before ?? '')}%(${p.name})s${escaped(p.after ?? '')}`;
}

function showTest(test: FieldTest): string {
  if ('is' in test) return `=${test.is}`;
  return `=~^(${test.matches.map(m => (m.whole ? `${m.text}$` : m.text)).join('|')})`;
}

/** The check written again, for messages. */
export function show(check: Check): string {
  switch (check.kind) {
    case 'true':
      return '@';
    case 'false':
      return '!';
    case 'role':
      return `role:${check.role}`;
    case 'rule':
      return `rule:${check.name}`;
    case 'field':
      return `field:${check.resource}:${check.field}${showTest(check.test)}`;
    case 'cred':
      return `${check.path.join('.')}:${part(check.match)}`;
    case 'literal':
      return `'${check.value}':${part(check.match)}`;
    case 'not':
      return `not ${show(check.of)}`;
    case 'and':
    case 'or':
      return `(${check.of.map(show).join(` ${check.kind} `)})`;
  }
}
