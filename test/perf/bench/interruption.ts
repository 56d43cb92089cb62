// Ctrl-C, or a polite end: the run stops at its next step, and what it has started is cleaned up.
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export function interruption(tell: (line: string) => void): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const stop = (): void => {
    if (!controller.signal.aborted) tell('interrupted: what was started is being ended');
    controller.abort(new Error('interrupted'));
  };
  for (const signal of signals) process.on(signal, stop);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      for (const signal of signals) process.off(signal, stop);
    },
  };
}

/** What runs until it is done or interrupted; whoever waits can then end what it works with. */
export function untilInterrupted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: interrupted, reject } = Promise.withResolvers<never>();
  if (signal.aborted) reject(signal.reason);
  else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  return Promise.race([work, interrupted]);
}

/** The status of a program that cleans up when it is interrupted: 130 then. */
export async function statusOf(tell: (line: string) => void, main: (signal: AbortSignal) => Promise<number>): Promise<number> {
  using interrupted = interruption(tell);
  try {
    return await main(interrupted.signal);
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    return 130;
  }
}
