// Single checks: `kind:match` to a leaf of the tree.
import type { Check, FieldTest, Part } from './check.ts';
import { PolicySyntaxError } from './syntax.ts';

/** Characters that mean something in a regular expression; only `^`, `$`, `|`, one group and a final `.*` are taken. */
const SPECIAL = new Set('.*+?[]{}()|^$\\');

function literalText(pattern: string, at: number): string {
  let out = '';
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i]!;
    if (c === '\\') {
      const next = pattern[++i];
      // \d, \w, \b and the like are classes, not characters.
      if (next === undefined || /[A-Za-z0-9]/.test(next)) throw unsupported(pattern, at);
      out += next;
    } else if (SPECIAL.has(c)) throw unsupported(pattern, at);
    else out += c;
  }
  return out;
}

function unsupported(pattern: string, at: number): PolicySyntaxError {
  const forms = '^text, ^text$, ^text.*, ^(one|two)rest';
  return new PolicySyntaxError(`the regular expression '${pattern}' is not supported: only literal forms are (${forms})`, at);
}

/**
 * The safe subset of regular expressions: literal alternatives, anchored at the start as Python's `match` is. No matching that backtracks
 * ever happens.
 */
export function parsePattern(pattern: string, at: number): FieldTest {
  const body = pattern.startsWith('^') ? pattern.slice(1) : pattern;
  const open = body.indexOf('(');
  const close = body.indexOf(')');
  if (open < 0) return { matches: body.split('|').map(b => alternative(b.startsWith('^') ? b.slice(1) : b, at)) };
  if (close < open || body.slice(close + 1).includes('|') || body.slice(0, open).includes('|')) throw unsupported(pattern, at);
  const before = body.slice(0, open);
  const after = body.slice(close + 1);
  const group = body.slice(open + 1, close).replace(/^\?:/, '');
  return { matches: group.split('|').map(one => alternative(before + one + after, at)) };
}

function alternative(pattern: string, at: number): { text: string; whole: boolean } {
  if (pattern.endsWith('$') && !pattern.endsWith('\\$')) return { text: literalText(pattern.slice(0, -1), at), whole: true };
  const open = pattern.endsWith('.*') && !pattern.endsWith('\\.*') ? pattern.slice(0, -2) : pattern;
  return { text: literalText(open, at), whole: false };
}

function parseField(match: string, at: number): Check {
  const colon = match.indexOf(':');
  const equals = match.indexOf('=', colon + 1);
  if (colon < 1 || equals < colon + 2) throw new PolicySyntaxError(`field:${match} is not of the form field:RESOURCE:ATTRIBUTE=VALUE`, at);
  const value = match.slice(equals + 1);
  const test: FieldTest = value.startsWith('~') ? parsePattern(value.slice(1), at) : { is: value };
  return { kind: 'field', resource: match.slice(0, colon), field: match.slice(colon + 1, equals), test };
}

/** A constant or exactly one `%(name)s`. */
function parsePart(match: string, at: number): Part {
  if (!match.includes('%')) return { text: match };
  if (match.startsWith('%(') && match.endsWith(')s') && match.indexOf('%', 1) < 0 && match.length > 4) {
    return { name: match.slice(2, -2) };
  }
  throw new PolicySyntaxError(`'${match}' mixes text and %(attribute)s; one of the two is supported`, at);
}

const isProject = (name: string): boolean => name === 'project_id' || name === 'tenant_id';

/** `network_tenant_id` is an old spelling of `network:tenant_id`; tenant_id is project_id everywhere. */
function targetName(name: string): string {
  if (isProject(name)) return 'project_id';
  for (const suffix of ['tenant_id', 'project_id']) {
    const parent = name.slice(0, -suffix.length - 1);
    if (parent && (name === `${parent}:${suffix}` || name === `${parent}_${suffix}`)) return `${parent}:project_id`;
  }
  return name;
}

function normalized(part: Part): Part {
  return 'name' in part ? { name: targetName(part.name) } : part;
}

/** A Python literal as text: 'x', "x", True, False, None, an integer. */
function literalOf(kind: string): string | undefined {
  const quote = kind[0];
  if (kind.length >= 2 && (quote === "'" || quote === '"') && kind.at(-1) === quote) return kind.slice(1, -1);
  return /^(?:True|False|None|-?(?:0|[1-9][0-9]{0,18}))$/.test(kind) ? kind : undefined;
}

export function parseLeaf(text: string, at: number): Check {
  if (text === '@') return { kind: 'true' };
  if (text === '!') return { kind: 'false' };
  const colon = text.indexOf(':');
  if (colon < 1) throw new PolicySyntaxError(`'${text}' is no check: KIND:MATCH, @, ! or a parenthesis is expected`, at);
  const kind = text.slice(0, colon);
  const match = text.slice(colon + 1);
  if (kind === 'rule') return { kind: 'rule', name: match };
  if (kind === 'field') return parseField(match, at + colon + 1);
  if (kind === 'http' || kind === 'https') throw new PolicySyntaxError(`remote checks (${kind}:) are not supported`, at);
  const part = normalized(parsePart(match, at + colon + 1));
  if (kind === 'role') {
    if ('name' in part) throw new PolicySyntaxError('a role cannot come from the target', at);
    return { kind: 'role', role: part.text };
  }
  const literal = literalOf(kind);
  if (literal !== undefined) return { kind: 'literal', value: literal, match: part };
  return { kind: 'cred', path: isProject(kind) ? ['project_id'] : kind.split('.'), match: part };
}
