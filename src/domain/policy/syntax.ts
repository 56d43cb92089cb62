// Tokens of a check string, cut exactly as oslo.policy cuts them: at blanks, then parentheses off both ends.

export interface Token {
  readonly type: '(' | ')' | 'and' | 'or' | 'not' | 'check' | 'string';
  readonly text: string;
  /** Offset in the check string. */
  readonly at: number;
}

/** A check string that cannot be understood. */
export class PolicySyntaxError extends Error {
  /** Offset in the check string, where one is known. */
  readonly position: number | undefined;
  constructor(message: string, position?: number) {
    super(message);
    this.name = 'PolicySyntaxError';
    this.position = position;
  }
}

const BLANK = new Set([' ', '\t', '\n', '\r', '\f', '\v']);

function* words(text: string): Generator<{ word: string; at: number }> {
  let start = -1;
  for (let i = 0; i <= text.length; i++) {
    const blank = i === text.length || BLANK.has(text[i]!);
    if (blank && start >= 0) {
      yield { word: text.slice(start, i), at: start };
      start = -1;
    } else if (!blank && start < 0) start = i;
  }
}

function inner(word: string, at: number): Token {
  const lowered = word.toLowerCase();
  if (lowered === 'and' || lowered === 'or' || lowered === 'not') return { type: lowered, text: word, at };
  const quote = word[0];
  const quoted = word.length >= 2 && (quote === '"' || quote === "'") && word.at(-1) === quote;
  return { type: quoted ? 'string' : 'check', text: quoted ? word.slice(1, -1) : word, at };
}

export function tokens(text: string): Token[] {
  const out: Token[] = [];
  for (const { word, at } of words(text)) {
    let first = 0;
    while (word[first] === '(') out.push({ type: '(', text: '(', at: at + first++ });
    let end = word.length;
    while (end > first && word[end - 1] === ')') end--;
    if (end > first) out.push(inner(word.slice(first, end), at + first));
    for (let i = end; i < word.length; i++) out.push({ type: ')', text: ')', at: at + i });
  }
  return out;
}
