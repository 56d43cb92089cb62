// What the broker alone takes for a question and its answer, by the library that Weft uses.
import { openConnection } from '../../../src/adapters/bus-amqp/connect.ts';
import type { AmqpOptions } from '../../../src/adapters/bus-amqp/options.ts';
import { BareQueues, publishBare } from '../agents/bare.ts';
import type { Operation } from '../bench/world.ts';

/** Of a question, and of its answer. */
const bytes = 1024;
const questions = 'weft-bench-questions';

export interface RoundTrips extends AsyncDisposable {
  readonly ask: Operation;
}

/** One side asks, the other answers, each on a connection of its own; queues as for calls: not durable, nothing is acknowledged. */
export async function openRoundTrips(amqp: AmqpOptions): Promise<RoundTrips> {
  const [asking, answering] = await Promise.all([open(amqp, 'bare asker'), open(amqp, 'bare answerer')]);
  const body = Buffer.alloc(bytes, 'x');
  await answering.channel.assertQueue(questions, { durable: false, autoDelete: true });
  await answering.channel.consume(
    questions,
    message => {
      if (message) answering.channel.sendToQueue(String(message.properties.replyTo), message.content, message.properties);
    },
    { noAck: true },
  );
  const { queue } = await asking.channel.assertQueue('', { exclusive: true });
  const waiting = new Map<string, () => void>();
  await asking.channel.consume(queue, message => waiting.get(String(message?.properties.correlationId))?.(), { noAck: true });
  return {
    async ask(n) {
      const correlationId = String(n);
      const began = performance.now();
      await new Promise<void>(resolve => {
        waiting.set(correlationId, resolve);
        asking.channel.sendToQueue(questions, body, { replyTo: queue, correlationId });
      });
      waiting.delete(correlationId);
      return { ms: performance.now() - began, ok: true };
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([asking.connection.close(), answering.connection.close()]);
    },
  };
}

async function open(amqp: AmqpOptions, name: string) {
  const connection = await openConnection(amqp.hosts[0]!, amqp, name);
  return { connection, channel: await connection.createChannel() };
}

export interface FanOut extends AsyncDisposable {
  readonly tell: Operation;
}

/** One message to so many queues, until the last has it. */
export async function openFanOut(amqp: AmqpOptions, queues: number, longestMs: number): Promise<FanOut> {
  const stack = new AsyncDisposableStack();
  const listeners = stack.use(await BareQueues.open(amqp, queues));
  const publisher = stack.use(await publishBare(amqp));
  return {
    async tell() {
      listeners.watch();
      const began = performance.timeOrigin + performance.now();
      await publisher.send();
      const { heard } = await listeners.reached(longestMs);
      return { ms: Math.max(...heard) - began, ok: heard.length === queues, items: heard.length };
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
