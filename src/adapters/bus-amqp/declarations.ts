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
  /** Absent for a reply queue, which the default exchange knows by its name. */
  readonly binding?: { readonly exchange: ExchangeDeclaration; readonly key: string };
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
    binding: { exchange: topicExchange(options), key: name },
  };
}

export function fanoutQueue(topic: string, name: string, options: AmqpOptions): QueueDeclaration {
  return { ...transientQueue(name, options), binding: { exchange: fanoutExchange(topic, options), key: topic } };
}

export function replyQueue(name: string, options: AmqpOptions): QueueDeclaration {
  return transientQueue(name, options);
}

function transientQueue(name: string, options: AmqpOptions): QueueDeclaration {
  const { transientQueuesTtl: ttl, transientQuorumQueue } = options;
  return {
    name,
    durable: transientQuorumQueue,
    autoDelete: false,
    arguments: {
      ...mirrored(options),
      ...(transientQuorumQueue ? quorum(options) : {}),
      ...(ttl > 0 ? { 'x-expires': ttl * 1000 } : {}),
    },
  };
}

/** With its exchange and its binding. Rejects when it is there with other flags. */
export async function declareQueue(
  channel: Channel,
  { name, durable, autoDelete, arguments: args, binding }: QueueDeclaration,
): Promise<void> {
  if (binding) {
    const { exchange } = binding;
    await channel.assertExchange(exchange.name, exchange.type, { durable: exchange.durable, autoDelete: exchange.autoDelete });
  }
  await channel.assertQueue(name, { durable, autoDelete, arguments: args });
  if (binding) await channel.bindQueue(name, binding.exchange.name, binding.key);
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
