// The policy files of an operator: one file and directories of more, which come after it in the order of their names. They are looked at
// again every few seconds; a change is told by their times and sizes.
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Override, PolicyProblem } from '../../domain/policy/rules.ts';

export interface PolicyPlaces {
  /** `policy_file`, which has to be there; or several of which the first that is there counts, if any is. */
  readonly file: string | readonly string[];
  /** `policy_dirs`; those that are not there do not count. */
  readonly dirs: readonly string[];
}

export interface PolicyFilesRead {
  readonly files: readonly string[];
  readonly overrides: readonly Override[];
  readonly problems: readonly PolicyProblem[];
}

export async function readPolicyFiles(places: PolicyPlaces): Promise<PolicyFilesRead> {
  const files: string[] = [];
  const overrides: Override[] = [];
  const problems: PolicyProblem[] = [];
  for (const file of await filesOf(places)) {
    const text = await contents(file);
    if (typeof text === 'string') {
      // Most clouds have no such file, and the reader is large.
      const read = (await import('./read.ts')).readPolicyText(file, text);
      files.push(file);
      overrides.push(...read.overrides);
      problems.push(...read.problems);
    } else if (text.code !== 'ENOENT' || file === places.file)
      problems.push({ rule: 'the file', place: { file, line: 1, column: 1 }, message: reason(text) });
  }
  return { files, overrides, problems };
}

async function filesOf({ file, dirs }: PolicyPlaces): Promise<string[]> {
  const more = await Promise.all(dirs.map(filesIn));
  return [...(typeof file === 'string' ? [file] : await firstOf(file)), ...more.flat()];
}

async function firstOf(files: readonly string[]): Promise<string[]> {
  for (const file of files) {
    try {
      await stat(file);
      return [file];
    } catch {
      // The next one, then.
    }
  }
  return [];
}

/** Hidden files, subdirectories, and what editors leave behind do not count. */
async function filesIn(dir: string): Promise<string[]> {
  try {
    const entries = await readdir(dir, { withFileTypes: true });
    return entries
      .filter(e => !e.isDirectory() && !e.name.startsWith('.') && !e.name.endsWith('~'))
      .map(e => join(dir, e.name))
      .toSorted();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error))) return [];
    throw error;
  }
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? '';

async function contents(file: string): Promise<string | NodeJS.ErrnoException> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}

function reason(error: NodeJS.ErrnoException): string {
  const words: Readonly<Record<string, string>> = {
    ENOENT: 'it is not there',
    EACCES: 'it may not be read',
    EISDIR: 'it is a directory; policy_dirs takes those',
  };
  return words[error.code ?? ''] ?? error.message;
}

/** What changes whenever one of the files does. */
async function fingerprint(places: PolicyPlaces): Promise<string> {
  const files = await filesOf(places);
  const facts = await Promise.all(
    files.map(async file => {
      const s = await stat(file, { bigint: true }).catch(() => undefined);
      return `${basename(file)} ${s ? `${s.ino} ${s.size} ${s.mtimeNs}` : ''}`;
    }),
  );
  return facts.join('\n');
}

const lookEveryMs = 2000;

/** Calls `changed` after each change, until disposed; one call at a time. */
export async function watchPolicyFiles(
  places: PolicyPlaces,
  changed: () => Promise<void>,
  everyMs = lookEveryMs,
): Promise<AsyncDisposable> {
  let known = await fingerprint(places);
  let running: Promise<void> = Promise.resolve();
  const look = async (): Promise<void> => {
    const now = await fingerprint(places).catch(() => known);
    if (now === known) return;
    known = now;
    await changed();
  };
  let busy = false;
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    running = look().finally(() => {
      busy = false;
    });
  }, everyMs);
  timer.unref();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await running;
    },
  };
}
