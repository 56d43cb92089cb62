// Bodies as JSON. A long list is written in pieces, and others get their turn between them: one thread serves everybody.
import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { Texts } from '../printed.ts';

/** Lists of more objects than this are written in pieces of as many. */
const piece = 500;
/** What is printed already costs less. */
const printedPiece = 5000;

/** One member at most is printed already. */
export function jsonBody(body: unknown): string | Uint8Array | Readable {
  if (!hasMembers(body)) return JSON.stringify(body);
  const members = Object.entries(body).filter(([, value]) => value !== undefined);
  if (members.some(([, value]) => isLong(value))) return Readable.from(pieces(members), { objectMode: false });
  const at = members.findIndex(([, value]) => value instanceof Texts);
  return at < 0 ? JSON.stringify(body) : around(members, at);
}

type Member = readonly [key: string, value: unknown];

const hasMembers = (body: unknown): body is object => typeof body === 'object' && body !== null && !Array.isArray(body);

const isLong = (value: unknown): boolean =>
  value instanceof Texts ? value.length > printedPiece : Array.isArray(value) && value.length > piece;

function around(members: readonly Member[], at: number): Uint8Array {
  const text = ([key, value]: Member): string => `${JSON.stringify(key)}:${JSON.stringify(value)}`;
  const [key, texts] = members[at] as readonly [string, Texts];
  const before = [...members.slice(0, at).map(text), `${JSON.stringify(key)}:`].join(',');
  const after = members.slice(at + 1).map(member => `,${text(member)}`);
  return texts.within(`{${before}`, `${after.join('')}}`);
}

async function* pieces(members: readonly Member[]): AsyncGenerator<string | Uint8Array> {
  let before = '{';
  for (const [key, value] of members) {
    yield `${before}${JSON.stringify(key)}:`;
    if (value instanceof Texts) yield* listOf(value.pieces(printedPiece));
    else if (Array.isArray(value)) yield* listOf(printed(value));
    else yield JSON.stringify(value);
    before = ',';
  }
  yield before === '{' ? '{}' : '}';
}

function* printed(list: readonly unknown[]): Generator<string> {
  for (let from = 0; from < list.length; from += piece) yield JSON.stringify(list.slice(from, from + piece)).slice(1, -1);
}

async function* listOf(pieces: Iterable<string | Uint8Array>): AsyncGenerator<string | Uint8Array> {
  let before = '[';
  for (const each of pieces) {
    yield before;
    yield each;
    before = ',';
    await turn();
  }
  yield before === '[' ? '[]' : ']';
}
