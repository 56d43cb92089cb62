// Carries the outbox to a reader: in commit order, at least once, by one process at a time. What cannot be delivered waits.
import { BusUnavailable } from '../../contracts/bus.ts';
import { type OutboxRow, StoreBusy } from '../../contracts/store.ts';
import { Backoff } from '../../engine/backoff.ts';
import type { Signal } from '../../engine/clock.ts';
import type { Services } from '../context.ts';
import { Bell } from './bell.ts';
import { catchUp, forgetLate } from './catch-up.ts';
import { LeftForAnother, letByMs, Strangers } from './strangers.ts';
import { type Bound, batch, Waiting } from './waiting.ts';

interface Reading {
  /** The reader's name: its cursor and its lease. */
  readonly reader: string;
  /** This process, for the lease. */
  readonly holder: string;
  /** Where its alarm clock is put: what is called there when another process has written, since the store tells of its own process. */
  readonly wakers?: Set<() => void>;
  /** Errors that delay everything and lose nothing: what is told is away. A bus's own are so in any case. */
  readonly isAway?: (error: unknown) => boolean;
  /** Looks at everything anew, for a reader that can: it need not be kept for, for ever. `hold` fails when another process goes on. */
  readonly all?: (hold: () => Promise<void>) => Promise<void>;
  /** Without one, what cannot be delivered waits for ever, or until the reader is forgotten. */
  readonly bound?: Bound;
}

type Deliver = (row: OutboxRow) => Promise<void>;

interface OneByOne extends Reading {
  readonly deliver: Deliver;
  /** Called when facts were read, before they are delivered one by one. `hold` fails when another process goes on. */
  readonly begin?: (hold: () => Promise<void>) => void;
  /** `deliver` may leave messages on their way: fails where one of them did not arrive. Without it `deliver` says so itself. */
  readonly arrived?: () => Promise<void>;
  /** What was put off is told before any of them is acknowledged. */
  readonly end?: () => Promise<void>;
  /** Whether there is anybody to tell. Whoever comes later asks for everything anyway: facts that nobody was there for are passed over. */
  readonly isHeard?: () => boolean;
  /** Reads at once what several facts are about, and answers how each of them can then be told. */
  readonly together?: (rows: readonly OutboxRow[]) => Promise<Deliver>;
}

/** A reader that tells of many facts at once: of all or, by failing, of none. It answers how long to rest then. */
interface AllAtOnce extends Reading {
  readonly deliverAll: (rows: readonly OutboxRow[]) => Promise<number>;
}

export type RelayOptions = OneByOne | AllAtOnce;

const leaseMs = 10_000;
/** How long the relay sleeps when nobody wakes it: facts of other processes are found this late at the worst. */
const idleMs = 500;
/** Between passes of a reader that has nobody to tell: each look and each acknowledgement is for more facts then. */
const unheardMs = 100;
/** Where facts came while others were told, more come: each look and each acknowledgement is for those of so long. */
const gatherMs = 20;

export async function runRelay(services: Services, options: RelayOptions, signal: Signal): Promise<void> {
  const backoff = new Backoff({ firstMs: 100, maxMs: 10_000 }, services.random);
  const lease = new Lease(services, `relay:${options.reader}`, options.holder);
  const strangers = new Strangers(services, options.reader);
  const waiting = new Waiting(services, options.reader, options.bound);
  const bell = new Bell(services.clock, signal);
  const ring = (): void => bell.ring();
  using _listener = services.store.onOutbox(ring);
  options.wakers?.add(ring);
  while (!signal.aborted) {
    bell.listen();
    try {
      if (!(await lease.held())) {
        // Whoever holds it is told of each fact as well: to ask for the lease again and again would be a write for each.
        waiting.idle();
        backoff.reset();
        await services.clock.sleep(idleMs, signal);
        continue;
      }
      const { sent, restMs } = await pass(services, options, { lease, strangers, waiting });
      backoff.reset();
      if (restMs > 0) await lease.keptWhile(() => services.clock.sleep(restMs, signal));
      else if (sent > 0 && sent < batch) await (bell.rang ? services.clock.sleep(gatherMs, signal) : bell.wait(gatherMs));
      if (sent > 0) continue;
    } catch (error) {
      if (error instanceof LeftForAnother) {
        await lease.giveBack();
        await services.clock.sleep(letByMs, signal);
        continue;
      }
      services.log.error('relay: delivery failed, will be repeated', { reader: options.reader, error });
      if (options.all && options.isAway?.(error)) await forgetLate(services, options.reader).catch(() => {});
      await services.clock.sleep(backoff.next(), signal);
      continue;
    }
    await bell.wait(idleMs);
  }
  options.wakers?.delete(ring);
  await lease.giveBack();
}

/** It went to another process, or nobody can say: no fault of the fact that is being told. */
class LeaseLost extends Error {}

/** Renewed before a third of it is over, not for every fact: a renewal is a commit. */
class Lease {
  private readonly services: Services;
  private readonly name: string;
  private readonly holder: string;
  private renewAt = 0;

  constructor(services: Services, name: string, holder: string) {
    this.services = services;
    this.name = name;
    this.holder = holder;
  }

  async held(): Promise<boolean> {
    const now = this.services.clock.now();
    // A clock that was set back must not keep us from renewing.
    if (now < this.renewAt && this.renewAt - now <= leaseMs / 3) return true;
    const held = await this.services.store.lease(this.name, this.holder, leaseMs);
    this.renewAt = held ? now + leaseMs / 3 : 0;
    return held;
  }

  async hold(): Promise<void> {
    const held = await this.held().catch((cause: unknown) => {
      throw new LeaseLost(`whether the lease ${this.name} is ours still cannot be known`, { cause });
    });
    if (!held) throw new LeaseLost(`the lease ${this.name} went to another process`);
  }

  /** What takes long must not make another process think that nobody does it. */
  async keptWhile<T>(work: () => Promise<T>): Promise<T> {
    const done = new AbortController();
    const keeping = this.keep(done.signal);
    try {
      return await work();
    } finally {
      done.abort();
      await keeping;
    }
  }

  private async keep(signal: Signal): Promise<void> {
    const { clock, log } = this.services;
    while (!signal.aborted) {
      await clock.sleep(leaseMs / 3, signal);
      // Whether it is ours still is asked when the work is done, too.
      if (!signal.aborted)
        await this.held().catch((error: unknown) => log.warning('relay: the lease was not renewed', { name: this.name, error }));
    }
  }

  /** The next process need not wait until it runs out. */
  async giveBack(): Promise<void> {
    if (this.renewAt === 0) return;
    this.renewAt = 0;
    await this.services.store.lease(this.name, this.holder, 0).catch((error: unknown) => {
      this.services.log.warning('relay: the lease could not be given back', { name: this.name, error });
    });
  }
}

interface Passed {
  readonly sent: number;
  readonly restMs: number;
}

const nothing: Passed = { sent: 0, restMs: 0 };

interface Pass {
  readonly lease: Lease;
  readonly strangers: Strangers;
  readonly waiting: Waiting;
}

async function pass(services: Services, options: RelayOptions, { lease, strangers, waiting }: Pass): Promise<Passed> {
  const { reader, all } = options;
  if (all) await catchUp(services, reader, () => all(() => lease.hold()));
  const rows = strangers.before(await waiting.read(work => lease.keptWhile(work)));
  const last = rows.at(-1);
  if (!last) return nothing;
  const unheard = isUnheard(options);
  if ('begin' in options) options.begin?.(() => lease.hold());
  const restMs = unheard ? 0 : await lease.keptWhile(() => told(services, options, rows, lease));
  await services.store.acknowledge(reader, last.seq);
  services.metrics?.count('weft_outbox_delivered_total', { reader }, rows.length);
  return { sent: rows.length, restMs: unheard && rows.length < batch ? unheardMs : restMs };
}

const isUnheard = (options: RelayOptions): boolean => 'deliver' in options && options.isHeard?.() === false;

/** How long to rest then, ms. */
const told = (services: Services, options: RelayOptions, rows: readonly OutboxRow[], lease: Lease): Promise<number> =>
  'deliverAll' in options ? deliverTogether(services, options, rows, lease) : deliverEach(services, options, rows, lease);

const isAway = ({ isAway: isTheirs }: Reading, error: unknown): boolean =>
  error instanceof BusUnavailable || error instanceof StoreBusy || error instanceof LeaseLost || isTheirs?.(error) === true;

/** Where it is not the other side that is away, one of them may be bad: each is told by itself. */
async function deliverTogether(services: Services, options: AllAtOnce, rows: readonly OutboxRow[], lease: Lease): Promise<number> {
  try {
    return await options.deliverAll(rows);
  } catch (error) {
    if (isAway(options, error)) throw error;
    services.log.error('relay: facts could not be told together, each is told by itself', { reader: options.reader, error });
  }
  const { reader, holder, isAway: isTheirs } = options;
  const deliver = async (row: OutboxRow): Promise<void> => void (await options.deliverAll([row]));
  return deliverEach(services, { reader, holder, deliver, ...(isTheirs ? { isAway: isTheirs } : {}) }, rows, lease);
}

async function deliverEach(services: Services, options: OneByOne, rows: readonly OutboxRow[], lease: Lease): Promise<number> {
  let done = 0;
  // What was put off was true a while ago: another process that has the lease by now has told what became of it.
  const end = async (): Promise<void> => {
    if (!options.end) return;
    await lease.hold();
    await options.end();
  };
  try {
    for (let from = 0; from < rows.length; from += readAtOnce) {
      const some = rows.slice(from, from + readAtOnce);
      const deliver = await readFor(services, options, some);
      const { arrived } = options;
      try {
        for (const row of some) {
          await deliverOne(services, { ...options, first: deliver }, row);
          if (!arrived) done = row.seq;
        }
        await arrived?.();
        done = some.at(-1)!.seq;
      } catch (error) {
        if (!arrived || isAway(options, error)) throw error;
        // Whichever of them cannot be told, fails by itself.
        const alone = async (row: OutboxRow): Promise<void> => {
          // Also what was made of a fact that fails is told with it, and not with the next.
          await options.deliver(row).finally(arrived);
        };
        for (const row of some) {
          await deliverOne(services, { ...options, deliver: alone, first: alone }, row);
          done = row.seq;
        }
      }
    }
  } catch (error) {
    // What was told, or given up, before it went away is behind us: it is neither told nor tried again with the rest.
    if (done > 0) {
      await end();
      await services.store.acknowledge(options.reader, done);
    }
    throw error;
  }
  await end();
  return 0;
}

/** Facts whose objects are read at once, and how long that may be told: what takes longer is read anew. */
const readAtOnce = 50;
const freshMs = 500;

async function readFor(services: Services, options: OneByOne, rows: readonly OutboxRow[]): Promise<Deliver> {
  const { deliver, together } = options;
  if (!together) return deliver;
  const { clock } = services;
  const until = clock.now() + freshMs;
  try {
    const known = await together(rows);
    return row => (clock.now() < until ? known : deliver)(row);
  } catch (error) {
    if (isAway(options, error)) throw error;
    // Whichever of them is bad, fails by itself.
    return deliver;
  }
}

/** One bad fact does not hold up the others for ever: it is tried three times, anew each time, then logged and passed. */
async function deliverOne(services: Services, options: OneByOne & { readonly first: Deliver }, row: OutboxRow): Promise<void> {
  const { reader, deliver, first } = options;
  for (let attempt = 1; ; attempt++) {
    try {
      return await (attempt === 1 ? first : deliver)(row);
    } catch (error) {
      // A bus or a database that is away delays everything and loses nothing.
      if (isAway(options, error)) throw error;
      if (attempt < 3) continue;
      services.log.error('relay: a fact was given up', { reader, seq: row.seq, kind: row.kind, id: row.id, error });
      return;
    }
  }
}
