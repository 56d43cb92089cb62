// The hub's side of one client. A client that is slow gets no more than its window; one that misses messages is cut off, so that
// it comes back and asks for the whole state; one that does not speak the protocol is cut off too.
import type { Socket } from 'node:net';
import type { Log } from '../../contracts/log.ts';
import type { Broker, BrokerSubscription } from '../bus-local/broker.ts';
import type { BrokerConsumer, Message } from '../bus-local/queue.ts';
import { encodeFrame, FrameError, FrameReader } from './frames.ts';
import { type ClientSays, clientSays, type HubSays, protocolVersion, windowSize } from './protocol.ts';

interface Subscribed {
  readonly subscription: BrokerSubscription;
  /** Delivered and not begun, oldest first. */
  readonly unbegun: Message[];
}

export interface HubConnectionOptions {
  readonly broker: Broker;
  readonly log: Log;
  readonly maxFrameBytes: number;
  readonly maxSubscriptions: number;
}

/** Answers waiting in the socket beyond this: nothing more is read from a client that does not read. */
const maxUnreadBytes = 1024 * 1024;

export class HubConnection {
  private readonly socket: Socket;
  private readonly options: HubConnectionOptions;
  private readonly reader: FrameReader;
  private readonly subscriptions = new Map<number, Subscribed>();
  private log: Log;
  private name: string | undefined;
  private closed = false;

  constructor(socket: Socket, options: HubConnectionOptions) {
    this.socket = socket;
    this.options = options;
    this.log = options.log;
    this.reader = new FrameReader(options.maxFrameBytes);
    socket.on('data', chunk => this.hear(chunk));
    socket.on('drain', () => this.drained());
    socket.on('error', error => this.log.debug('bus client socket', { error: String(error) }));
    socket.on('close', () => this.end());
  }

  /** True once the client has said who it is. */
  get greeted(): boolean {
    return this.name !== undefined;
  }

  /** Cuts the client off. */
  drop(why: string): void {
    if (this.closed) return;
    this.log.warning('bus client dropped', { why });
    this.socket.destroy();
    this.end();
  }

  /** Ends the connection because the hub ends. */
  close(): void {
    this.socket.destroy();
    this.end();
  }

  private hear(chunk: Buffer): void {
    try {
      for (const { header, body } of this.reader.push(chunk)) {
        if (this.closed) return;
        this.act(clientSays(header), body);
      }
    } catch (error) {
      // Whatever one client makes go wrong ends its own connection only.
      if (!(error instanceof FrameError)) this.log.error('bus client made the hub fail', { error });
      this.drop(error instanceof FrameError ? `malformed: ${error.message}` : 'internal error');
    }
  }

  private act(said: ClientSays, body: string): void {
    if (said.op !== 'hello' && !this.greeted) throw new FrameError(`${said.op} before hello`);
    switch (said.op) {
      case 'hello':
        this.greet(said);
        break;
      case 'listen':
        this.subscribe(said.id, consumer => this.options.broker.listen(said.topic, said.server, consumer));
        break;
      case 'replies':
        this.subscribe(said.id, consumer => this.options.broker.listenReplies(said.queue, consumer));
        break;
      case 'leave':
        this.leave(said.subscription);
        this.say({ op: 'done', id: said.id });
        break;
      case 'publish':
        this.options.broker.publish(said.route, body, said.expires_at);
        this.say({ op: 'done', id: said.id });
        break;
      case 'took':
        this.took(said.subscription, said.count);
        break;
    }
  }

  private greet(said: Extract<ClientSays, { op: 'hello' }>): void {
    if (this.greeted) throw new FrameError('hello twice');
    if (said.version !== protocolVersion) throw new FrameError(`protocol version ${said.version}; this is ${protocolVersion}`);
    this.name = said.name;
    this.log = this.log.child({ client: said.name });
    this.log.debug('bus client connected');
    this.say({ op: 'welcome', version: protocolVersion });
  }

  private subscribe(id: number, attach: (consumer: BrokerConsumer) => BrokerSubscription): void {
    if (this.subscriptions.has(id)) throw new FrameError(`subscription ${id} twice`);
    const unbegun: Message[] = [];
    const consumer: BrokerConsumer = {
      ready: () => !this.closed && unbegun.length < windowSize && !this.socket.writableNeedDrain,
      take: message => {
        unbegun.push(message);
        const { expiresAt } = message;
        this.say({ op: 'deliver', subscription: id, ...(expiresAt === undefined ? {} : { expires_at: expiresAt }) }, message.body);
      },
      overflowed: queue => this.drop(`too slow: messages of ${queue} were lost`),
    };
    try {
      if (this.subscriptions.size >= this.options.maxSubscriptions) throw new Error('too many subscriptions');
      this.subscriptions.set(id, { subscription: attach(consumer), unbegun });
      this.say({ op: 'done', id });
    } catch (error) {
      this.log.warning('bus client cannot subscribe', { error: String(error) });
      this.say({ op: 'refused', id, why: String(error) });
    }
  }

  private took(id: number, count: number): void {
    const subscribed = this.subscriptions.get(id);
    // It may have left meanwhile.
    if (!subscribed) return;
    if (count > subscribed.unbegun.length) throw new FrameError('took more than it was given');
    subscribed.unbegun.splice(0, count);
    subscribed.subscription.resume();
  }

  private leave(id: number): void {
    const subscribed = this.subscriptions.get(id);
    if (!subscribed) return;
    this.subscriptions.delete(id);
    subscribed.subscription[Symbol.dispose]();
    this.options.broker.giveBack(subscribed.unbegun);
  }

  private say(said: HubSays, body?: string): void {
    if (this.closed) return;
    this.socket.write(encodeFrame(said, body));
    if (this.socket.writableLength > maxUnreadBytes) this.socket.pause();
  }

  private drained(): void {
    this.socket.resume();
    for (const { subscription } of this.subscriptions.values()) subscription.resume();
  }

  private end(): void {
    if (this.closed) return;
    this.closed = true;
    for (const id of [...this.subscriptions.keys()]) this.leave(id);
    this.log.debug('bus client gone');
  }
}
