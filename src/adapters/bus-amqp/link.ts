// One connection while it lasts: its channels, its publishers, and how it ends.
import type { Channel, ChannelModel } from 'amqplib';
import { BusUnavailable } from '../../contracts/bus.ts';
import type { Log } from '../../contracts/log.ts';
import type { Route } from '../bus-oslo/transport.ts';
import { cut, openConnection } from './connect.ts';
import { fanoutExchange, topicExchange, topicQueue } from './declarations.ts';
import type { AmqpHost, AmqpOptions } from './options.ts';
import { type Outcome, type Outgoing, Publisher } from './publisher.ts';

/** More than this that the broker has not confirmed, and it does not keep up. */
const maxUnconfirmedBytes = 256 * 1024 * 1024;
const closingMs = 2_000;

/** `queue`: one of the control exchange that keeps what nobody consumes yet. */
export type AmqpRoute = Route | { readonly to: 'queue'; readonly queue: string } | Keys;

/** Of the control exchange: one message for the queues of all of them. */
interface Keys {
  readonly to: 'keys';
  readonly first: string;
  readonly others: readonly string[];
}

export class AmqpLink {
  /** Resolves with the reason when the connection has ended. */
  readonly ended: Promise<string>;
  alive = true;
  private readonly model: ChannelModel;
  private readonly options: AmqpOptions;
  private readonly publishers: Readonly<Record<AmqpRoute['to'], Publisher>>;
  private unconfirmedBytes = 0;

  private constructor(model: ChannelModel, options: AmqpOptions, log: Log) {
    this.model = model;
    this.options = options;
    const open = () => model.createConfirmChannel();
    const publisher = (): Publisher => new Publisher(open, options);
    const topics = publisher();
    // What one kind gets its channel closed by does not harm the others.
    const [fanout, reply, queue] = [publisher(), publisher(), publisher()];
    this.publishers = { topic: topics, server: topics, keys: topics, fanout, reply, queue };
    let why = 'closed';
    model.on('error', error => {
      why = error.message;
    });
    model.on('blocked', reason => log.warning('the broker takes no messages at present', { reason }));
    model.on('unblocked', () => log.info('the broker takes messages again'));
    this.ended = new Promise(resolve => {
      model.on('close', error => {
        this.alive = false;
        cut(model);
        resolve(error ? error.message : why);
      });
    });
  }

  static async open(host: AmqpHost, options: AmqpOptions, { name, log }: { name: string; log: Log }): Promise<AmqpLink> {
    return new AmqpLink(await openConnection(host, options, name), options, log);
  }

  channel(): Promise<Channel> {
    return this.model.createChannel();
  }

  async publish(route: AmqpRoute, body: string, { expirationMs, signal }: Sending): Promise<Outcome> {
    const bytes = Buffer.byteLength(body);
    if (this.unconfirmedBytes + bytes > maxUnconfirmedBytes) throw new BusUnavailable('the broker does not keep up');
    this.unconfirmedBytes += bytes;
    try {
      return await this.publishers[route.to].publish({ ...this.destination(route), body, expirationMs }, signal);
    } finally {
      this.unconfirmedBytes -= bytes;
    }
  }

  /** Says goodbye, but does not wait for ever for the answer. */
  async close(): Promise<void> {
    const timer = setTimeout(() => cut(this.model), closingMs);
    await Promise.race([this.model.close().catch(() => {}), this.ended, new Promise(resolve => setTimeout(resolve, closingMs).unref())]);
    clearTimeout(timer);
    cut(this.model);
  }

  private destination(route: AmqpRoute): Pick<Outgoing, 'exchange' | 'key' | 'queue' | 'others'> {
    if (route.to === 'reply') return { exchange: undefined, key: route.queue };
    if (route.to === 'fanout') return { exchange: fanoutExchange(route.topic, this.options), key: '' };
    const exchange = topicExchange(this.options);
    if (route.to === 'queue') return { exchange, key: route.queue, queue: topicQueue(route.queue, this.options) };
    if (route.to === 'keys') return { exchange, key: route.first, others: route.others };
    return { exchange, key: route.to === 'topic' ? route.topic : `${route.topic}.${route.server}` };
  }
}

export interface Sending {
  readonly expirationMs: number | undefined;
  readonly signal?: AbortSignal | undefined;
}
