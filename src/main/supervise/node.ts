// How a process of Node.js is started that runs a program of ours.
import { join } from 'node:path';

export const nodeFlags: readonly string[] = ['--disable-warning=ExperimentalWarning'];
/** Runs the compiled form of a program where that is current. */
export const launcher = join(import.meta.dirname, '../../../bin/run.mjs');

/** `program`: the absolute path of a TypeScript file, and its arguments. */
export function nodeArgv(program: readonly string[]): string[] {
  return [process.execPath, ...nodeFlags, launcher, ...program];
}
