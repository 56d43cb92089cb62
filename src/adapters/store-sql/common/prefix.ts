// A prefix as a range of texts, so that an index serves it.
import type { SqlValue } from './dialect.ts';

/** The least text that is greater than every text with this prefix, in order of code points (UTF-8 bytes compare alike). */
export function afterPrefix(prefix: string): string | undefined {
  const points = Array.from(prefix, char => char.codePointAt(0)!);
  while (points.at(-1) === 0x10ffff) points.pop();
  const last = points.pop();
  if (last === undefined) return undefined;
  // Surrogates are no characters: the one after U+D7FF is U+E000.
  points.push(last === 0xd7ff ? 0xe000 : last + 1);
  return String.fromCodePoint(...points);
}

export function startsWith(column: string, text: string, binds: SqlValue[]): string {
  // A lone surrogate is stored as U+FFFD.
  const prefix = text.toWellFormed();
  const end = afterPrefix(prefix);
  if (end === undefined) {
    binds.push(prefix);
    return `${column} >= ?`;
  }
  binds.push(prefix, end);
  return `(${column} >= ? AND ${column} < ?)`;
}
