// The part of nft's script language that the simulator understands, as statements with the blocks that they open.

export class NftError extends Error {
  readonly line: number;
  constructor(line: number, reason: string) {
    super(reason);
    this.line = line;
  }
}

interface Token {
  readonly text: string;
  readonly line: number;
}

/** Words up to a separator; `{` and `}` of sets among them, as words. */
export interface Statement {
  readonly line: number;
  readonly words: readonly string[];
  /** The statements of the block that it opens, if any. */
  readonly block?: readonly Statement[];
}

const END = ';';

function tokens(script: string): Token[] {
  const out: Token[] = [];
  const pattern = /@[a-z]+,\d+,\d+|\\\n|#[^\n]*|"[^"\n]*"|[{},;\n]|[^\s{},;"#]+/g;
  let line = 1;
  let at = 0;
  for (const match of script.matchAll(pattern)) {
    line += countLines(script, at, match.index);
    at = match.index;
    const [text] = match;
    if (text === '\n' || text === ';') out.push({ text: END, line });
    else if (!text.startsWith('#') && !text.startsWith('\\')) out.push({ text, line });
  }
  return out;
}

function countLines(text: string, from: number, to: number): number {
  let n = 0;
  for (let i = from; i < to; i++) if (text[i] === '\n') n++;
  return n;
}

/** Words whose brace opens a block of statements rather than a set of elements. */
const OPENS = new Set(['table', 'chain', 'set', 'map']);

export function parseScript(script: string): Statement[] {
  const all = tokens(script);
  const reader = { all, at: 0 };
  const statements = readBlock(reader, false);
  return statements;
}

interface Reader {
  readonly all: readonly Token[];
  at: number;
}

function readBlock(r: Reader, inside: boolean): Statement[] {
  const out: Statement[] = [];
  for (;;) {
    while (r.all[r.at]?.text === END) r.at++;
    const token = r.all[r.at];
    const last = r.all.at(-1)?.line ?? 1;
    if (!token) {
      if (inside) throw new NftError(last, 'syntax error, unexpected end of file');
      return out;
    }
    if (token.text === '}') {
      if (!inside) throw new NftError(token.line, "syntax error, unexpected '}'");
      r.at++;
      return out;
    }
    out.push(readStatement(r));
  }
}

function readStatement(r: Reader): Statement {
  const line = r.all[r.at]?.line ?? 1;
  const words: string[] = [];
  let depth = 0;
  for (;;) {
    const token = r.all[r.at];
    if (!token) return finish(line, words, depth);
    if (token.text === '{' && depth === 0 && opensBlock(words)) {
      r.at++;
      return { line, words, block: readBlock(r, true) };
    }
    if (token.text === END && depth === 0) return finish(line, words, depth);
    if (token.text === '}' && depth === 0) {
      // only the elements of a set may end a block without a separator
      if (words[0] !== 'elements') throw new NftError(token.line, "syntax error, unexpected '}', expecting newline or semicolon");
      return finish(line, words, depth);
    }
    depth += token.text === '{' ? 1 : token.text === '}' ? -1 : 0;
    if (token.text !== END) words.push(token.text);
    r.at++;
  }
}

function finish(line: number, words: readonly string[], depth: number): Statement {
  if (depth > 0) throw new NftError(line, 'syntax error, unexpected end of file');
  return { line, words };
}

function opensBlock(words: readonly string[]): boolean {
  const bare = words[0] === 'add' || words[0] === 'create' ? words.slice(1) : words;
  return OPENS.has(bare[0] ?? '') && !bare.includes('=');
}

/** Words as nft prints them: blanks between, none before a comma. */
export const print = (words: readonly string[]): string => words.join(' ').replaceAll(' ,', ',');

/** The elements between the braces, each as its words. */
export function elements(words: readonly string[]): string[][] {
  const inner = words.slice(words.indexOf('{') + 1, words.lastIndexOf('}'));
  const out: string[][] = [[]];
  for (const w of inner) {
    if (w === ',') out.push([]);
    else out.at(-1)?.push(w);
  }
  return out.filter(e => e.length > 0);
}
