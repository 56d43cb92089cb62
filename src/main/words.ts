// What goes wrong when a server starts, as it is told to a person.
import { Failure } from '../cli/verb.ts';

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Errors that a person can do something about are told without a stack. */
export function inUsersWords(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE')
    return new Failure(`something else listens there already (${messageOf(error)}); choose another address with --listen`);
  return error instanceof Error ? new Failure(messageOf(error)) : error;
}

export function inWords<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw inUsersWords(error);
  }
}
