// The bare limit of telling many hosts one thing: a fan-out exchange of the same broker, and as many queues, each consumed on a connection of its own.
import { setTimeout as sleep } from 'node:timers/promises';
import type { ChannelModel } from 'amqplib';
import { openConnection } from '../../../src/adapters/bus-amqp/connect.ts';
import type { AmqpOptions } from '../../../src/adapters/bus-amqp/options.ts';
import type { Reached } from './protocol.ts';

export const bareExchange = 'weft-bench-bare';

/** About those of a message about a member. */
const bareBytes = 1024;

export class BareQueues implements AsyncDisposable {
  private readonly connections: ChannelModel[] = [];
  private arrived: number[] = [];

  static async open(amqp: AmqpOptions, queues: number): Promise<BareQueues> {
    const bare = new BareQueues();
    for (let from = 0; from < queues; from += 20)
      await Promise.all(Array.from({ length: Math.min(20, queues - from) }, (_, i) => bare.add(amqp, from + i)));
    return bare;
  }

  watch(): void {
    this.arrived = [];
  }

  async reached(withinMs: number): Promise<Reached> {
    for (const over = performance.now() + withinMs; performance.now() < over && this.arrived.length < this.connections.length; )
      await sleep(5);
    return { heard: this.arrived, acted: [], mostMessages: 1, mostBytes: bareBytes };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.connections.map(connection => connection.close()));
  }

  private async add(amqp: AmqpOptions, number: number): Promise<void> {
    const connection = await openConnection(amqp.hosts[0]!, amqp, `bare ${number}`);
    this.connections.push(connection);
    const channel = await connection.createChannel();
    await channel.assertExchange(bareExchange, 'fanout', { durable: false, autoDelete: true });
    const { queue } = await channel.assertQueue('', { exclusive: true });
    await channel.bindQueue(queue, bareExchange, '');
    await channel.consume(queue, message => {
      if (!message) return;
      channel.ack(message);
      this.arrived.push(performance.timeOrigin + performance.now());
    });
  }
}

export interface BarePublisher extends AsyncDisposable {
  send(): Promise<void>;
}

/** Sends messages as large as one about a member, and waits for the broker's word on each. */
export async function publishBare(amqp: AmqpOptions): Promise<BarePublisher> {
  const connection = await openConnection(amqp.hosts[0]!, amqp, 'bare publisher');
  const channel = await connection.createConfirmChannel();
  await channel.assertExchange(bareExchange, 'fanout', { durable: false, autoDelete: true });
  const body = Buffer.alloc(bareBytes, 'x');
  return {
    async send() {
      channel.publish(bareExchange, '', body);
      await channel.waitForConfirms();
    },
    [Symbol.asyncDispose]: () => connection.close(),
  };
}
