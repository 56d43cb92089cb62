// The transport on RabbitMQ: connects, comes back after every loss, declares everything again, and tells who asks.
import { BusUnavailable } from '../../contracts/bus.ts';
import type { Log } from '../../contracts/log.ts';
import type { Clock } from '../../engine/clock.ts';
import { newHexId } from '../bus-oslo/oslo-bus.ts';
import {
  type Consumer,
  type ListenOptions,
  MessageTooLarge,
  type PublishOptions,
  type Subscription,
  type Transport,
} from '../bus-oslo/transport.ts';
import { fanoutQueue, replyQueue, topicQueue } from './declarations.ts';
import { Hosts } from './hosts.ts';
import { LeftQueues } from './left-queues.ts';
import { AmqpLink, type AmqpRoute } from './link.ts';
import { type AmqpSubscription, Mailbox, type Subscribing } from './mailbox.ts';
import { inHeaders, maxMessageBytes } from './message.ts';
import type { AmqpOptions } from './options.ts';
import { Subscriber } from './subscriber.ts';
import { Up, within } from './up.ts';

export interface AmqpTransportOptions {
  readonly amqp: AmqpOptions;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  /** How the broker calls the connection. */
  readonly name: string;
}

/** Between two attempts to find a reply queue. */
const returnedMs = 250;
const callGraceMs = 1000;

export class AmqpTransport implements Transport {
  private readonly options: AmqpTransportOptions;
  private readonly subscribers = new Set<Subscriber>();
  /** Of agents, by name. */
  private readonly mailboxes = new Map<string, Mailbox>();
  private readonly left: LeftQueues;
  private readonly stop = new AbortController();
  private readonly hosts: Hosts;
  private readonly up: Up<AmqpLink>;

  constructor(options: AmqpTransportOptions) {
    this.options = options;
    this.left = new LeftQueues(options.amqp);
    this.hosts = new Hosts(options.amqp, options.random);
    this.up = new Up(options);
    void this.run();
  }

  async connected(waitMs: number): Promise<void> {
    await this.up.wait(waitMs);
  }

  async publish(route: AmqpRoute, body: string, options: PublishOptions): Promise<void> {
    const { clock, amqp } = this.options;
    const bytes = Buffer.byteLength(body);
    if (bytes > maxMessageBytes) throw new MessageTooLarge(bytes, maxMessageBytes);
    // A call ends by itself: its own timer is to be first.
    const waitMs = options.waitMs + (options.signal ? callGraceMs : 0);
    const deadline = clock.now() + waitMs;
    const link = this.up.now ?? (await this.up.wait(waitMs, options.signal));
    const giveUp = Math.min(deadline, clock.now() + amqp.missingConsumerRetry * 1000);
    while ((await this.send(link, { route, body, deadline, options })) === 'returned') {
      if (clock.now() + returnedMs > giveUp) throw new BusUnavailable('nobody has the reply queue');
      await clock.sleep(returnedMs, this.stop.signal);
    }
  }

  /** One message for as many as its header may name: RabbitMQ gives it to the queues of all keys in BCC, and takes the header off. */
  async publishToServers(topic: string, servers: readonly string[], body: string, options: PublishOptions): Promise<void> {
    const lists = inHeaders(servers.map(server => `${topic}.${server}`));
    await Promise.all(lists.map(([first = '', ...others]) => this.publish({ to: 'keys', first, others }, body, options)));
  }

  async listen(topic: string, server: string, consumer: Consumer, { agent = false }: ListenOptions = {}): Promise<Subscription> {
    const { amqp } = this.options;
    if (agent) {
      const subscription = await this.mailboxOf(server).listen(topic, consumer);
      this.left.add(`${topic}.${server}`, this.up.now);
      return subscription;
    }
    const fanout = `${topic}_fanout_${newHexId()}`;
    const queues = [topicQueue(topic, amqp), topicQueue(`${topic}.${server}`, amqp), fanoutQueue(topic, fanout, amqp)];
    return this.subscribe({ queues, consumer, deletedAtEnd: fanout });
  }

  /** The queue stays for its x-expires: replies on their way find it, and nobody looks for it in vain. */
  listenReplies(queue: string, consumer: Consumer): Promise<Subscription> {
    return this.subscribe({ queues: [replyQueue(queue, this.options.amqp)], consumer });
  }

  get isUp(): boolean {
    return this.up.now !== undefined;
  }

  onUp(listener: (up: boolean) => void): Disposable {
    return this.up.watch(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop.abort();
    const link = this.up.now;
    this.up.close();
    await link?.close();
  }

  private async send(
    link: AmqpLink,
    message: { readonly route: AmqpRoute; readonly body: string; readonly deadline: number; readonly options: PublishOptions },
  ): Promise<'handed over' | 'returned'> {
    const { clock } = this.options;
    const { route, body, deadline, options } = message;
    const { expiresAt, signal } = options;
    const expirationMs = expiresAt === undefined ? undefined : expiresAt - clock.now();
    if (signal?.aborted || (expirationMs !== undefined && expirationMs <= 0)) throw new BusUnavailable('nobody waits for it any more');
    const sending = link.publish(route, body, { expirationMs, signal });
    const outcome = await within(sending, { clock, waitMs: deadline - clock.now(), ...(signal ? { signal } : {}) });
    if (outcome === undefined) throw new BusUnavailable('the broker did not confirm the message');
    return outcome;
  }

  private mailboxOf(server: string): Mailbox {
    const there = this.mailboxes.get(server);
    if (there) return there;
    const made = new Mailbox(server, {
      amqp: this.options.amqp,
      subscribe: what => this.subscribe(what),
      onEmpty: () => this.mailboxes.delete(server),
    });
    this.mailboxes.set(server, made);
    return made;
  }

  /** While there is no connection it is only noted: the next one declares it before it counts as up. */
  private async subscribe(what: Subscribing): Promise<AmqpSubscription> {
    const subscriber = new Subscriber({ ...this.options, ...what });
    this.subscribers.add(subscriber);
    const link = this.up.now;
    try {
      if (link) await subscriber.declareOn(link);
    } catch (error) {
      this.subscribers.delete(subscriber);
      await subscriber[Symbol.asyncDispose]();
      throw error;
    }
    return {
      resume: () => subscriber.resume(),
      bind: (queue, binding) => subscriber.bind(queue, binding),
      [Symbol.asyncDispose]: async () => {
        this.subscribers.delete(subscriber);
        await subscriber[Symbol.asyncDispose]();
      },
    };
  }

  /** For as long as the transport lives: connect, stay, lose, wait. */
  private async run(): Promise<void> {
    const { log, clock } = this.options;
    let told = '';
    while (!this.stop.signal.aborted) {
      const { host, port } = this.hosts.current;
      let waitMs: number;
      try {
        const link = await this.connect();
        told = '';
        const why = await link.ended;
        this.up.set(undefined);
        waitMs = this.hosts.lost();
        if (!this.stop.signal.aborted) log.warning('connection to the message broker lost', { host, port, why });
      } catch (error) {
        waitMs = this.hosts.failed();
        const why = error instanceof Error ? error.message || error.name : String(error);
        if (told !== why && !this.stop.signal.aborted) log.warning('no connection to the message broker; trying on', { host, port, why });
        told = why;
      }
      await clock.sleep(waitMs, this.stop.signal);
    }
  }

  private async connect(): Promise<AmqpLink> {
    const { amqp, name, log } = this.options;
    const { current } = this.hosts;
    const link = await AmqpLink.open(current, amqp, { name, log });
    // What is subscribed meanwhile is in the set too.
    for (const subscriber of this.subscribers) await this.declare(subscriber, link);
    if (this.stop.signal.aborted) {
      await link.close();
    } else if (link.alive) {
      log.info('connected to the message broker', { host: current.host, port: current.port });
      this.up.set(link);
      this.left.remove(link);
    }
    return link;
  }

  /** A queue that the broker refuses keeps nothing else from working. */
  private async declare(subscriber: Subscriber, link: AmqpLink): Promise<void> {
    try {
      await subscriber.declareOn(link);
    } catch (error) {
      this.options.log.error('cannot consume; trying on', { queues: subscriber.name, why: String(error) });
      void subscriber.keepDeclaring(link);
    }
  }
}
