// The Bus over any transport: calls, casts and servers with oslo.messaging's envelopes and at-most-once delivery.
import { randomUUID } from 'node:crypto';
import {
  type Bus,
  type BusServer,
  BusTimeout,
  BusUnavailable,
  type CallOptions,
  type Endpoint,
  type Json,
  type Target,
} from '../../contracts/bus.ts';
import type { Log } from '../../contracts/log.ts';
import type { Clock } from '../../engine/clock.ts';
import { serviceContext } from './context.ts';
import { packRequest, unpackReply } from './envelope.ts';
import { Listener } from './listener.ts';
import { PendingCalls } from './pending-calls.ts';
import type { Delivery, PublishOptions, Route, Subscription, Transport } from './transport.ts';

export interface OsloBusOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** 32 hex digits; a simulation passes its own. */
  readonly newId?: () => string;
  /** How long a call waits for its answer where it does not say, default 60 000. */
  readonly callTimeoutMs?: number;
  /** `rpc_ping_enabled`: whether servers answer to oslo.messaging's ping. */
  readonly ping?: boolean;
  /** Handlers at work at one time per server, default 64. */
  readonly concurrency?: number;
  /** How long the end of a server waits for its handlers, default 2 s; 0: as long as they take. */
  readonly stopGraceMs?: number;
}

const defaultTimeoutMs = 60_000;
const defaultStopGraceMs = 2_000;

/** Of every server, whatever its topic. */
const pinged: Endpoint = { version: '1.0', methods: { oslo_rpc_server_ping: () => 'pong' } };

export class OsloBus implements Bus {
  private readonly transport: Transport;
  private readonly options: Required<OsloBusOptions>;
  private readonly pending = new PendingCalls();
  private readonly servers = new Set<AsyncDisposable>();
  private readonly replyQueue: string;
  private readonly upWatch: Disposable;
  private replies: Promise<Subscription> | undefined;
  private closed = false;

  constructor(transport: Transport, options: OsloBusOptions) {
    this.transport = transport;
    const defaults = { newId: newHexId, concurrency: 64, callTimeoutMs: defaultTimeoutMs, stopGraceMs: defaultStopGraceMs, ping: false };
    this.options = { ...defaults, ...options };
    this.replyQueue = `reply_${this.options.newId()}`;
    // The replies of calls under way are lost with the connection: whether they ran, nobody can say.
    this.upWatch = transport.onUp(up => {
      if (!up) this.pending.failAll(new BusUnavailable('the connection went before the reply came'));
    });
  }

  async call(target: Target, method: string, args: Readonly<Record<string, unknown>>, options: CallOptions = {}): Promise<Json> {
    this.refuseClosed();
    const { clock, newId, callTimeoutMs } = this.options;
    const timeoutMs = options.timeoutMs ?? callTimeoutMs;
    const expiresAt = clock.now() + timeoutMs;
    const msgId = newId();
    const body = this.pack(target, method, args, options, { msgId, queue: this.replyQueue });
    const over = new AbortController();
    const answer = this.pending.expect(msgId);
    void clock.sleep(timeoutMs, over.signal).then(() => this.pending.fail(msgId, new BusTimeout(method, timeoutMs)));
    void this.send(routeOf(target), body, { expiresAt, waitMs: timeoutMs, signal: over.signal }).catch(error =>
      this.pending.fail(msgId, error),
    );
    try {
      return await answer;
    } finally {
      over.abort();
    }
  }

  async cast(target: Target, method: string, args: Readonly<Record<string, unknown>>, options: CallOptions = {}): Promise<void> {
    this.refuseClosed();
    const body = this.pack(target, method, args, options);
    const how = { waitMs: options.timeoutMs ?? defaultTimeoutMs };
    if (target.servers) await this.publishEach(target.topic, target.servers, body, how);
    else await this.transport.publish(routeOf(target), body, how);
  }

  hears(beginnings: readonly string[]): boolean {
    return this.transport.hears?.(beginnings) ?? true;
  }

  async serve(server: BusServer): Promise<AsyncDisposable> {
    this.refuseClosed();
    const { clock, log, newId, concurrency, ping } = this.options;
    const reply = (queue: string, body: string): Promise<void> =>
      this.transport.publish({ to: 'reply', queue }, body, { waitMs: defaultTimeoutMs });
    const listener = new Listener(ping ? { ...server, endpoints: [...server.endpoints, pinged] } : server, {
      clock,
      log,
      newId,
      reply,
      concurrency,
    });
    const subscription = await this.transport.listen(server.topic, server.server, listener, { agent: server.agent ?? false });
    listener.resume = () => subscription.resume();
    listener.resume();
    let ended: Promise<void> | undefined;
    const end = async (): Promise<void> => {
      this.servers.delete(handle);
      await Promise.all([subscription[Symbol.asyncDispose](), listener.stop(this.options.stopGraceMs)]);
    };
    const handle: AsyncDisposable = {
      [Symbol.asyncDispose]: () => {
        ended ??= end();
        return ended;
      },
    };
    this.servers.add(handle);
    return handle;
  }

  onUp(listener: (up: boolean) => void): Disposable {
    return this.transport.onUp(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.pending.failAll(new BusUnavailable('the bus was closed'));
    await Promise.all([...this.servers].map(server => server[Symbol.asyncDispose]()));
    this.upWatch[Symbol.dispose]();
    // Not waited for: without a connection it is not there yet, and may never be.
    void this.replies?.then(subscription => subscription[Symbol.asyncDispose]()).catch(() => {});
    await this.transport[Symbol.asyncDispose]();
  }

  private async publishEach(topic: string, servers: readonly string[], body: string, options: PublishOptions): Promise<void> {
    if (this.transport.publishToServers) return this.transport.publishToServers(topic, servers, body, options);
    for (const server of servers) await this.transport.publish({ to: 'server', topic, server }, body, options);
  }

  private pack(target: Target, method: string, args: object, options: CallOptions, reply?: { msgId: string; queue: string }): string {
    const { clock, newId } = this.options;
    const context = options.context ?? serviceContext(`req-${randomUUID()}`);
    const { version, namespace } = target;
    const fields = { method, args: args as Record<string, unknown>, version, namespace, context, uniqueId: newId() };
    return packRequest(reply ? { ...fields, reply } : fields, clock.now());
  }

  private async send(route: Route, body: string, options: PublishOptions): Promise<void> {
    this.replies ??= this.openReplies();
    await this.replies;
    await this.transport.publish(route, body, options);
  }

  private openReplies(): Promise<Subscription> {
    const opened = this.transport.listenReplies(this.replyQueue, { ready: () => true, take: delivery => this.takeReply(delivery) });
    opened.catch(() => {
      this.replies = undefined;
    });
    return opened;
  }

  private takeReply(delivery: Delivery): void {
    try {
      if (!this.pending.take(unpackReply(delivery.body))) this.options.log.debug('reply that nobody waits for', {});
    } catch (error) {
      this.options.log.warning('malformed reply dropped', { why: String(error) });
    }
  }

  private refuseClosed(): void {
    if (this.closed) throw new BusUnavailable('the bus was closed');
  }
}

export function newHexId(): string {
  return randomUUID().replaceAll('-', '');
}

function routeOf(target: Target): Route {
  const { topic, server, fanout } = target;
  if (fanout) return { to: 'fanout', topic };
  return server === undefined ? { to: 'topic', topic } : { to: 'server', topic, server };
}
