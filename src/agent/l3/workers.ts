// Work by key: one attempt at a time per key, several keys at once; what fails is tried again with back-off and holds up nobody else.
import { Backoff, type BackoffOptions } from '../../engine/backoff.ts';
import type { Clock, Signal } from '../../engine/clock.ts';

export interface WorkersOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: Signal;
  /** Attempts that run at the same time. */
  readonly parallel: number;
  readonly backoff: BackoffOptions;
  /** One attempt; throwing asks for another one later. */
  work(key: string): Promise<void>;
  /** Told of each failed attempt. */
  onFailure(key: string, error: unknown, retryMs: number): void;
}

export class Workers {
  private readonly options: WorkersOptions;
  private readonly waiting = new Set<string>();
  private readonly running = new Set<string>();
  private readonly backoffs = new Map<string, Backoff>();
  /** Raised by each `mark`: a retry that was planned before is then void. */
  private readonly marks = new Map<string, number>();
  private readonly attempted = new Map<string, (() => void)[]>();

  constructor(options: WorkersOptions) {
    this.options = options;
  }

  /** Asks for an attempt as soon as possible; one that runs already does not count. */
  mark(key: string): void {
    this.marks.set(key, (this.marks.get(key) ?? 0) + 1);
    this.waiting.add(key);
    this.pump();
  }

  /** Marks, and resolves when the attempt is over, whatever came of it. */
  attempt(key: string): Promise<void> {
    if (this.options.signal.aborted) return Promise.resolve();
    const over = new Promise<void>(resolve => {
      // The attempt that runs began before the mark: the one after it counts.
      const list = this.attempted.get(key) ?? [];
      this.attempted.set(key, [...list, resolve]);
    });
    this.mark(key);
    return over;
  }

  /** Forgets the key's history of failures; call it when the key is gone. */
  forget(key: string): void {
    this.backoffs.delete(key);
    this.marks.delete(key);
  }

  private pump(): void {
    for (const key of this.waiting) {
      if (this.options.signal.aborted || this.running.size >= this.options.parallel) return;
      if (this.running.has(key)) continue;
      this.waiting.delete(key);
      void this.run(key);
    }
  }

  private async run(key: string): Promise<void> {
    const listeners = this.attempted.get(key) ?? [];
    this.attempted.delete(key);
    this.running.add(key);
    try {
      await this.options.work(key);
      this.backoffs.delete(key);
    } catch (error) {
      if (!this.options.signal.aborted) this.retry(key, error);
    } finally {
      this.running.delete(key);
      for (const resolve of listeners) resolve();
      this.pump();
    }
  }

  private retry(key: string, error: unknown): void {
    const backoff = this.backoffs.get(key) ?? new Backoff(this.options.backoff, this.options.random);
    this.backoffs.set(key, backoff);
    const ms = backoff.next();
    const mark = this.marks.get(key);
    this.options.onFailure(key, error, ms);
    void this.options.clock.sleep(ms, this.options.signal).then(() => {
      if (!this.options.signal.aborted && this.backoffs.get(key) === backoff && this.marks.get(key) === mark) this.mark(key);
    });
  }
}
