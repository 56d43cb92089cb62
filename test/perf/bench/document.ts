// A part of a document that a program writes, between marks; everything else of it stays.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const marks = (name: string) => [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`] as const;

/** Throws where the marks are not there, once each and in order. */
export function withSection(document: string, name: string, text: string): string {
  const [begin, end] = marks(name);
  const [before, rest, ...more] = document.split(begin);
  const [, behind, ...evenMore] = (rest ?? '').split(end);
  if (before === undefined || behind === undefined || more.length + evenMore.length > 0)
    throw new Error(`there is not one pair of the marks ${begin} and ${end}`);
  return `${before}${begin}\n\n${text.trim()}\n\n${end}${behind}`;
}

/** A file that is not there is made. */
export function writeSection(path: string, name: string, text: string): void {
  const document = existsSync(path) ? readFileSync(path, 'utf8') : `${marks(name).join('\n')}\n`;
  writeFileSync(path, withSection(document, name, text));
}

/** Throws what writing would, before there is anything to write. */
export function checkSection(path: string, name: string): void {
  if (existsSync(path)) withSection(readFileSync(path, 'utf8'), name, '');
}
