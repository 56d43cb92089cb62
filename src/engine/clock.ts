// Time and cancellation as values, so that pure code can wait without knowing Node.

/** The part of AbortSignal that the engine needs; a real AbortSignal satisfies it. */
export interface Signal {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** A source of time. `now` is milliseconds since the epoch; `sleep` ends early, without an error, when the signal aborts. */
export interface Clock {
  now(): number;
  sleep(ms: number, signal?: Signal): Promise<void>;
}

/** A clock that a test moves by hand: `advance` wakes the sleepers that are due, in order. */
export class SimClock implements Clock {
  private time: number;
  private sleepers: { at: number; wake: () => void }[] = [];

  constructor(start = 0) {
    this.time = start;
  }

  now(): number {
    return this.time;
  }

  sleep(ms: number, signal?: Signal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise(resolve => {
      const sleeper = { at: this.time + ms, wake: resolve };
      this.sleepers.push(sleeper);
      signal?.addEventListener(
        'abort',
        () => {
          this.sleepers = this.sleepers.filter(s => s !== sleeper);
          resolve();
        },
        { once: true },
      );
    });
  }

  async advance(ms: number): Promise<void> {
    const end = this.time + ms;
    for (;;) {
      const due = this.sleepers.filter(s => s.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.sleepers = this.sleepers.filter(s => s !== due);
      this.time = Math.max(this.time, due.at);
      due.wake();
      for (let i = 0; i < 20; i++) await Promise.resolve();
    }
    this.time = end;
  }
}
