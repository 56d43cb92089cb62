// What has been done of a move, in a file on the host: written after each step, so that whoever comes later goes on, or back.
import type { Files } from '../../contracts/host/files.ts';
import type { Move } from '../desired/migrate/move.ts';
import { MoveStopped } from './doors.ts';

export interface Journal {
  readonly version: 1;
  readonly way: 'forward' | 'back';
  /** Names of the steps of this way that are done. */
  readonly done: readonly string[];
  /** No Linux bridge is left, nor a filter of one: a way back leaves taps to the agent. */
  readonly cleaned: boolean;
  readonly finished: boolean;
  readonly move: Move;
}

export const begun = (move: Move): Journal => ({ version: 1, way: 'forward', done: [], cleaned: false, finished: false, move });

export async function readJournal(files: Files, path: string): Promise<Journal | undefined> {
  const text = await files.read(path);
  if (text === undefined) return undefined;
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    found = undefined;
  }
  if (typeof found === 'object' && found !== null && (found as Journal).version === 1) return found as Journal;
  throw new MoveStopped(`${path} is no journal of a move that this version can read`);
}

export async function writeJournal(files: Files, path: string, journal: Journal): Promise<void> {
  await files.write(path, `${JSON.stringify(journal, undefined, 2)}\n`, 0o600);
}
