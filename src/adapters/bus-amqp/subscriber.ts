// The queues of one consumer on a channel of their own: declared, consumed, and all of it again when the broker takes any of it away.
import { type Channel, type ConsumeMessage, IllegalOperationError } from 'amqplib';
import type { Log } from '../../contracts/log.ts';
import { Backoff } from '../../engine/backoff.ts';
import type { Clock } from '../../engine/clock.ts';
import type { Delivery, Subscription } from '../bus-oslo/transport.ts';
import { type Binding, declareBinding, declareQueue, type QueueDeclaration } from './declarations.ts';
import type { AmqpLink } from './link.ts';
import { expiryOf, textOf } from './message.ts';
import { type AmqpOptions, defaultWindow } from './options.ts';
import { within } from './up.ts';

/** Takes what arrives when it is ready for it. */
export interface AmqpConsumer {
  ready(): boolean;
  take(delivery: Delivery, by: Arrival): void;
}

/** By what a message came. */
export interface Arrival {
  readonly exchange: string;
  /** That by which it was sent: where it was sent to several, not always the one of this queue. */
  readonly routingKey: string;
}

export interface SubscriberOptions {
  readonly queues: readonly QueueDeclaration[];
  /** The queue that goes with the consumer. */
  readonly deletedAtEnd?: string;
  readonly consumer: AmqpConsumer;
  readonly amqp: AmqpOptions;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
}

/** Attempts at a declaration that failed for a reason that may pass: an exchange that went between two steps, say. */
const attempts = 3;
const goodbyeMs = 2_000;

export class Subscriber implements Subscription {
  private readonly options: SubscriberOptions;
  private channel: Channel | undefined;
  /** There is one channel at a time: two would share the messages, and one of them is listened to. */
  private opening: Promise<void> | undefined;
  /** Arrived, not acknowledged, and the consumer was not ready; at most the window. */
  private held: ConsumeMessage[] = [];
  private readonly left = new AbortController();

  constructor(options: SubscriberOptions) {
    this.options = options;
  }

  get name(): string {
    return this.options.queues.map(queue => queue.name).join(', ');
  }

  /** Throws when the broker refuses; a link that ends meanwhile leaves it undeclared. */
  async declareOn(link: AmqpLink): Promise<void> {
    while (this.opening) await this.opening.catch(() => {});
    this.opening = this.openedOn(link);
    try {
      await this.opening;
    } finally {
      this.opening = undefined;
    }
  }

  private async openedOn(link: AmqpLink): Promise<void> {
    for (let attempt = 1; !this.left.signal.aborted && !this.channel; attempt++) {
      try {
        return await this.open(link);
      } catch (error) {
        if (!link.alive) return;
        if (isRefusal(error)) throw new Error(`the queues ${this.name} are there with other flags: ${error.message}`);
        if (attempt >= attempts) throw error;
      }
    }
  }

  /** Declares it for as long as the link lasts; a refusal is told once. */
  async keepDeclaring(link: AmqpLink): Promise<void> {
    const { log, clock, random, amqp } = this.options;
    const backoff = new Backoff({ firstMs: amqp.reconnectDelay * 1000, maxMs: 30_000 }, random);
    for (let told = ''; link.alive && !this.left.signal.aborted; ) {
      try {
        return await this.declareOn(link);
      } catch (error) {
        const why = String(error);
        if (why !== told) log.error('cannot consume; trying on', { queues: this.name, why });
        told = why;
      }
      await clock.sleep(backoff.next(), this.left.signal);
    }
  }

  /** One more, that its queue's declaration has by now: bound at once where it is declared. Throws when the broker refuses. */
  async bind(queue: string, binding: Binding): Promise<void> {
    while (this.opening) await this.opening.catch(() => {});
    if (!this.channel) return;
    try {
      await declareBinding(this.channel, queue, binding);
    } catch (error) {
      // Else the channel went, and all is declared anew.
      if (isRefusal(error)) throw new Error(`the exchange ${binding.exchange.name} is there with other flags: ${error.message}`);
    }
  }

  /** Gives the consumer what it is ready for. As with oslo.messaging, a message is acknowledged before it is worked on. */
  resume(): void {
    const { consumer, clock, log } = this.options;
    while (this.channel && consumer.ready()) {
      const message = this.held.shift();
      if (!message) return;
      let body: string;
      try {
        body = textOf(message);
      } catch (error) {
        log.warning('unreadable message rejected', { queues: this.name, why: String(error) });
        settle(() => this.channel?.reject(message, false));
        continue;
      }
      if (settle(() => this.channel?.ack(message))) consumer.take({ body, expiresAt: expiryOf(message, clock.now()) }, message.fields);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.left.abort();
    this.held = [];
    const { channel } = this;
    this.channel = undefined;
    if (!channel) return;
    const { deletedAtEnd, clock } = this.options;
    const goodbye = async (): Promise<void> => {
      if (deletedAtEnd !== undefined) await settled(() => channel.deleteQueue(deletedAtEnd));
      await closed(channel);
    };
    // A broker that fell silent does not answer.
    await within(goodbye(), { clock, waitMs: goodbyeMs });
  }

  private async open(link: AmqpLink): Promise<void> {
    const channel = await link.channel();
    // Whoever waits for an answer on it hears of it; the others by its closing.
    channel.on('error', () => {});
    channel.on('close', () => this.lost(channel, link));
    try {
      await this.consume(channel);
      if (!this.left.signal.aborted) return;
    } catch (error) {
      if (this.channel === channel) this.channel = undefined;
      void closed(channel);
      throw error;
    }
    await closed(channel);
  }

  private async consume(channel: Channel): Promise<void> {
    const { queues, amqp } = this.options;
    await channel.prefetch(amqp.prefetch > 0 ? amqp.prefetch : defaultWindow);
    for (const queue of queues) await declareQueue(channel, queue);
    this.channel = channel;
    const options = amqp.cancelOnFailover ? { arguments: { 'x-cancel-on-ha-failover': true } } : {};
    for (const { name } of queues) await channel.consume(name, message => this.arrived(channel, name, message), options);
  }

  private arrived(channel: Channel, queue: string, message: ConsumeMessage | null): void {
    if (channel !== this.channel) return;
    if (message) {
      this.held.push(message);
      this.resume();
    } else {
      this.options.log.warning('the broker ended a consumer', { queue });
      void closed(channel);
    }
  }

  private lost(channel: Channel, link: AmqpLink): void {
    if (channel !== this.channel) return;
    this.channel = undefined;
    // The broker gives them to whoever consumes the queue next.
    this.held = [];
    const { clock, amqp } = this.options;
    void clock.sleep(amqp.reconnectDelay * 1000, this.left.signal).then(() => this.keepDeclaring(link));
  }
}

const closed = (channel: Channel): Promise<void> => settled(() => channel.close());

/** Of what is closed already, the library throws, here or in its promise: then there is nothing left to do. */
async function settled(act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
  } catch {
    // As if it were done.
  }
}

/** PRECONDITION_FAILED: what is declared is there already, with other flags. */
function isRefusal(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && error.code === 406;
}

/** False when the channel is gone: then the broker has the message again. */
function settle(act: () => void): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if (error instanceof IllegalOperationError) return false;
    throw error;
  }
}
