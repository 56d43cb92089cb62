// What /proc says of a process: is it there, and is it the one that is meant.
import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Netns } from '../../../contracts/host/netns.ts';

/** The command line; undefined when the process is gone, or a zombie that nobody has reaped yet. */
export async function commandLine(pid: number): Promise<readonly string[] | undefined> {
  const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  if (text === '') return undefined;
  return (text.endsWith('\0') ? text.slice(0, -1) : text).split('\0');
}

export async function readPid(pidFile: string): Promise<number | undefined> {
  const text = await readFile(pidFile, 'utf8').catch(() => '');
  const pid = /^\s*(\d{1,9})\s*$/m.exec(text)?.[1];
  return pid === undefined || Number(pid) < 2 ? undefined : Number(pid);
}

/** The same argument list, possibly behind an interpreter (`/usr/bin/python3 -u /path/of/argv0 …`), but no more behind `ip netns exec NS`. */
export function sameCommand(running: readonly string[], wanted: readonly string[]): boolean {
  const before = running.length - wanted.length;
  if (before < 0 || before > 2) return false;
  const tail = running.slice(before);
  return wanted.every((a, i) => tail[i] === a || (i === 0 && basename(tail[0] ?? '') === basename(a)));
}

export const sameProgram = (running: readonly string[], wanted: readonly string[]): boolean =>
  basename(running[0] ?? '') === basename(wanted[0] ?? '');

/** Whether the process lives in the namespace; undefined when that cannot be seen. */
export async function livesIn(pid: number, ns: Netns): Promise<boolean | undefined> {
  const paths = [`/proc/${pid}/ns/net`, ns === '' ? '/proc/self/ns/net' : `/run/netns/${ns}`];
  const [a, b] = await Promise.all(paths.map(p => stat(p).catch(() => undefined)));
  return a && b && a.ino === b.ino && a.dev === b.dev;
}

/** Sends a signal; false when there is no such process. */
export function kill(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
