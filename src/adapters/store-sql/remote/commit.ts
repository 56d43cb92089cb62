// One commit: names locked, guards looked at, rows written, outbox told, all or nothing; again while others are in the way; and where the
// connection is lost at the very end, what became of it is asked and not guessed.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CommitResult } from '../../../contracts/store.ts';
import { StoreBusy } from '../common/busy.ts';
import type { SqlValue } from '../common/dialect.ts';
import { indexesOf } from '../common/schema.ts';
import type { WriteStep } from '../common/writes.ts';
import type { Answer, Engine, Session } from './engine.ts';
import { moved } from './guards.ts';
import type { Failure, RemotePlan } from './plan.ts';
import type { Pool } from './pool.ts';

/** Ends a transaction that must not be: what it did is taken back. */
class Refused extends Error {
  readonly failure: Failure;
  constructor(failure: Failure) {
    super('refused');
    this.failure = failure;
  }
}

/** COMMIT was sent, and no answer came. */
class Unknown extends Error {}

/** The number that this commit had in the outbox was closed by a reader before it came: the same again has another. */
class Overtaken extends Error {}

/** How long an attempt may go on before its connection counts as lost: waits for locks end long before. */
const longestMs = 60_000;

export class Commits {
  private readonly engine: Engine;
  private readonly pool: Pool;
  private readonly patienceMs: number;
  private readonly note: string;

  constructor(engine: Engine, pool: Pool, patienceMs: number) {
    this.engine = engine;
    this.pool = pool;
    this.patienceMs = patienceMs;
    this.note = `INSERT INTO weft_commit (id, made) VALUES (?, ${engine.nowMs})`;
  }

  async commit(plan: RemotePlan, at: string): Promise<CommitResult> {
    let seq = 0;
    const attempt = async (session: Session, id: string): Promise<CommitResult> => {
      const failure = await this.transaction(session, id, async () => {
        seq = await this.apply(session, plan, at);
      });
      return failure ?? { done: true, seq };
    };
    return this.persist(attempt, () => ({ done: true, seq }));
  }

  /** Work in a transaction of its own that cannot be refused, such as the acknowledgement of a reader. Does it again where it was in the way. */
  async work<T>(work: (session: Session) => Promise<T>): Promise<T> {
    let value: T;
    const attempt = async (session: Session, id: string): Promise<T> => {
      await this.transaction(session, id, async () => {
        value = await work(session);
      });
      return value;
    };
    return this.persist(attempt, () => value);
  }

  /** A statement that may be sent twice. */
  read<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.persist(work, () => undefined as never);
  }

  /** Each attempt has an id of its own, by which it can be asked about: one that the server has not given up yet holds its own only. */
  private async persist<T>(attempt: (session: Session, id: string) => Promise<T>, done: () => T): Promise<T> {
    const since = performance.now();
    let unknown: string | undefined;
    for (let tries = 0; ; tries++) {
      const id = randomUUID();
      try {
        const asked = unknown;
        if (asked !== undefined && (await this.with(session => this.wasDone(session, asked)))) return done();
        unknown = undefined;
        return await this.with(session => attempt(session, id));
      } catch (error) {
        if (error instanceof Unknown) unknown = id;
        const cause = error instanceof Unknown ? error.cause : error;
        const trouble = cause instanceof Overtaken ? 'again' : this.engine.trouble(cause);
        if (trouble === 'other') throw error;
        const ms = performance.now() - since;
        if (ms >= this.patienceMs) throw busy(trouble, ms, cause, unknown !== undefined);
      }
      await sleep(Math.random() * Math.min(200, 5 * 2 ** Math.min(tries, 6)));
    }
  }

  /** A connection that is lost or says nothing any more, or is to a node that is not the one any more, is not used again. */
  private with<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.pool.with(async session => {
      const silence = setTimeout(() => session.destroy(), longestMs);
      try {
        return await work(session);
      } catch (error) {
        if (error instanceof Unknown || this.engine.trouble(error) === 'lost') session.destroy();
        throw error;
      } finally {
        clearTimeout(silence);
      }
    });
  }

  /**
   * Whether the transaction with this id was done. Inserting its row ourselves waits for one that is still under way, and where the row
   * can be inserted and is taken back, there is none any more that could: its session is gone, and its row with it.
   */
  private async wasDone(session: Session, id: string): Promise<boolean> {
    await session.begin();
    try {
      await session.query({ text: this.note, binds: [id] });
      return false;
    } catch (error) {
      if (this.engine.takenKey(error, 'weft_commit') !== undefined) return true;
      throw error;
    } finally {
      await this.takeBack(session);
    }
  }

  private async transaction(session: Session, id: string, work: () => Promise<void>): Promise<Failure | undefined> {
    const begun = session.begin();
    const known = session.query({ text: this.note, binds: [id] });
    try {
      await settle([begun, known], work());
    } catch (error) {
      await this.takeBack(session);
      if (error instanceof Refused) return error.failure;
      throw error;
    }
    try {
      await session.commit();
    } catch (cause) {
      if (this.engine.trouble(cause) === 'lost') throw new Unknown('the connection was lost at COMMIT', { cause });
      await this.takeBack(session);
      throw cause;
    }
    return undefined;
  }

  private async takeBack(session: Session): Promise<void> {
    // A session that cannot take back is of no use, and the server takes back what it had.
    if (!session.broken) await session.rollback().catch(() => session.destroy());
  }

  /** The last number in the outbox, 0 without one. Everything is under way before the first answer is here, where nothing depends on one. */
  private async apply(session: Session, plan: RemotePlan, at: string): Promise<number> {
    const sent: Promise<unknown>[] = [];
    const send = <T>(answer: Promise<T>, check: (answer: T) => void): void => {
      sent.push(answer.then(check));
    };
    const locks = this.engine.lockStatement(plan.names);
    if (locks) send(session.query(locks), () => {});
    if (plan.guards)
      send(session.query(plan.guards), ({ rows }) => {
        const guard = moved(plan.guards!, rows);
        if (guard) throw new Refused({ done: false, why: 'guard', guard });
      });
    for (const step of plan.writes) {
      if (this.engine.waits(step)) await inOrder(sent.splice(0));
      send(this.write(session, step), matched => expected(step, matched));
      if (this.engine.waits(step)) await inOrder(sent.splice(0));
    }
    let seq = 0;
    if (plan.outbox.length > 0)
      send(this.tell(session, outboxRows(plan, at)), last => {
        seq = last;
      });
    await inOrder(sent);
    return seq;
  }

  private async tell(session: Session, rows: readonly (readonly SqlValue[])[]): Promise<number> {
    try {
      return await this.engine.appendOutbox(session, rows);
    } catch (error) {
      throw this.engine.takenKey(error, 'weft_outbox') === undefined
        ? error
        : new Overtaken('a number of the outbox was closed', { cause: error });
    }
  }

  private async write(session: Session, step: WriteStep): Promise<number> {
    let answer: Answer;
    try {
      answer = await this.engine.write(session, step);
    } catch (error) {
      const key = this.engine.takenKey(error, step.table.name);
      if (key === undefined) throw error;
      const columns = key === 'primary' ? step.table.def.primaryKey : indexesOf(step.table.def).find(index => index.name === key)?.columns;
      throw new Refused({ done: false, why: 'conflict', table: step.table.name, columns: columns ?? [key], tag: step.tag });
    }
    return step.counts ? Number(answer.rows[0]![0]) : answer.count;
  }
}

function expected(step: WriteStep, matched: number): void {
  if (step.expect === undefined || step.expect === matched) return;
  throw new Refused({ done: false, why: 'miss', table: step.table.name, tag: step.tag });
}

function outboxRows({ outbox }: RemotePlan, at: string): SqlValue[][] {
  return outbox.map(({ entry, facts }) => [at, entry.kind, entry.id, entry.event, entry.revision, facts]);
}

/** The first failure in the order in which things were asked, once all of them have been answered: what comes later may fail because of it. */
async function inOrder(sent: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(sent);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

async function settle(before: readonly Promise<unknown>[], work: Promise<void>): Promise<void> {
  await inOrder([...before, work]);
}

function busy(trouble: string, ms: number, cause: unknown, unknown: boolean): StoreBusy {
  const what = trouble === 'lost' ? 'the database could not be reached' : 'other commits were in the way';
  const rest = unknown ? '; whether the commit was done is not known' : '';
  return new StoreBusy(`${what} for ${Math.round(ms)} ms${rest}`, cause);
}
