// The history of the database's schema: the files of src/model/revisions, in their order.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Addition, Revision } from '../../model/kit/revision.ts';

export const historyFolder = join(import.meta.dirname, '../../model/revisions');

let read: readonly Revision[] | undefined;

export function history(): readonly Revision[] {
  read ??= readHistory(historyFolder);
  return read;
}

/** A chain that is broken was tampered with, or two people wrote a revision at once: then nobody can say what a database has. */
export function readHistory(folder: string): Revision[] {
  const out: Revision[] = [];
  for (const file of readdirSync(folder)
    .filter(name => name.endsWith('.json'))
    .sort()) {
    const name = file.slice(0, -'.json'.length);
    const { id, adds } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Omit<Revision, 'name'>;
    if (!name.startsWith(`${numbered(out.length + 1)}-`))
      throw new Error(`${file}: the next revision begins with ${numbered(out.length + 1)}`);
    if (id !== idOf(out.at(-1), adds))
      throw new Error(`${file}: its id is not that of its contents after ${out.at(-1)?.name ?? 'nothing'}`);
    out.push({ id, name, adds });
  }
  return out;
}

export function idOf(before: Revision | undefined, adds: readonly Addition[]): string {
  return createHash('sha256')
    .update(`${before?.id ?? ''}\n${JSON.stringify(adds)}`)
    .digest('hex')
    .slice(0, 12);
}

export const numbered = (n: number): string => String(n).padStart(4, '0');
