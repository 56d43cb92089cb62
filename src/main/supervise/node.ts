// How a process of Node.js is started that runs a program of ours.
import { join } from 'node:path';

export const nodeFlags: readonly string[] = ['--disable-warning=ExperimentalWarning'];
/** Bytes, and how many heaps for threads: the C library gives back what was freed. bin/weft says the same, for what is started by it. */
export const nodeEnv: Readonly<Record<string, string>> = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '1048576',
  MALLOC_TRIM_THRESHOLD_: '131072',
};

/** Of this process, which has its allocator by now: what is started that is none of ours, a dnsmasq or the command of a user, has what it would have without us. */
export function keepAllocator(env: NodeJS.ProcessEnv = process.env): void {
  for (const [name, value] of Object.entries(nodeEnv)) if (env[name] === value) delete env[name];
}

/** Runs the compiled form of a program where that is current. */
export const launcher = join(import.meta.dirname, '../../../bin/run.mjs');

/** `program`: the absolute path of a TypeScript file, and its arguments. */
export function nodeArgv(program: readonly string[]): string[] {
  const allocator = Object.entries(nodeEnv).filter(([name]) => process.env[name] === undefined);
  return ['env', ...allocator.map(([name, value]) => `${name}=${value}`), process.execPath, ...nodeFlags, launcher, ...program];
}
