// Who hears of commits that wrote to the outbox.
import { Listeners } from '../../../engine/listeners.ts';

/** The commit is done, whatever a listener makes of it. */
export function outboxListeners(): Listeners {
  return new Listeners(error => process.emitWarning(error instanceof Error ? error : new Error(String(error))));
}
