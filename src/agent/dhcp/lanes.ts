// Work by key: one at a time for each key, a few keys at once, and whatever fails is tried again later without holding up the others.
import type { Clock } from '../../engine/clock.ts';
import { DirtyQueue } from '../../engine/dirty-queue.ts';

const CLOSE_MS = 500;

export class Lanes {
  private readonly clock: Clock;
  private readonly queue: DirtyQueue;
  private readonly stop = new AbortController();
  private readonly running = new Set<string>();
  private readonly again = new Set<string>();
  private readonly waiting: string[] = [];
  private readonly serve: (key: string) => Promise<void>;
  private readonly limit: number;
  private idle: (() => void) | undefined;

  /** `serve` never rejects: what failed is marked again by it. */
  constructor(clock: Clock, limit: number, serve: (key: string) => Promise<void>) {
    this.clock = clock;
    this.queue = new DirtyQueue(clock);
    this.serve = serve;
    this.limit = limit;
    void this.run();
  }

  mark(key: string, afterMs = 0): void {
    this.queue.mark(key, afterMs);
  }

  /** Stops taking work, and waits for what runs, but not for long: it may wait for a server that is away. */
  async close(): Promise<void> {
    this.stop.abort();
    this.waiting.length = 0;
    if (this.running.size === 0) return;
    const idle = new Promise<void>(resolve => {
      this.idle = resolve;
    });
    await Promise.race([idle, this.clock.sleep(CLOSE_MS)]);
  }

  private async run(): Promise<void> {
    while (!this.stop.signal.aborted) {
      for (const key of await this.queue.take(this.stop.signal)) {
        if (this.running.has(key)) this.again.add(key);
        else if (!this.waiting.includes(key)) this.waiting.push(key);
      }
      this.fill();
    }
  }

  private fill(): void {
    while (!this.stop.signal.aborted && this.running.size < this.limit) {
      const key = this.waiting.shift();
      if (key === undefined) return;
      this.running.add(key);
      void this.serve(key).finally(() => this.done(key));
    }
  }

  private done(key: string): void {
    this.running.delete(key);
    if (this.again.delete(key)) this.mark(key);
    if (this.stop.signal.aborted) {
      if (this.running.size === 0) this.idle?.();
    } else this.fill();
  }
}
