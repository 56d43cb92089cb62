// Many commits, one fsync: what is asked for in one turn of the event loop goes into one transaction, and one that fails takes only
// itself back. The transaction begins and ends within one synchronous turn.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { StoreBusy } from '../../../contracts/store.ts';
import { StoreMisuse } from '../common/misuse.ts';
import { isBusy, unlessBusy } from './busy.ts';
import type { Connection } from './connection.ts';

/**
 * Work inside the transaction. `keep: false` takes its rows back and still hands out the value; `clean`: there are none. May run more than
 * once.
 */
export type Work<T> = () => { readonly keep: boolean; readonly clean?: boolean; readonly value: T };

interface Job {
  readonly since: number;
  readonly work: Work<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

type Outcome = { readonly job: Job; readonly value: unknown } | { readonly job: Job; readonly error: unknown };

/** How long one transaction gathers work before it commits: the event loop stands still meanwhile. */
const longestTurnMs = 10;
/** Transactions with savepoints after one in which something had to be taken back: begun anew as seldom as this, it costs little. */
const carefulFor = 30;

/** Somebody's rows have to go, and nothing but the end of the transaction takes them back. */
class Spoilt extends Error {}

const age = (job: Job) => performance.now() - job.since;

export class GroupCommit {
  private readonly connection: Connection;
  private readonly patienceMs: number;
  private waiting: Job[] = [];
  private running: Promise<void> | undefined;
  private closed = false;
  /** Transactions that are still to have savepoints. */
  private careful = 0;

  constructor(connection: Connection, patienceMs: number) {
    this.connection = connection;
    this.patienceMs = patienceMs;
  }

  add<T>(work: Work<T>): Promise<T> {
    if (this.closed) return Promise.reject(new StoreMisuse('the store is closed'));
    return new Promise<T>((resolve, reject) => {
      this.waiting.push({ since: performance.now(), work, resolve: resolve as (value: unknown) => void, reject });
      this.running ??= this.run();
    });
  }

  /** Lets nothing more in, and ends when what is in is done. */
  async close(): Promise<void> {
    this.closed = true;
    await this.running;
  }

  private async run(): Promise<void> {
    while (this.waiting.length > 0) {
      await nextTurn();
      await this.round();
    }
    this.running = undefined;
  }

  private async round(): Promise<void> {
    let outcomes: Outcome[];
    try {
      // The transaction takes from the queue only when it holds the lock: what arrives during the wait goes along.
      outcomes = await unlessBusy(() => this.transaction(), this.patienceMs - age(this.waiting[0]!));
    } catch (error) {
      // Who came late to a wait that failed has patience left.
      const over =
        error instanceof StoreBusy ? Math.max(1, this.waiting.filter(job => age(job) >= this.patienceMs).length) : this.waiting.length;
      for (const job of this.waiting.splice(0, over)) job.reject(error);
      return;
    }
    for (const outcome of outcomes) {
      if ('error' in outcome) outcome.job.reject(outcome.error);
      else outcome.job.resolve(outcome.value);
    }
  }

  private transaction(): Outcome[] {
    try {
      return this.attemptAll();
    } catch (error) {
      if (!(error instanceof Spoilt)) throw error;
      this.careful = carefulFor;
      return this.attemptAll();
    }
  }

  /** All or nothing for its jobs' results, too: if it throws, they are all still waiting. */
  private attemptAll(): Outcome[] {
    const { connection } = this;
    connection.control('BEGIN IMMEDIATE');
    try {
      const outcomes = this.waiting.length === 1 ? this.alone() : this.together();
      if (connection.db.isTransaction) connection.control('COMMIT');
      this.waiting.splice(0, outcomes.length);
      return outcomes;
    } catch (error) {
      if (connection.db.isTransaction) connection.control('ROLLBACK');
      throw error;
    }
  }

  /** The usual case needs no savepoint: the transaction itself is taken back. */
  private alone(): Outcome[] {
    const outcome = this.attempt(this.waiting[0]!);
    if (!outcome.keep && this.connection.db.isTransaction) this.connection.control('ROLLBACK');
    return [outcome];
  }

  private together(): Outcome[] {
    const careful = this.careful > 0;
    if (careful) this.careful--;
    const outcomes: Outcome[] = [];
    const end = performance.now() + longestTurnMs;
    for (const job of this.waiting) {
      outcomes.push(careful ? this.withSavepoint(job) : this.without(job));
      if (performance.now() > end) break;
    }
    return outcomes;
  }

  /** Of what is behind a savepoint the database keeps a copy of each page that it changes. Most is kept anyway. */
  private without(job: Job): Outcome {
    const outcome = this.attempt(job);
    this.requireTransaction(outcome);
    if (!outcome.keep && !outcome.clean) throw new Spoilt();
    return outcome;
  }

  private withSavepoint(job: Job): Outcome {
    const { connection } = this;
    connection.control('SAVEPOINT one');
    const outcome = this.attempt(job);
    this.requireTransaction(outcome);
    if (!outcome.keep) connection.control('ROLLBACK TO one');
    connection.control('RELEASE one');
    return outcome;
  }

  /** A full disk or an I/O error ends the whole transaction: nobody's rows are there any more. */
  private requireTransaction(outcome: Outcome): void {
    if (!this.connection.db.isTransaction) throw 'error' in outcome ? outcome.error : new Error('store: the transaction was lost');
  }

  private attempt(job: Job): Outcome & { readonly keep: boolean; readonly clean: boolean } {
    try {
      const { keep, value, clean = false } = job.work();
      return { job, value, keep, clean };
    } catch (error) {
      if (isBusy(error)) throw error;
      return { job, error, keep: false, clean: false };
    }
  }
}
