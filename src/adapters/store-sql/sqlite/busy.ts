// Another process holds the lock: wait without holding up this one.
import { setTimeout as sleep } from 'node:timers/promises';

/** SQLITE_BUSY and SQLITE_LOCKED with all their extended codes. */
export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error) & 0xff;
  return code === 5 || code === 6;
}

/** SQLite's result code of an error, 0 for an error of another kind. */
export function sqliteCode(error: unknown): number {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  return typeof code === 'number' ? code : 0;
}

/** Thrown when another process held the lock for all of the patience. */
export class StoreBusy extends Error {
  constructor(ms: number, cause: unknown) {
    super(`store: the database was locked by another process for ${Math.round(ms)} ms`, { cause });
    this.name = 'StoreBusy';
  }
}

/** Runs a synchronous piece of work, again and again while the database is locked, with small jittered sleeps between. */
export async function whileBusy<T>(work: () => T, patienceMs: number): Promise<T> {
  const since = performance.now();
  for (let attempt = 0; ; attempt++) {
    try {
      return work();
    } catch (error) {
      if (!isBusy(error)) throw error;
      if (performance.now() - since >= patienceMs) throw new StoreBusy(performance.now() - since, error);
    }
    // Long enough not to spin, short enough to win a lock that is free for a moment only.
    await sleep(1 + Math.random() * Math.min(10, 2 + attempt));
  }
}
