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
