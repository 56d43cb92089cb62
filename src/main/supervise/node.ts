// How a process of Node.js is started that runs a program of ours.
import { join } from 'node:path';

export const nodeFlags: readonly string[] = ['--disable-warning=ExperimentalWarning'];
/** Bytes, and how many heaps for threads: the C library gives back what was freed. bin/weft says the same, for what is started by it. */
export const nodeEnv: Readonly<Record<string, string>> = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '1048576',
  MALLOC_TRIM_THRESHOLD_: '131072',
};
/** Runs the compiled form of a program where that is current. */
export const launcher = join(import.meta.dirname, '../../../bin/run.mjs');

/** `program`: the absolute path of a TypeScript file, and its arguments. */
export function nodeArgv(program: readonly string[]): string[] {
  return [process.execPath, ...nodeFlags, launcher, ...program];
}
