// An agent's one queue: whatever its topics tell all agents or it by name is bound to it. oslo.messaging has three queues for each topic; what is sent to any one
// server of a topic is not heard here, and nobody sends so to agents.
import { newHexId } from '../bus-oslo/oslo-bus.ts';
import type { Consumer, Delivery, Subscription } from '../bus-oslo/transport.ts';
import { agentBindings, agentQueue, type Binding } from './declarations.ts';
import type { AmqpOptions } from './options.ts';
import type { AmqpConsumer, Arrival, SubscriberOptions } from './subscriber.ts';

export type Subscribing = Pick<SubscriberOptions, 'queues' | 'consumer' | 'deletedAtEnd'>;

export interface AmqpSubscription extends Subscription {
  /** One more binding of a queue whose declaration has it by now. Rejects when the broker refuses. */
  bind(queue: string, binding: Binding): Promise<void>;
}

export interface MailboxOptions {
  readonly amqp: AmqpOptions;
  readonly subscribe: (what: Subscribing) => Promise<AmqpSubscription>;
  /** Its last topic has ended, and its queue is gone. */
  readonly onEmpty: () => void;
}

interface Served {
  readonly topic: string;
  readonly consumer: Consumer;
}

export class Mailbox implements AmqpConsumer {
  private readonly server: string;
  private readonly options: MailboxOptions;
  private readonly queue: string;
  private readonly served = new Set<Served>();
  /** Of the queue's declaration, which grows with the topics. */
  private readonly bindings: Binding[] = [];
  private subscription: Promise<AmqpSubscription> | undefined;

  constructor(server: string, options: MailboxOptions) {
    this.server = server;
    this.options = options;
    this.queue = `weft_agent_${server}_${newHexId()}`;
  }

  async listen(topic: string, consumer: Consumer): Promise<Subscription> {
    const one: Served = { topic, consumer };
    this.served.add(one);
    const added = agentBindings(topic, this.server, this.options.amqp);
    this.bindings.push(...added);
    try {
      const isFirst = this.subscription === undefined;
      this.subscription ??= this.options.subscribe({
        queues: [agentQueue(this.queue, this.bindings, this.options.amqp)],
        consumer: this,
        deletedAtEnd: this.queue,
      });
      const subscription = await this.subscription;
      if (!isFirst) for (const binding of added) await subscription.bind(this.queue, binding);
      return { resume: () => subscription.resume(), [Symbol.asyncDispose]: () => this.leave(one) };
    } catch (error) {
      this.bindings.splice(0, this.bindings.length, ...this.bindings.filter(binding => !added.includes(binding)));
      await this.leave(one).catch(() => {});
      throw error;
    }
  }

  /** One topic that is busy holds up the others for as long: their order is that of one queue. */
  ready(): boolean {
    return [...this.served].every(({ consumer }) => consumer.ready());
  }

  take(delivery: Delivery, by: Arrival): void {
    const topic = this.topicOf(by);
    for (const one of this.served) if (one.topic === topic) one.consumer.take(delivery);
  }

  private topicOf({ exchange, routingKey }: Arrival): string | undefined {
    if (exchange !== this.options.amqp.controlExchange) return exchange.replace(/_fanout$/, '');
    // The server's name is not always this one's: one message may have been sent to several by their names.
    const fitting = [...this.served].map(({ topic }) => topic).filter(topic => routingKey.startsWith(`${topic}.`));
    return fitting.sort((a, b) => b.length - a.length)[0];
  }

  /** What still comes for a topic that has ended is dropped; the queue goes with the last. */
  private async leave(one: Served): Promise<void> {
    this.served.delete(one);
    if (this.served.size > 0) return;
    this.options.onEmpty();
    await (await this.subscription)?.[Symbol.asyncDispose]();
  }
}
