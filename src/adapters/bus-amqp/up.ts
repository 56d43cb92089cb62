// Whether there is a connection: who waits for one, and who wants to hear of it.
import { BusUnavailable } from '../../contracts/bus.ts';
import type { Log } from '../../contracts/log.ts';
import type { Clock } from '../../engine/clock.ts';
import { Listeners } from '../../engine/listeners.ts';

const maxWaiting = 10_000;

export class Up<Link> {
  private readonly options: { readonly clock: Clock; readonly log: Log };
  private readonly watchers: Listeners<[up: boolean]>;
  private link: Link | undefined;
  private upAgain = Promise.withResolvers<void>();
  private waiting = 0;
  private closed = false;

  constructor(options: { readonly clock: Clock; readonly log: Log }) {
    this.options = options;
    this.watchers = new Listeners(error => options.log.error('a listener of the bus connection failed', { error }));
  }

  get now(): Link | undefined {
    return this.link;
  }

  set(link: Link | undefined): void {
    const was = this.link;
    this.link = link;
    if (link) this.upAgain.resolve();
    else if (was) this.upAgain = Promise.withResolvers();
    if ((was === undefined) !== (link === undefined)) this.watchers.tell(link !== undefined);
  }

  /** Rejects with BusUnavailable when none came within the time. */
  async wait(waitMs: number, signal?: AbortSignal): Promise<Link> {
    const { clock } = this.options;
    for (const deadline = clock.now() + waitMs; !this.link; ) {
      if (this.closed) throw new BusUnavailable('the bus was closed');
      const left = deadline - clock.now();
      if (left <= 0 || signal?.aborted) throw new BusUnavailable('no connection to the message broker');
      if (this.waiting >= maxWaiting)
        throw new BusUnavailable(`no connection to the message broker, and ${maxWaiting} messages wait for it`);
      this.waiting++;
      await within(this.upAgain.promise, { clock, waitMs: left, ...(signal ? { signal } : {}) }).finally(() => this.waiting--);
    }
    return this.link;
  }

  watch(listener: (up: boolean) => void): Disposable {
    return this.watchers.add(listener);
  }

  close(): void {
    this.closed = true;
    this.watchers.clear();
    this.upAgain.resolve();
  }
}

/** Settles with the promise, or resolves to undefined when time is over or the signal aborts. */
export async function within<T>(
  promise: Promise<T>,
  options: { readonly clock: Clock; readonly waitMs: number; readonly signal?: AbortSignal },
): Promise<T | undefined> {
  const over = new AbortController();
  const signal = options.signal ? AbortSignal.any([over.signal, options.signal]) : over.signal;
  try {
    return await Promise.race([promise, options.clock.sleep(options.waitMs, signal).then(() => undefined)]);
  } finally {
    over.abort();
  }
}
