// The client's transport: connects to the hub, comes back after every loss, declares its subscriptions again, and tells who asks.
import { BusUnavailable } from '../../contracts/bus.ts';
import type { Log } from '../../contracts/log.ts';
import { Backoff } from '../../engine/backoff.ts';
import type { Clock } from '../../engine/clock.ts';
import { Listeners } from '../../engine/listeners.ts';
import {
  type Consumer,
  type Delivery,
  MessageTooLarge,
  type PublishOptions,
  type Route,
  type Subscription,
  type Transport,
} from '../bus-oslo/transport.ts';
import { ClientLink } from './client-link.ts';
import { maxHeaderBytes } from './frames.ts';

export interface UnixTransportOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  /** How the client is called in the hub's log. */
  readonly name: string;
  readonly maxFrameBytes: number;
  /** Bytes waiting for a hub that does not read; more are refused. */
  readonly maxUnsentBytes: number;
}

interface Declared {
  readonly ask:
    | { readonly op: 'listen'; readonly topic: string; readonly server: string }
    | { readonly op: 'replies'; readonly queue: string };
  readonly consumer: Consumer;
  /** Arrived, and the consumer was not ready; at most the hub's window. */
  held: Delivery[];
  /** Where it is subscribed at present, and under which number. */
  on: { readonly link: ClientLink; readonly id: number } | undefined;
}

const maxWaiting = 10_000;
const greetingMs = 5_000;
/** A connection that lasted this long was a good one: the next attempt after it comes at once. */
const stableMs = 5_000;

export class UnixTransport implements Transport {
  private readonly options: UnixTransportOptions;
  private readonly declared = new Set<Declared>();
  private readonly watchers: Listeners<[up: boolean]>;
  private readonly stop = new AbortController();
  private readonly backoff: Backoff;
  private link: ClientLink | undefined;
  private waiting = 0;
  private upAgain = Promise.withResolvers<void>();

  constructor(options: UnixTransportOptions) {
    this.options = options;
    this.watchers = new Listeners(error => options.log.error('a listener of the bus connection failed', { error }));
    this.backoff = new Backoff({ firstMs: 50, maxMs: 2000, factor: 1.6, jitter: 0.3 }, options.random);
    void this.run();
  }

  /** Resolves when the connection is there; rejects when it did not come within the time. */
  async connected(waitMs: number, signal?: AbortSignal): Promise<ClientLink> {
    for (const deadline = this.options.clock.now() + waitMs; !this.link; ) {
      if (this.stop.signal.aborted) throw new BusUnavailable('the bus was closed');
      const left = deadline - this.options.clock.now();
      if (left <= 0 || signal?.aborted) throw new BusUnavailable(`no connection to the hub at ${this.options.path}`);
      if (this.waiting >= maxWaiting) throw new BusUnavailable(`no connection to the hub, and ${maxWaiting} messages wait for it`);
      this.waiting++;
      await within(this.upAgain.promise, { clock: this.options.clock, waitMs: left, ...(signal ? { signal } : {}) }).finally(
        () => this.waiting--,
      );
    }
    return this.link;
  }

  async publish(route: Route, body: string, { expiresAt, waitMs, signal }: PublishOptions): Promise<void> {
    const { clock, maxFrameBytes, maxUnsentBytes } = this.options;
    const bytes = Buffer.byteLength(body);
    if (bytes > maxFrameBytes - maxHeaderBytes) throw new MessageTooLarge(bytes, maxFrameBytes - maxHeaderBytes);
    const began = clock.now();
    const link = this.link ?? (await this.connected(waitMs, signal));
    if (signal?.aborted) throw new BusUnavailable('nobody waits for it any more');
    if (link.unsentBytes > maxUnsentBytes) throw new BusUnavailable('the hub does not keep up');
    let confirmed = false;
    const confirmation = link.ask({ op: 'publish', route, expires_at: expiresAt }, body).done.then(() => {
      confirmed = true;
    });
    await within(confirmation, { clock, waitMs: waitMs - (clock.now() - began) });
    if (!confirmed) throw new BusUnavailable('the hub did not confirm the message');
  }

  listen(topic: string, server: string, consumer: Consumer): Promise<Subscription> {
    return this.declare({ ask: { op: 'listen', topic, server }, consumer, held: [], on: undefined });
  }

  listenReplies(queue: string, consumer: Consumer): Promise<Subscription> {
    return this.declare({ ask: { op: 'replies', queue }, consumer, held: [], on: undefined });
  }

  onUp(listener: (up: boolean) => void): Disposable {
    return this.watchers.add(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop.abort();
    this.watchers.clear();
    this.upAgain.resolve();
    await this.link?.close();
  }

  private async declare(declared: Declared): Promise<Subscription> {
    this.declared.add(declared);
    try {
      // Down now, or gone before the hub's answer: the next connection declares it with all others before it counts as up.
      while (!declared.on) await this.declareOn(this.link ?? (await this.connected(Number.POSITIVE_INFINITY)), declared);
    } catch (error) {
      this.declared.delete(declared);
      throw error;
    }
    return { resume: () => this.hand(declared), [Symbol.asyncDispose]: () => this.leave(declared) };
  }

  /** Throws when the hub refuses; a link that ends meanwhile leaves it undeclared. */
  private async declareOn(link: ClientLink, declared: Declared): Promise<void> {
    if (declared.on?.link === link) return;
    const { id, done } = link.ask(declared.ask);
    declared.on = { link, id };
    try {
      await done;
    } catch (error) {
      declared.on = undefined;
      if (link.alive) throw error;
    }
  }

  private async leave(declared: Declared): Promise<void> {
    this.declared.delete(declared);
    declared.held = [];
    const { on } = declared;
    declared.on = undefined;
    await on?.link.ask({ op: 'leave', subscription: on.id }).done.catch(() => {});
  }

  /** For as long as the transport lives: connect, stay, lose, wait a little longer each time. */
  private async run(): Promise<void> {
    const { log, clock, path } = this.options;
    let silent = false;
    while (!this.stop.signal.aborted) {
      const began = clock.now();
      try {
        const lost = await this.connect();
        silent = false;
        const why = await lost;
        if (!this.stop.signal.aborted) log.warning('bus connection lost', { path, why });
      } catch (error) {
        if (!silent && !this.stop.signal.aborted) log.warning('no connection to the bus hub; trying on', { path, error: String(error) });
        silent = true;
      }
      if (clock.now() - began > stableMs) this.backoff.reset();
      await clock.sleep(this.backoff.next(), this.stop.signal);
    }
  }

  /** Resolves when up, with a promise that resolves to the reason when the connection goes. */
  private async connect(): Promise<Promise<string>> {
    const { path, name, maxFrameBytes, log } = this.options;
    const lost = Promise.withResolvers<string>();
    const events = {
      deliver: (id: number, body: string, expiresAt: number | undefined) => this.deliver(id, { body, expiresAt }),
      down: (why: string) => {
        this.wentDown();
        lost.resolve(why);
      },
    };
    const link = await this.greeted(path, { name, maxFrameBytes, events });
    // What is declared meanwhile is in the set too.
    for (const declared of this.declared) {
      await this.declareOn(link, declared).catch(error => log.error('cannot subscribe again', { ...declared.ask, error: String(error) }));
    }
    if (this.stop.signal.aborted) await link.close();
    else if (link.alive) this.cameUp(link);
    return lost.promise;
  }

  private async greeted(path: string, options: Omit<Parameters<typeof ClientLink.open>[1], 'signal'>): Promise<ClientLink> {
    const slow = new AbortController();
    const over = new AbortController();
    void this.options.clock.sleep(greetingMs, over.signal).then(() => slow.abort());
    try {
      return await ClientLink.open(path, { ...options, signal: AbortSignal.any([slow.signal, this.stop.signal]) });
    } finally {
      over.abort();
    }
  }

  private cameUp(link: ClientLink): void {
    this.link = link;
    this.options.log.debug('bus connection up', { path: this.options.path });
    this.upAgain.resolve();
    this.watchers.tell(true);
  }

  private wentDown(): void {
    const was = this.link;
    this.link = undefined;
    for (const declared of this.declared) {
      declared.on = undefined;
      // The hub gives them to whoever declares the queue next.
      declared.held = [];
    }
    if (!was) return;
    this.upAgain = Promise.withResolvers();
    this.watchers.tell(false);
  }

  private deliver(id: number, delivery: Delivery): void {
    for (const declared of this.declared) {
      if (declared.on?.id !== id) continue;
      declared.held.push(delivery);
      this.hand(declared);
      return;
    }
  }

  /** Gives the consumer what it is ready for and tells the hub, so that more may come. */
  private hand(declared: Declared): void {
    let count = 0;
    while (declared.consumer.ready()) {
      const delivery = declared.held.shift();
      if (!delivery) break;
      declared.consumer.take(delivery);
      count++;
    }
    if (count > 0) declared.on?.link.took(declared.on.id, count);
  }
}

/** Settles with the promise, or resolves when time is over or the signal aborts. */
async function within(promise: Promise<void>, options: { clock: Clock; waitMs: number; signal?: AbortSignal }): Promise<void> {
  const over = new AbortController();
  const signal = options.signal ? AbortSignal.any([over.signal, options.signal]) : over.signal;
  try {
    await Promise.race([promise, options.clock.sleep(options.waitMs, signal)]);
  } finally {
    over.abort();
  }
}
