// An exchange in memory with RabbitMQ's rules as far as oslo.messaging sees them: queues for a topic and for each of its servers,
// fan-out and reply queues that go with their consumer, messages that expire. Every queue is bounded in messages and in size.
import type { Log } from '../../contracts/log.ts';
import type { Clock } from '../../engine/clock.ts';
import type { Route } from '../bus-oslo/transport.ts';
import { type BrokerConsumer, type Message, Queue } from './queue.ts';

export interface BrokerLimits {
  /** Per queue; the oldest message is dropped to make room. */
  readonly messages: number;
  /** Per queue, in UTF-16 units. A single message may be larger. */
  readonly size: number;
  /** Queues in all. */
  readonly queues: number;
  /** What lies in a queue that nobody consumes is dropped after this time. */
  readonly idleMs: number;
}

export const defaultBrokerLimits: BrokerLimits = { messages: 10_000, size: 64 * 1024 * 1024, queues: 10_000, idleMs: 30 * 60_000 };

export interface BrokerSubscription extends Disposable {
  /** The consumer is ready again. */
  resume(): void;
}

export class Broker {
  private readonly clock: Clock;
  private readonly log: Log;
  private readonly limits: BrokerLimits;
  private readonly queues = new Map<string, Queue>();
  private readonly fanouts = new Map<string, Set<Queue>>();
  private seq = 0;

  constructor(options: { readonly clock: Clock; readonly log: Log; readonly limits?: Partial<BrokerLimits> }) {
    this.clock = options.clock;
    this.log = options.log;
    this.limits = { ...defaultBrokerLimits, ...options.limits };
  }

  /** A message to a queue that was never declared, or is gone, is dropped. */
  publish(route: Route, body: string, expiresAt: number | undefined): void {
    for (const queue of this.queuesFor(route)) {
      const at = this.clock.now();
      queue.push({ body, expiresAt, queue, at, seq: this.seq++ });
      this.keepBounds(queue, at);
      this.offer(queue);
    }
  }

  /** Whether there is a queue of a topic that begins like one of these. */
  hears(beginnings: readonly string[]): boolean {
    const begins = (name: string): boolean => beginnings.some(beginning => name.startsWith(beginning));
    return [...this.fanouts.keys(), ...this.queues.keys()].some(begins);
  }

  /** The queues of the topic and of the server outlive the subscription, so that a server that is away for a moment misses nothing. */
  listen(topic: string, server: string, consumer: BrokerConsumer): BrokerSubscription {
    const fanout = new Queue(`fanout of ${topic} for ${server}`, false);
    const queues = [this.queue(topic, true), this.queue(`${topic}.${server}`, true), fanout];
    const siblings = this.fanouts.get(topic) ?? new Set();
    this.fanouts.set(topic, siblings.add(fanout));
    return this.attach(queues, consumer, () => {
      siblings.delete(fanout);
      if (siblings.size === 0) this.fanouts.delete(topic);
    });
  }

  /** The last to ask for a name has it: a client that comes back may be here before its old connection is known to be gone. */
  listenReplies(name: string, consumer: BrokerConsumer): BrokerSubscription {
    this.queues.delete(name);
    const queue = this.queue(name, false);
    return this.attach([queue], consumer, () => {
      if (this.queues.get(name) === queue) this.queues.delete(name);
    });
  }

  /** Puts back what a consumer was given and had not begun, in its old place; what is left of the queue is offered anew. */
  giveBack(messages: readonly Message[]): void {
    const touched = new Set<Queue>();
    for (const message of messages.toSorted((a, b) => b.seq - a.seq)) {
      if (!message.queue.keep) continue;
      message.queue.unshift(message);
      touched.add(message.queue);
    }
    for (const queue of touched) {
      this.keepBounds(queue, this.clock.now());
      this.offer(queue);
    }
  }

  private queuesFor(route: Route): readonly Queue[] {
    if (route.to === 'fanout') return [...(this.fanouts.get(route.topic) ?? [])];
    const queue = this.queues.get(nameOf(route));
    return queue ? [queue] : [];
  }

  private queue(name: string, keep: boolean): Queue {
    const known = this.queues.get(name);
    if (known) return known;
    if (this.queues.size >= this.limits.queues) this.forgetIdle();
    const queue = new Queue(name, keep);
    this.queues.set(name, queue);
    return queue;
  }

  private forgetIdle(): void {
    for (const [name, queue] of this.queues) {
      if (queue.consumers.length > 0) continue;
      this.log.warning('too many queues: one without consumers is forgotten', { queue: name, messages: queue.length });
      this.queues.delete(name);
      return;
    }
    throw new Error(`more than ${this.limits.queues} queues`);
  }

  private attach(queues: readonly Queue[], consumer: BrokerConsumer, detached: () => void): BrokerSubscription {
    for (const queue of queues) queue.consumers.push(consumer);
    let attached = true;
    const resume = (): void => {
      if (attached) this.pump(queues, consumer);
    };
    resume();
    return {
      resume,
      [Symbol.dispose]: () => {
        if (!attached) return;
        attached = false;
        for (const queue of queues) queue.consumers = queue.consumers.filter(c => c !== consumer);
        detached();
      },
    };
  }

  /** To the consumers of one queue in turn, as long as one of them is ready. */
  private offer(queue: Queue): void {
    for (;;) {
      const head = queue.head(this.clock.now());
      const consumer = head && queue.nextReady();
      if (!consumer) return;
      queue.shift();
      consumer.take(head);
    }
  }

  /** From all queues of one consumer, oldest message first, as long as it is ready. */
  private pump(queues: readonly Queue[], consumer: BrokerConsumer): void {
    while (consumer.ready()) {
      let oldest: Message | undefined;
      for (const queue of queues) {
        const head = queue.head(this.clock.now());
        if (head && (!oldest || head.seq < oldest.seq)) oldest = head;
      }
      if (!oldest) return;
      oldest.queue.shift();
      consumer.take(oldest);
    }
  }

  private keepBounds(queue: Queue, now: number): void {
    const { messages, size, idleMs } = this.limits;
    if (queue.consumers.length === 0) queue.dropWhile(message => message.at < now - idleMs);
    const over = (): boolean => queue.length > 1 && (queue.length > messages || queue.size > size);
    if (!over()) return;
    queue.dropExpired(now);
    const dropped = queue.dropWhile(over);
    if (dropped === 0) return;
    queue.dropped += dropped;
    // Once at 1, 2, 4, 8, …: a full queue must not fill the log as well.
    if (Number.isInteger(Math.log2(queue.dropped)))
      this.log.warning('queue is full: oldest message dropped', { queue: queue.name, dropped: queue.dropped });
    // Of several consumers that share a queue, none can be said to have missed something.
    if (queue.consumers.length === 1) queue.consumers[0]?.overflowed?.(queue.name);
  }
}

function nameOf(route: Exclude<Route, { to: 'fanout' }>): string {
  if (route.to === 'reply') return route.queue;
  return route.to === 'server' ? `${route.topic}.${route.server}` : route.topic;
}
