// Exchanges and queues with exactly the flags that oslo.messaging declares them with: any other flag is a refusal by the broker.
import type { Channel } from 'amqplib';
import type { AmqpOptions } from './options.ts';

export interface ExchangeDeclaration {
  readonly name: string;
  readonly type: 'topic' | 'fanout';
  readonly durable: boolean;
  readonly autoDelete: boolean;
}

export interface QueueDeclaration {
  readonly name: string;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly arguments: Readonly<Record<string, string | number>>;
  /** None for a reply queue, which the default exchange knows by its name. */
  readonly bindings: readonly Binding[];
}

export interface Binding {
  readonly exchange: ExchangeDeclaration;
  readonly key: string;
}

export function topicExchange(options: AmqpOptions): ExchangeDeclaration {
  const { controlExchange: name, autoDelete } = options;
  return { name, type: 'topic', durable: isDurable(options), autoDelete };
}

export function fanoutExchange(topic: string, { transientQuorumQueue }: AmqpOptions): ExchangeDeclaration {
  return { name: `${topic}_fanout`, type: 'fanout', durable: transientQuorumQueue, autoDelete: true };
}

/** The shared queue of a topic, or that of one server of it. */
export function topicQueue(name: string, options: AmqpOptions): QueueDeclaration {
  return {
    name,
    durable: isDurable(options),
    autoDelete: options.autoDelete,
    arguments: { ...mirrored(options), ...(options.quorumQueue ? quorum(options) : {}) },
    bindings: [{ exchange: topicExchange(options), key: name }],
  };
}

export function fanoutQueue(topic: string, name: string, options: AmqpOptions): QueueDeclaration {
  return { ...transientQueue(name, options), bindings: [fanoutBinding(topic, options)] };
}

/** By which a topic's messages come to an agent's queue: those for all, and those for it by name. */
export function agentBindings(topic: string, server: string, options: AmqpOptions): readonly Binding[] {
  return [fanoutBinding(topic, options), { exchange: topicExchange(options), key: `${topic}.${server}` }];
}

export function agentQueue(name: string, bindings: readonly Binding[], options: AmqpOptions): QueueDeclaration {
  return { ...transientQueue(name, options), bindings };
}

export function replyQueue(name: string, options: AmqpOptions): QueueDeclaration {
  return transientQueue(name, options);
}

const fanoutBinding = (topic: string, options: AmqpOptions): Binding => ({ exchange: fanoutExchange(topic, options), key: topic });

function transientQueue(name: string, options: AmqpOptions): QueueDeclaration {
  const { transientQueuesTtl: ttl, transientQuorumQueue } = options;
  return {
    name,
    durable: transientQuorumQueue,
    autoDelete: false,
    bindings: [],
    arguments: {
      ...mirrored(options),
      ...(transientQuorumQueue ? quorum(options) : {}),
      ...(ttl > 0 ? { 'x-expires': ttl * 1000 } : {}),
    },
  };
}

/** With its exchanges and its bindings. Rejects when it is there with other flags. */
export async function declareQueue(
  channel: Channel,
  { name, durable, autoDelete, arguments: args, bindings }: QueueDeclaration,
): Promise<void> {
  for (const { exchange } of bindings) await declareExchange(channel, exchange);
  await channel.assertQueue(name, { durable, autoDelete, arguments: args });
  for (const { exchange, key } of bindings) await channel.bindQueue(name, exchange.name, key);
}

/** One more for a queue that is there. */
export async function declareBinding(channel: Channel, queue: string, { exchange, key }: Binding): Promise<void> {
  await declareExchange(channel, exchange);
  await channel.bindQueue(queue, exchange.name, key);
}

async function declareExchange(channel: Channel, { name, type, durable, autoDelete }: ExchangeDeclaration): Promise<void> {
  await channel.assertExchange(name, type, { durable, autoDelete });
}

const isDurable = ({ durableQueues, quorumQueue }: AmqpOptions): boolean => durableQueues || quorumQueue;

const mirrored = ({ haQueues }: AmqpOptions): Record<string, string> => (haQueues ? { 'x-ha-policy': 'all' } : {});

function quorum(options: AmqpOptions): Record<string, string | number> {
  const { quorumDeliveryLimit, quorumMaxMemoryLength, quorumMaxMemoryBytes } = options;
  return {
    'x-queue-type': 'quorum',
    ...(quorumDeliveryLimit > 0 ? { 'x-delivery-limit': quorumDeliveryLimit } : {}),
    ...(quorumMaxMemoryLength > 0 ? { 'x-max-in-memory-length': quorumMaxMemoryLength } : {}),
    ...(quorumMaxMemoryBytes > 0 ? { 'x-max-in-memory-bytes': quorumMaxMemoryBytes } : {}),
  };
}
