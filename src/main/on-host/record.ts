// What was on the machine before us, kept until everything of ours is gone again.
import { readFileSync, writeFileSync } from 'node:fs';
import type { Machine } from './look.ts';

export interface Record {
  readonly before: Machine;
  /** Processes that were told to read a file in it are our agents. */
  readonly runFolder: string;
}

/** Undefined when there is none; throws when there is one that cannot be read. */
export function readRecord(path: string): Record | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return JSON.parse(text) as Record;
}

export function writeRecord(path: string, record: Record): void {
  writeFileSync(path, `${JSON.stringify(record)}\n`, { mode: 0o600, flush: true });
}
