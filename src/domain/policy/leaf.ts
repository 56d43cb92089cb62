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

/** A text with at most one `%(name)s`; `%%` is a percent sign. */
function parsePart(match: string, at: number): Part {
  const pieces = match.split(/(%%|%\([^()%]+\)s)/);
  const names = pieces.flatMap((piece, i) => (piece.startsWith('%(') && i % 2 === 1 ? [i] : []));
  const stray = pieces.findIndex((piece, i) => i % 2 === 0 && piece.includes('%'));
  if (stray >= 0) throw new PolicySyntaxError(`'${match}' has a % that is neither %(attribute)s nor %%`, at);
  if (names.length > 1) throw new PolicySyntaxError(`'${match}' names ${names.length} attributes; one is supported`, at);
  const text = (from: number, to: number): string => pieces.slice(from, to).join('').replaceAll('%%', '%');
  const [name] = names;
  if (name === undefined) return { text: text(0, pieces.length) };
  const [before, after] = [text(0, name), text(name + 1, pieces.length)];
  return { name: pieces[name]!.slice(2, -2), ...(before ? { before } : {}), ...(after ? { after } : {}) };
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
  return 'name' in part ? { ...part, name: targetName(part.name) } : part;
}

/** A Python literal as text: 'x', "x", True, False, None, an integer. */
function literalOf(kind: string, at: number): string | undefined {
  const quote = kind[0];
  if (quote === "'" || quote === '"') {
    const inside = kind.slice(1, -1);
    if (kind.length >= 2 && kind.at(-1) === quote && !inside.includes(quote) && !inside.includes('\\')) return inside;
    throw new PolicySyntaxError(`${kind} is no literal: 'text' or "text" without quotes or backslashes inside is expected`, at);
  }
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
  const literal = literalOf(kind, at);
  if (literal !== undefined) return { kind: 'literal', value: literal, match: part };
  return { kind: 'cred', path: isProject(kind) ? ['project_id'] : kind.split('.'), match: part };
}
