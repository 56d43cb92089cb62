// What has to be done when a run is ended before its time. The end of a parent with several threads is told several times, and a terminal
// and npm tell of it once each: only the first counts.

/** Does the work once, whatever comes meanwhile, and ends with the status of the signal. */
export function whenEnded(work: () => Promise<void>): void {
  let begun = false;
  const end = (signal: NodeJS.Signals): void => {
    if (begun) return;
    begun = true;
    void work().finally(() => process.exit(signal === 'SIGINT' ? 130 : 143));
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, end);
}
