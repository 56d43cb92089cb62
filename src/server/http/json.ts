// Bodies as JSON. A long list is written in pieces, and others get their turn between them: one thread serves everybody.
import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';

/** Lists of more objects than this are written in pieces of as many. */
const piece = 500;

export function jsonBody(body: unknown): string | Readable {
  return isLong(body) ? Readable.from(pieces(body), { objectMode: false }) : JSON.stringify(body);
}

type Body = Readonly<Record<string, unknown>>;

function isLong(body: unknown): body is Body {
  return typeof body === 'object' && body !== null && Object.values(body).some(v => Array.isArray(v) && v.length > piece);
}

async function* pieces(body: Body): AsyncGenerator<string> {
  let before = '{';
  for (const [key, value] of Object.entries(body)) {
    if (value === undefined) continue;
    yield `${before}${JSON.stringify(key)}:`;
    if (Array.isArray(value)) yield* listPieces(value);
    else yield JSON.stringify(value);
    before = ',';
  }
  yield before === '{' ? '{}' : '}';
}

async function* listPieces(list: readonly unknown[]): AsyncGenerator<string> {
  for (let from = 0; from === 0 || from < list.length; from += piece) {
    const text = JSON.stringify(list.slice(from, from + piece)).slice(1, -1);
    yield `${from === 0 ? '[' : ','}${text}`;
    await turn();
  }
  yield ']';
}
