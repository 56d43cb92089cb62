// Check strings to trees: `not` binds tighter than `and`, `and` tighter than `or`; an empty string always holds.
import { type Check, FALSE, TRUE } from './check.ts';
import { parseLeaf } from './leaf.ts';
import { PolicySyntaxError, type Token, tokens } from './syntax.ts';

const DEEPEST = 64;

class Reader {
  private readonly list: readonly Token[];
  private readonly end: number;
  private next = 0;

  constructor(text: string) {
    this.list = tokens(text);
    this.end = text.length;
  }

  peek(): Token | undefined {
    return this.list[this.next];
  }

  take(): Token | undefined {
    return this.list[this.next++];
  }

  fail(what: string): PolicySyntaxError {
    const token = this.peek();
    return new PolicySyntaxError(token ? `${what}, not '${token.text}'` : `${what}, not the end`, token?.at ?? this.end);
  }

  /** One or more operands with `and` or `or` between them. */
  chain(word: 'or' | 'and', operand: (depth: number) => Check, depth: number): Check {
    const first = operand(depth);
    if (this.peek()?.type !== word) return first;
    const of = [first];
    while (this.peek()?.type === word) {
      this.take();
      of.push(operand(depth));
    }
    return { kind: word, of };
  }

  readonly or = (depth: number): Check => this.chain('or', this.and, depth);
  readonly and = (depth: number): Check => this.chain('and', this.not, depth);

  readonly not = (depth: number): Check => {
    if (depth > DEEPEST) throw this.fail(`at most ${DEEPEST} levels are taken`);
    if (this.peek()?.type !== 'not') return this.atom(depth);
    this.take();
    return { kind: 'not', of: this.not(depth + 1) };
  };

  private atom(depth: number): Check {
    const token = this.peek();
    if (token?.type === 'check') {
      this.take();
      return parseLeaf(token.text, token.at);
    }
    if (token?.type !== '(') throw this.fail('a check is expected');
    this.take();
    const inside = this.or(depth + 1);
    if (this.peek()?.type !== ')') throw this.fail("'and', 'or' or ')' is expected");
    this.take();
    return inside;
  }
}

/** Throws PolicySyntaxError with the position. */
export function parseCheck(text: string): Check {
  const reader = new Reader(text);
  if (!reader.peek()) return TRUE;
  const check = reader.or(0);
  if (reader.peek()) throw reader.fail("'and', 'or' or the end is expected");
  return check;
}

/** The older form: a list of lists of single checks, joined by `or` outside and `and` inside. Empty inner lists do not count. */
function parseList(list: readonly unknown[]): Check {
  if (list.length === 0) return TRUE;
  const of = list.map(inner => leaves(typeof inner === 'string' && inner !== '' ? [inner] : inner)).filter(and => and.length > 0);
  const ors = of.map<Check>(and => (and.length === 1 ? and[0]! : { kind: 'and', of: and }));
  return ors.length === 0 ? FALSE : ors.length === 1 ? ors[0]! : { kind: 'or', of: ors };
}

function leaves(inner: unknown): Check[] {
  if (inner === '') return [];
  if (!Array.isArray(inner)) throw new PolicySyntaxError('a list of checks has texts, or lists of texts, in it');
  return inner.map(leaf => {
    if (typeof leaf !== 'string') throw new PolicySyntaxError('a list of checks has texts, or lists of texts, in it');
    return parseLeaf(leaf, 0);
  });
}

/** What a policy file has for a rule: a check, or the older list of lists. */
export function parseRule(value: unknown): Check {
  if (typeof value === 'string') return parseCheck(value);
  if (Array.isArray(value)) return parseList(value);
  throw new PolicySyntaxError(`a check is a text (or a list of lists), not ${typeName(value)}; "" or "@" always holds, "!" never does`);
}

function typeName(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  return typeof value === 'object' ? 'a mapping' : `the ${typeof value} ${String(value)}`;
}
