// One `up` per state directory: a lock file that names the process which holds it, worthless once that process is gone.
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { isAlive, type ProcessId, processId } from '../sandbox/proc.ts';

export interface LockInfo extends ProcessId {
  /** ADDR:PORT of the API. */
  readonly listen: string;
  /** ISO 8601 UTC. */
  readonly since: string;
}

export class Locked extends Error {
  readonly holder: LockInfo;
  constructor(path: string, holder: LockInfo) {
    super(`already running: process ${holder.pid}, API on ${holder.listen}, since ${holder.since} (${path})`);
    this.name = 'Locked';
    this.holder = holder;
  }
}

/** Who holds the lock now, if anybody who lives does. */
export function lockHolder(path: string): LockInfo | undefined {
  let info: LockInfo;
  try {
    info = JSON.parse(readFileSync(path, 'utf8')) as LockInfo;
  } catch {
    return undefined;
  }
  return isAlive(info) ? info : undefined;
}

/** Throws Locked when a living process holds the lock. */
export function takeLock(path: string, listen: string, now: Date): Disposable {
  const self = processId(process.pid);
  if (!self) throw new Error('cannot read /proc: is it mounted?');
  const mine = `${path}.${process.pid}`;
  const info: LockInfo = { ...self, listen, since: now.toISOString() };
  writeFileSync(mine, `${JSON.stringify(info)}\n`, { mode: 0o600 });
  try {
    // The second try comes after a stale lock was moved away; a third means that others are as eager as we are.
    for (let tries = 0; tries < 3; tries++) {
      if (linkAs(mine, path)) return { [Symbol.dispose]: () => release(path, info) };
      const holder = lockHolder(path);
      if (holder) throw new Locked(path, holder);
      moveStaleAway(path);
    }
    throw new Error(`cannot take ${path}: another process takes it at the same time`);
  } finally {
    rmSync(mine, { force: true });
  }
}

function linkAs(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Between our look and our move somebody else may have taken the lock anew: then it is put back. */
function moveStaleAway(path: string): void {
  const aside = `${path}.stale.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  if (lockHolder(aside)) linkAs(aside, path);
  rmSync(aside, { force: true });
}

function release(path: string, info: LockInfo): void {
  const holder = lockHolder(path);
  if (holder?.pid === info.pid && holder.start === info.start) rmSync(path, { force: true });
}
