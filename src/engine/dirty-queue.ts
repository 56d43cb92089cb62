// A queue of keys: a key that is marked again while it waits is served once, and one that is marked while it is served is served again.
import type { Clock, Signal } from './clock.ts';

export class DirtyQueue {
  private readonly clock: Clock;
  private readonly due = new Map<string, number>();
  private wake: (() => void) | undefined;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  get size(): number {
    return this.due.size;
  }

  mark(key: string, afterMs = 0): void {
    const at = this.clock.now() + afterMs;
    const was = this.due.get(key);
    if (was === undefined || at < was) this.due.set(key, at);
    this.wake?.();
  }

  /** Takes everything that is due; waits until something is, or the signal aborts (then it returns an empty list). */
  async take(signal: Signal): Promise<string[]> {
    for (;;) {
      if (signal.aborted) return [];
      const now = this.clock.now();
      const keys = [...this.due].filter(([, at]) => at <= now).map(([k]) => k);
      if (keys.length > 0) {
        for (const k of keys) this.due.delete(k);
        return keys;
      }
      await this.wait(signal, this.due.size > 0 ? Math.min(...this.due.values()) - now : undefined);
    }
  }

  private async wait(signal: Signal, ms: number | undefined): Promise<void> {
    const marked = new Promise<void>(resolve => {
      this.wake = resolve;
    });
    const stop = new StopOnce(signal);
    const waits: Promise<void>[] = [marked, stop.promise];
    if (ms !== undefined) waits.push(this.clock.sleep(ms, stop));
    await Promise.race(waits);
    this.wake = undefined;
    stop.fire();
  }
}

/** A signal that aborts with its parent or when it is fired. */
class StopOnce implements Signal {
  aborted = false;
  readonly promise: Promise<void>;
  private listeners: (() => void)[] = [];
  private readonly parent: Signal;
  private readonly onParent = (): void => this.fire();

  constructor(parent: Signal) {
    this.parent = parent;
    this.promise = new Promise(resolve => this.listeners.push(resolve));
    if (parent.aborted) this.fire();
    else parent.addEventListener('abort', this.onParent, { once: true });
  }

  fire(): void {
    if (this.aborted) return;
    this.aborted = true;
    this.parent.removeEventListener('abort', this.onParent);
    for (const l of this.listeners.splice(0)) l();
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    if (this.aborted) listener();
    else this.listeners.push(listener);
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    this.listeners = this.listeners.filter(l => l !== listener);
  }
}
