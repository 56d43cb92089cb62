// One queue of the broker: first in, first out, with its consumers taking turns.
import type { Consumer, Delivery } from '../bus-oslo/transport.ts';

export interface Message extends Delivery {
  readonly queue: Queue;
  /** When it was published, milliseconds since the epoch. */
  readonly at: number;
  /** Order of publication over all queues. */
  readonly seq: number;
}

export interface BrokerConsumer extends Consumer {
  take(message: Message): void;
  /** Its queue had to drop a message although the consumer is there: it has missed something. */
  overflowed?(queue: string): void;
}

export class Queue {
  readonly name: string;
  /** Outlives its consumers. */
  readonly keep: boolean;
  consumers: BrokerConsumer[] = [];
  /** Messages lost to a bound so far. */
  dropped = 0;
  /** Slots before `first` are empty. */
  private items: (Message | undefined)[] = [];
  private first = 0;
  private units = 0;
  private turn = 0;

  constructor(name: string, keep: boolean) {
    this.name = name;
    this.keep = keep;
  }

  get length(): number {
    return this.items.length - this.first;
  }

  /** UTF-16 units of all bodies. */
  get size(): number {
    return this.units;
  }

  push(message: Message): void {
    this.items.push(message);
    this.units += message.body.length;
  }

  unshift(message: Message): void {
    if (this.first > 0) this.items[--this.first] = message;
    else this.items.unshift(message);
    this.units += message.body.length;
  }

  /** The first message that somebody still waits for; those before it are gone. */
  head(now: number): Message | undefined {
    this.dropWhile(message => message.expiresAt !== undefined && message.expiresAt <= now);
    return this.items[this.first];
  }

  shift(): Message | undefined {
    const message = this.items[this.first];
    if (!message) return undefined;
    this.items[this.first++] = undefined;
    this.units -= message.body.length;
    if (this.first > 1024 && this.first * 2 > this.items.length) this.compact();
    return message;
  }

  /** Drops from the front; says how many. */
  dropWhile(drop: (message: Message) => boolean): number {
    let count = 0;
    for (let head = this.items[this.first]; head && drop(head); head = this.items[this.first]) {
      this.shift();
      count++;
    }
    return count;
  }

  dropExpired(now: number): void {
    const left = this.items.filter(m => m !== undefined && (m.expiresAt === undefined || m.expiresAt > now));
    this.items = left;
    this.first = 0;
    this.units = left.reduce((sum, m) => sum + (m?.body.length ?? 0), 0);
  }

  /** The next consumer in turn that is ready. */
  nextReady(): BrokerConsumer | undefined {
    for (let i = 0; i < this.consumers.length; i++) {
      const index = (this.turn + i) % this.consumers.length;
      const consumer = this.consumers[index];
      if (!consumer?.ready()) continue;
      this.turn = (index + 1) % this.consumers.length;
      return consumer;
    }
    return undefined;
  }

  private compact(): void {
    this.items = this.items.slice(this.first);
    this.first = 0;
  }
}
