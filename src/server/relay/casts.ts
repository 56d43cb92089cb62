// Messages of the relay on their way. Those that go the same way keep their order there without waiting for each other; what goes another
// way waits until all before it have arrived, since of two ways the later message may be the sooner.
import type { Message } from './messages.ts';

/** Hands a message over to one bus; of many, in the order of the calls. */
export type Cast = (message: Message) => Promise<void>;

/** Messages that are under way at one time. */
const most = 200;

const wayOf = ({ target }: Message): 'all' | 'named' => (target.fanout ? 'all' : 'named');

export class Casts {
  private readonly buses: readonly Cast[];
  private waiting: Message[] = [];
  private failure: { readonly error: unknown } | undefined;

  /** Whatever the first bus does not take, none of the others is told. */
  constructor(buses: readonly Cast[]) {
    this.buses = buses;
  }

  /** Whether it could be told, `arrived` says. */
  async send(message: Message): Promise<void> {
    const [first] = this.waiting;
    if (first && (wayOf(first) !== wayOf(message) || this.waiting.length >= most)) await this.tell();
    this.waiting.push(message);
  }

  /** Rejects where one of the messages since the last time could not be told; others, before and after it, may have been. */
  async arrived(): Promise<void> {
    await this.tell();
    const { failure } = this;
    this.failure = undefined;
    if (failure) throw failure.error;
  }

  /** What was not sent is told again with its facts. */
  clear(): void {
    this.waiting = [];
    this.failure = undefined;
  }

  private async tell(): Promise<void> {
    const messages = this.waiting;
    this.waiting = [];
    for (const cast of this.buses) {
      // What comes after one that failed would overtake it.
      if (this.failure) return;
      const done = await Promise.allSettled(messages.map(message => cast(message)));
      const failed = done.find(one => one.status === 'rejected');
      if (failed) this.failure = { error: failed.reason };
    }
  }
}
