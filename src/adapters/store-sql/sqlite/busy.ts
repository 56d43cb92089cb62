// Another process holds the lock: wait without holding up this one.
import { setTimeout as sleep } from 'node:timers/promises';
import { StoreBusy } from '../../../contracts/store.ts';

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

/** Runs a synchronous piece of work, again and again while the database is locked, with small jittered sleeps between. */
export async function whileBusy<T>(work: () => T, patienceMs: number): Promise<T> {
  const since = performance.now();
  for (let attempt = 0; ; attempt++) {
    try {
      return work();
    } catch (error) {
      if (!isBusy(error)) throw error;
      if (performance.now() - since >= patienceMs) {
        const ms = Math.round(performance.now() - since);
        throw new StoreBusy(`the database was locked by another process for ${ms} ms`, error);
      }
    }
    // Long enough not to spin, short enough to win a lock that is free for a moment only.
    await sleep(1 + Math.random() * Math.min(10, 2 + attempt));
  }
}

/** The same, and at once where the database is not locked: nobody waits for a turn of the event loop then. */
export function unlessBusy<T>(work: () => T, patienceMs: number): T | Promise<T> {
  try {
    return work();
  } catch (error) {
    if (!isBusy(error)) throw error;
    return whileBusy(work, patienceMs);
  }
}
