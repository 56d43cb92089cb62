// What processes have spent and hold: read from /proc, for a server's tree of processes.
import { readdirSync, readFileSync } from 'node:fs';

interface Stat {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  /** Of its own and of its children that ended, in ms. */
  readonly cpuMs: number;
}

function stats(): Stat[] {
  return readdirSync('/proc').flatMap(name => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const text = readFileSync(`/proc/${name}/stat`, 'latin1');
      const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
      const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
      return [{ pid: Number(name), parent: Number(fields[1]), group: Number(fields[2]), cpuMs: ticks * 10 }];
    } catch {
      return [];
    }
  });
}

/** Those, and all below them or in their process groups. */
function family(roots: readonly number[]): Stat[] {
  const all = stats();
  const members = new Set(roots);
  for (let before = -1; before !== members.size; ) {
    before = members.size;
    for (const { pid, parent, group } of all) if (members.has(parent) || roots.includes(group)) members.add(pid);
  }
  return all.filter(({ pid }) => members.has(pid));
}

export const pidsOf = (roots: readonly number[]): number[] => family(roots).map(({ pid }) => pid);

/** One that has ended and that nobody has buried yet is not. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
  } catch {
    return false;
  }
}

export const cpuMsOf = (roots: readonly number[]): number => family(roots).reduce((sum, { cpuMs }) => sum + cpuMs, 0);

/** Proportional set size, in MiB: memory that is shared counts by its share. */
export const pssMib = (roots: readonly number[]): number => family(roots).reduce((sum, { pid }) => sum + ownPssMib(pid), 0);

/** Of that process alone; 0 when it has ended. */
export function ownPssMib(pid: number): number {
  try {
    return Number(/^Pss: +(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}
