// A policy file's text to rules, each with its place. JSON is read as the YAML that it is.
import { isMap, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import type { Override, Place, PolicyProblem } from '../../domain/policy/rules.ts';

export interface PolicyText {
  readonly overrides: readonly Override[];
  readonly problems: readonly PolicyProblem[];
}

export function readPolicyText(file: string, text: string): PolicyText {
  const lines = new LineCounter();
  // Two documents in one file are an error only where errors are told.
  const document = parseDocument<Node>(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const problem = (offset: number, message: string): PolicyProblem => ({ rule: 'the file', place: placeAt(offset), message });
  const wrong = [...document.errors, ...document.warnings].map(error => problem(error.pos[0], firstLine(error.message)));
  const root = document.contents;
  if (wrong.length > 0 || root === null || (isScalar(root) && root.value === null)) return { overrides: [], problems: wrong };
  if (!isMap<Node, Node | null>(root))
    return { overrides: [], problems: [problem(root.range?.[0] ?? 0, 'a mapping of names to checks is expected')] };
  const overrides: Override[] = [];
  const problems: PolicyProblem[] = [];
  for (const { key, value } of root.items) {
    const begin = key.range?.[0] ?? 0;
    const name = isScalar(key) ? key.value : undefined;
    if (typeof name !== 'string' || name === '') problems.push(problem(begin, 'the name of a rule is a text'));
    else overrides.push({ name, place: placeAt(begin), ...checkOf(value, value?.toJS(document), text, placeAt) });
  }
  return { overrides, problems };
}

const firstLine = (message: string): string => message.split('\n')[0]!.trim();

type Written = Pick<Override, 'check' | 'placeOf'>;

/** The value, and where its characters are as far as they stand in the file as they are. */
function checkOf(node: Node | null, value: unknown, text: string, placeAt: (offset: number) => Place): Written {
  const [begin = 0, end = begin] = node?.range ?? [];
  // `rule: !` is an empty text with a tag, and would allow everybody.
  if (node?.tag === '!' && text.slice(begin, end) === '') return { check: null };
  const at = typeof value === 'string' ? text.slice(begin, end).indexOf(value) : -1;
  return { check: value ?? null, placeOf: offset => placeAt(at < 0 ? begin : begin + at + offset) };
}
