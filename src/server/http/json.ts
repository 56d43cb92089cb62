// Bodies as JSON. A long list is written in pieces, and others get their turn between them: one thread serves everybody.
import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { Texts } from '../printed.ts';

/** Lists of more objects than this are written in pieces of as many. */
const piece = 500;
/** What is printed already costs less. */
const printedPiece = 5000;

export function jsonBody(body: unknown): string | Uint8Array | Readable {
  if (isLong(body)) return Readable.from(pieces(body), { objectMode: false });
  return hasTexts(body) ? withTexts(body) : JSON.stringify(body);
}

type Body = Readonly<Record<string, unknown>>;

function isLong(body: unknown): body is Body {
  return (
    hasMembers(body) &&
    Object.values(body).some(v => (v instanceof Texts ? v.texts.length > printedPiece : Array.isArray(v) && v.length > piece))
  );
}

const hasMembers = (body: unknown): body is Body => typeof body === 'object' && body !== null;

const hasTexts = (body: unknown): body is Body => hasMembers(body) && Object.values(body).some(v => v instanceof Texts);

function withTexts(body: Body): Uint8Array {
  const parts: Uint8Array[] = [];
  let before = '{';
  for (const [key, value] of Object.entries(body)) {
    if (value === undefined) continue;
    parts.push(Buffer.from(`${before}${JSON.stringify(key)}:`));
    if (value instanceof Texts) parts.push(Buffer.from('['), ...joined(value.texts), Buffer.from(']'));
    else parts.push(Buffer.from(JSON.stringify(value)));
    before = ',';
  }
  return Buffer.concat([...parts, Buffer.from('}')]);
}

const comma = Buffer.from(',');

const joined = (texts: readonly Uint8Array[]): Uint8Array[] => texts.flatMap((text, i) => (i === 0 ? [text] : [comma, text]));

async function* pieces(body: Body): AsyncGenerator<string | Uint8Array> {
  let before = '{';
  for (const [key, value] of Object.entries(body)) {
    if (value === undefined) continue;
    yield `${before}${JSON.stringify(key)}:`;
    if (value instanceof Texts) yield* listPieces(value.texts, printedPiece, texts => Buffer.concat(joined(texts)));
    else if (Array.isArray(value)) yield* listPieces(value, piece, objects => JSON.stringify(objects).slice(1, -1));
    else yield JSON.stringify(value);
    before = ',';
  }
  yield before === '{' ? '{}' : '}';
}

async function* listPieces<T>(
  list: readonly T[],
  piece: number,
  print: (some: readonly T[]) => string | Uint8Array,
): AsyncGenerator<string | Uint8Array> {
  for (let from = 0; from === 0 || from < list.length; from += piece) {
    yield from === 0 ? '[' : ',';
    yield print(list.slice(from, from + piece));
    await turn();
  }
  yield ']';
}
