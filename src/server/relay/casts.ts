// Messages of the relay on their way. Those that go the same way keep their order there without waiting for each other; what goes another
// way waits until all before it have arrived, since of two ways the later message may be the sooner.
import type { Message } from './messages.ts';

/** Hands a message over to one bus; of many, in the order of the calls. */
export type Cast = (message: Message) => Promise<void>;

/** Messages that are under way at one time: a broker that takes a fifth of a second for each keeps up with so many within the time that one has. */
const most = 50;

/** What is for several by their names some buses hand over one by one: it keeps its order among what is for the same ones only. */
const wayOf = ({ target: { fanout, servers } }: Message): string =>
  fanout ? 'all' : servers ? `each of ${JSON.stringify(servers)}` : 'named';

export class Casts {
  private readonly buses: readonly Cast[];
  private waiting: Message[] = [];
  private failure: { readonly error: unknown } | undefined;
  /** Something could not be told: together it may have been too much, so each is told by itself until all has arrived once. */
  private isSlow = false;
  private hold: () => Promise<void> = () => Promise.resolve();

  /** Whatever the first bus does not take, none of the others is told. */
  constructor(buses: readonly Cast[]) {
    this.buses = buses;
  }

  /** Whether it could be told, `arrived` says. */
  async send(message: Message): Promise<void> {
    const [first] = this.waiting;
    if (first && (this.isSlow || this.waiting.length >= most || wayOf(first) !== wayOf(message))) await this.tell();
    this.waiting.push(message);
  }

  /** Rejects where one of the messages since the last time could not be told; others, before and after it, may have been. */
  async arrived(): Promise<void> {
    await this.tell();
    const { failure } = this;
    this.failure = undefined;
    this.isSlow = failure !== undefined;
    if (failure) throw failure.error;
  }

  /** What was not sent before is told again with its facts. `hold`: fails when another process tells by now, and what waits here is old. */
  begin(hold: () => Promise<void>): void {
    this.waiting = [];
    this.failure = undefined;
    this.hold = hold;
  }

  private async tell(): Promise<void> {
    const messages = this.waiting;
    this.waiting = [];
    // What comes after one that failed would overtake it.
    if (this.failure || messages.length === 0) return;
    try {
      await this.hold();
    } catch (error) {
      this.failure = { error };
    }
    for (const cast of this.buses) {
      if (this.failure) return;
      const done = await Promise.allSettled(messages.map(message => cast(message)));
      const failed = done.find(one => one.status === 'rejected');
      if (failed) this.failure = { error: failed.reason };
    }
  }
}
