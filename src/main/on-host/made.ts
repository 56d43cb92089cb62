// Written before the act: namespaces that we make, and taps of others that are given to us under another name. One line each.
import { appendFileSync, closeSync, fsyncSync, openSync, readFileSync } from 'node:fs';

/** How our things are told from those of others: an alias of links that only we give, and the file of the namespaces that we made. */
export interface Owner {
  readonly mark: string;
  readonly namespaces: string;
}

export interface Plugged {
  readonly tap: string;
  /** What it was called before. */
  readonly was: string;
}

function note(path: string, line: string): void {
  const file = openSync(path, 'a', 0o600);
  try {
    appendFileSync(file, `${line}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** A last line without an end was cut off before its act. */
function noted(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').slice(0, -1);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

export const noteNamespace = (path: string, name: string): void => note(path, name);
export const notedNamespaces = (path: string): ReadonlySet<string> => new Set(noted(path));

export const notePlugged = (path: string, { tap, was }: Plugged): void => note(path, `${tap} ${was}`);
export function notedPlugged(path: string): Plugged[] {
  const latest = new Map(
    noted(path)
      .map(line => line.split(' '))
      .map(([tap = '', was = '']) => [tap, was]),
  );
  return [...latest].map(([tap, was]) => ({ tap, was }));
}
