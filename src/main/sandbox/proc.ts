// What /proc says of processes. A pid counts only together with its start time: pids are used again.
import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessId {
  readonly pid: number;
  /** Clock ticks after boot, field 22 of /proc/PID/stat. */
  readonly start: string;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** The fields of /proc/PID/stat behind the command name, which may hold spaces and parentheses itself; the first is the state. */
function stat(pid: number): string[] | undefined {
  const text = read(`/proc/${pid}/stat`);
  return text?.slice(text.lastIndexOf(')') + 2).split(' ');
}

export function processId(pid: number): ProcessId | undefined {
  const start = stat(pid)?.[19];
  return start === undefined ? undefined : { pid, start };
}

/** True while the process that was meant is there, and is more than a zombie. */
export function isAlive({ pid, start }: ProcessId): boolean {
  const fields = stat(pid);
  return fields?.[19] === start && fields[0] !== 'Z' && fields[0] !== 'X';
}

export function parentOf(pid: number): number | undefined {
  const parent = Number(stat(pid)?.[1]);
  return parent > 0 ? parent : undefined;
}

export function childrenOf(pid: number): number[] {
  const list = read(`/proc/${pid}/task/${pid}/children`);
  // The file is missing where the kernel was built without it.
  if (list === undefined) return pids().filter(other => parentOf(other) === pid);
  return list.split(' ').filter(Boolean).map(Number);
}

function pids(): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number);
}

/** The process's pids, from ours to the innermost pid namespace that it is in. */
function namespacePids(pid: number): number[] {
  const line = /^NSpid:\s+(.*)$/m.exec(read(`/proc/${pid}/status`) ?? '')?.[1];
  return line === undefined ? [] : line.split(/\s+/).map(Number);
}

/** Among the process and what it forked, the one that is process 1 of a pid namespace deeper than `outer` levels below ours. */
export function initBelow(pid: number, outer = 0): number | undefined {
  const own = namespacePids(pid);
  if (own.length === outer + 2 && own.at(-1) === 1) return pid;
  for (const child of childrenOf(pid)) {
    const found = initBelow(child, outer);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The last process in a chain of single children: what `nsenter` or `unshare --fork` was asked to run. */
export function innermost(pid: number): number {
  const child = childrenOf(pid)[0];
  return child === undefined ? pid : innermost(child);
}

/** The short name of what the process runs. */
export function commandOf(pid: number): string | undefined {
  return read(`/proc/${pid}/comm`)?.trim();
}
