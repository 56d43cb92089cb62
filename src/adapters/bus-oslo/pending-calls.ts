// Calls that wait for their replies. A reply may come in parts: the last result that is not null counts, once `ending` is true.
import type { Json } from '../../contracts/bus.ts';
import type { Reply } from './envelope.ts';
import { unpackFailure } from './failure.ts';
import { RecentIds } from './recent-ids.ts';

interface Waiter {
  result: Json;
  resolve(result: Json): void;
  reject(error: Error): void;
}

export class PendingCalls {
  private readonly waiting = new Map<string, Waiter>();
  private readonly recent = new RecentIds();

  get size(): number {
    return this.waiting.size;
  }

  expect(msgId: string): Promise<Json> {
    return new Promise((resolve, reject) => this.waiting.set(msgId, { result: null, resolve, reject }));
  }

  /** False when nobody waits for it: too late, a duplicate, or never asked. */
  take(reply: Reply): boolean {
    const waiter = this.waiting.get(reply.msgId);
    if (!waiter || this.recent.seen(reply.uniqueId)) return false;
    if (reply.failure !== null) return this.fail(reply.msgId, unpackFailure(reply.failure));
    if (reply.result !== null) waiter.result = reply.result;
    if (reply.ending) {
      this.waiting.delete(reply.msgId);
      waiter.resolve(waiter.result);
    }
    return true;
  }

  fail(msgId: string, error: Error): boolean {
    const waiter = this.waiting.get(msgId);
    this.waiting.delete(msgId);
    waiter?.reject(error);
    return waiter !== undefined;
  }

  failAll(error: Error): void {
    for (const msgId of [...this.waiting.keys()]) this.fail(msgId, error);
  }
}
