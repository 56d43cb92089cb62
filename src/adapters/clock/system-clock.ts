// The real clock behind engine's Clock.
import type { Clock, Signal } from '../../engine/clock.ts';

/** setTimeout fires at once for anything longer than a signed 32-bit number of milliseconds. */
const longestTimerMs = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  async sleep(ms, signal) {
    // Not a number counts as no wait at all; Infinity waits for the signal.
    for (let left = ms; left > 0 && !signal?.aborted; left -= longestTimerMs) await oneTimer(Math.min(left, longestTimerMs), signal);
  },
};

function oneTimer(ms: number, signal: Signal | undefined): Promise<void> {
  return new Promise(resolve => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end, { once: true });
  });
}
