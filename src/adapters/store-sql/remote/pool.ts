// Connections to one node at a time: bounded, made as they are needed, made anew when they are old or lost, and on the next node of the
// list when this one is gone. All of a store's connections are to the same node, since row locks of one node bind nobody on another.
import { type PoolCounts, StoreBusy } from '../../../contracts/store.ts';
import { StoreMisuse } from '../common/misuse.ts';
import type { Session } from './engine.ts';
import type { Location, Node } from './url.ts';

/** Named as in oslo.db. A process sends one commit after another without waiting for a thread, so it needs fewer connections than there. */
export interface PoolOptions {
  /** Connections that are kept. */
  readonly max_pool_size: number;
  /** And so many more while there is work for them. */
  readonly max_overflow: number;
  /** Seconds that one waits for a connection. */
  readonly pool_timeout: number;
  /** Seconds after which a connection is made anew. */
  readonly connection_recycle_time: number;
}

export const poolDefaults: PoolOptions = { max_pool_size: 10, max_overflow: 20, pool_timeout: 30, connection_recycle_time: 3600 };

const overflowAfterMs = 50;
const crowdMs = 10_000;

interface Held {
  readonly session: Session;
  readonly since: number;
  readonly node: Node;
  /** What it was used for last. */
  use: Use | undefined;
}

/** Where a connection must be told before it can be used for the other. */
export type Use = 'reads' | 'commits';

interface Waiting {
  readonly resolve: (held: Held | 'make') => void;
  readonly reject: (error: Error) => void;
}

export class Pool {
  private readonly location: Location;
  private readonly options: PoolOptions;
  private readonly connect: (node: Node) => Promise<Session>;
  private readonly idle: Held[] = [];
  private readonly waiting: Waiting[] = [];
  private open = 0;
  private current = 0;
  private crowded = Number.NEGATIVE_INFINITY;
  private closed = false;
  private empty: (() => void) | undefined;

  constructor(location: Location, options: PoolOptions, connect: (node: Node) => Promise<Session>) {
    this.location = location;
    this.options = options;
    this.connect = connect;
  }

  get node(): Node {
    return this.location.nodes[this.current]!;
  }

  get counts(): PoolCounts {
    return { open: this.open, idle: this.idle.length, waiting: this.waiting.length };
  }

  /** Work on a connection of one's own. One that is broken afterwards is not used again. */
  async with<T>(work: (session: Session) => Promise<T>, use?: Use): Promise<T> {
    if (this.closed) throw new StoreMisuse('the store is closed');
    const held = await this.take(use);
    held.use = use;
    try {
      return await work(held.session);
    } finally {
      this.give(held);
    }
  }

  private async take(use: Use | undefined): Promise<Held> {
    for (;;) {
      const held = this.unused(use);
      if (!held) break;
      if (this.isGood(held)) return held;
      this.drop(held);
    }
    if (this.open < this.options.max_pool_size) {
      this.open++;
      return this.make();
    }
    const got = await this.queue();
    return got === 'make' ? this.grow() : got;
  }

  /** One that was used for the same, or any where no more may be made. */
  private unused(use: Use | undefined): Held | undefined {
    const at = this.idle.findLastIndex(held => held.use === use);
    if (at >= 0) return this.idle.splice(at, 1)[0];
    return this.open < this.options.max_pool_size ? undefined : this.idle.pop();
  }

  private queue(): Promise<Held | 'make'> {
    const { promise, resolve, reject } = Promise.withResolvers<Held | 'make'>();
    const entry = { resolve, reject };
    this.waiting.push(entry);
    const seconds = this.options.pool_timeout;
    const late = setTimeout(() => this.overflow(entry), overflowAfterMs);
    const timer = setTimeout(() => {
      const error = new StoreBusy(`no connection was free for ${seconds} s (max_pool_size and max_overflow allow ${this.open})`);
      if (this.leaveQueue(entry)) reject(error);
    }, seconds * 1000);
    return promise.finally(() => {
      clearTimeout(late);
      clearTimeout(timer);
    });
  }

  private leaveQueue(entry: Waiting): boolean {
    const at = this.waiting.indexOf(entry);
    if (at >= 0) this.waiting.splice(at, 1);
    return at >= 0;
  }

  /** One more connection for somebody who has waited: most are served sooner by one that comes back than by one that has to be made. */
  private overflow(entry: Waiting): void {
    const { max_pool_size, max_overflow } = this.options;
    if (this.open >= max_pool_size + max_overflow || !this.leaveQueue(entry)) return;
    this.open++;
    this.crowded = performance.now();
    entry.resolve('make');
  }

  /** One more than are kept. Where the server has no more to give, those that are there have to do. */
  private async grow(): Promise<Held> {
    try {
      return await this.make();
    } catch (error) {
      if (this.open === 0) throw error;
      const got = await this.queue();
      return got === 'make' ? this.make() : got;
    }
  }

  /** In a place that is counted already. */
  private async make(): Promise<Held> {
    try {
      return await this.reach();
    } catch (error) {
      this.leave();
      throw error;
    }
  }

  /** The node that served last, or the next one that lets us in. */
  private async reach(): Promise<Held> {
    const { nodes } = this.location;
    const first = this.current;
    let failure: unknown;
    for (let i = 0; i < nodes.length; i++) {
      const at = (first + i) % nodes.length;
      const node = nodes[at]!;
      try {
        const session = await this.connect(node);
        // Somebody may have found another node meanwhile: then that one is the one.
        if (this.current === first) this.current = at;
        if (this.node === node) return { session, since: performance.now(), node, use: undefined };
        session.destroy();
        return await this.reach();
      } catch (error) {
        failure ??= error;
      }
    }
    throw failure;
  }

  private isGood({ session, since, node }: Held): boolean {
    return !session.broken && node === this.node && performance.now() - since < this.options.connection_recycle_time * 1000;
  }

  private give(held: Held): void {
    const next = this.closed || !this.isGood(held) ? undefined : this.waiting.shift();
    if (next) next.resolve(held);
    else if (!this.closed && this.isGood(held) && this.isWanted()) this.idle.push(held);
    else this.drop(held);
  }

  /** What was made for a crowd stays a little, since a crowd does. */
  private isWanted(): boolean {
    return this.open <= this.options.max_pool_size || performance.now() - this.crowded < crowdMs;
  }

  private drop({ session }: Held): void {
    session.destroy();
    this.leave();
  }

  /** A place is free: whoever waits makes a connection in it. */
  private leave(): void {
    const next = this.waiting.shift();
    if (next) next.resolve('make');
    else this.open--;
    if (this.open === 0) this.empty?.();
  }

  /** Lets nobody more in, and ends when those that are in are done. */
  async close(): Promise<void> {
    this.closed = true;
    for (const { reject } of this.waiting.splice(0)) reject(new StoreMisuse('the store is closed'));
    for (const held of this.idle.splice(0)) this.drop(held);
    if (this.open > 0) await new Promise<void>(done => (this.empty = done));
  }
}
