// What limits how much is logged: so many a second for all, and each port its share. A port whose packets are dropped by the thousand does not
// keep others from being heard.

export interface FairLimit {
  /** `rate_limit`: items a second. */
  readonly rate: number;
  /** `burst_limit`: items at once after a pause; also how many of a key wait. */
  readonly burst: number;
}

export class FairQueue<T> {
  private readonly limit: FairLimit;
  private readonly waiting = new Map<string, T[]>();
  private tokens: number;
  private filledAt: number;

  constructor(limit: FairLimit, nowMs: number) {
    this.limit = limit;
    this.tokens = limit.burst;
    this.filledAt = nowMs;
  }

  /** False: the key has enough that wait, and this one is lost. */
  offer(key: string, item: T): boolean {
    const queue = this.waiting.get(key) ?? [];
    if (queue.length >= this.limit.burst) return false;
    queue.push(item);
    this.waiting.set(key, queue);
    return true;
  }

  /** As many as may go now, one of each key in turn. */
  take(nowMs: number): T[] {
    const { rate, burst } = this.limit;
    this.tokens = Math.min(burst, this.tokens + (Math.max(0, nowMs - this.filledAt) * rate) / 1000);
    this.filledAt = nowMs;
    const taken: T[] = [];
    while (this.tokens >= 1 && this.waiting.size > 0) {
      taken.push(this.next());
      this.tokens--;
    }
    return taken;
  }

  private next(): T {
    const [key, queue] = this.waiting.entries().next().value as [string, T[]];
    const item = queue.shift() as T;
    this.waiting.delete(key);
    if (queue.length > 0) this.waiting.set(key, queue);
    return item;
  }

  /** When the next may go; undefined while none waits. */
  waitMs(): number | undefined {
    if (this.waiting.size === 0) return undefined;
    return Math.max(0, Math.ceil(((1 - this.tokens) * 1000) / this.limit.rate));
  }
}
