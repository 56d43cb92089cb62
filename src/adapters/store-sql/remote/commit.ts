// One commit: names locked, guards looked at, rows written, outbox told, all or nothing; again while others are in the way; and where the
// connection is lost at the very end, what became of it is asked and not guessed.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CommitResult, StoreBusy } from '../../../contracts/store.ts';
import type { SqlValue } from '../common/dialect.ts';
import type { Statement } from '../common/reads.ts';
import type { WriteStep } from '../common/writes.ts';
import { type Attempt, commitAtOnce, fits, outboxBatches, taken } from './at-once.ts';
import type { Answer, Engine, Session, Trouble } from './engine.ts';
import { Elsewhere, Fence } from './fence.ts';
import { type Guards, moved } from './guards.ts';
import type { Failure, RemotePlan } from './plan.ts';
import type { Pool, Use } from './pool.ts';
import { neverMs } from './system.ts';

/** Ends a transaction that must not be: what it did is taken back. */
class Refused extends Error {
  readonly failure: Failure;
  constructor(failure: Failure) {
    super('refused');
    this.failure = failure;
  }
}

/** COMMIT was sent, or may have been, and no answer came. */
class Unknown extends Error {}

/** The number that this commit had in the outbox was closed by a reader before it came: the same again has another. */
class Overtaken extends Error {}

/** How long an attempt may go on before its connection counts as lost: waits for locks end long before. */
const longestMs = 60_000;

const madeAt = 'SELECT made FROM weft_commit WHERE id = ?';

export class Commits {
  private readonly engine: Engine;
  private readonly pool: Pool;
  private readonly patienceMs: number;
  private readonly note: string;
  /** The note of one that must not be done any more. */
  private readonly closing: string;
  private readonly fence: Fence;

  constructor(engine: Engine, pool: Pool, patienceMs: number) {
    this.engine = engine;
    this.pool = pool;
    this.patienceMs = patienceMs;
    this.note = `INSERT INTO weft_commit (id, made) VALUES (?, ${engine.nowMs})`;
    this.closing = `INSERT INTO weft_commit (id, made) VALUES (?, ${engine.nowMs} + ${neverMs})`;
    this.fence = new Fence(engine.nowMs);
  }

  async commit(plan: RemotePlan, at: string): Promise<CommitResult> {
    let seq = 0;
    const attempt = async (session: Session, id: string): Promise<CommitResult> => {
      const note = { text: this.note, binds: [id] };
      if (fits(this.engine, session, plan)) return this.atOnce(session, plan, { at, note });
      const failure = await this.transaction(session, async () => {
        seq = await this.apply(session, plan, { at, note });
      });
      return failure ?? { done: true, seq };
    };
    return this.persist('commits', attempt, () => ({ done: true, seq }));
  }

  private async atOnce(session: Session, plan: RemotePlan, attempt: Attempt): Promise<CommitResult> {
    const outcome = await this.ended(session, commitAtOnce(this.engine, session, plan, attempt));
    if ('done' in outcome) return outcome;
    if ('seq' in outcome) return { done: true, seq: outcome.seq };
    const { error, outbox } = outcome;
    throw outbox && this.engine.takenKey(error, 'weft_outbox') !== undefined ? closed(error) : error;
  }

  /** Work in a transaction of its own that cannot be refused, such as the acknowledgement of a reader. Does it again where it was in the way. */
  async work<T>(work: (session: Session) => Promise<T>): Promise<T> {
    let value: T;
    const attempt = async (session: Session, id: string): Promise<T> => {
      await this.transaction(session, async () => {
        const noted = session.query({ text: this.note, binds: [id] });
        const worked = work(session);
        await inOrder([noted, worked]);
        value = await worked;
      });
      return value;
    };
    return this.persist('commits', attempt, () => value);
  }

  /** A statement that may be sent twice. */
  read<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.persist('reads', work, () => undefined as never);
  }

  /** Each attempt has an id of its own, by which it can be asked about: one that the server has not given up yet holds its own only. */
  private async persist<T>(use: Use, attempt: (session: Session, id: string) => Promise<T>, done: () => T): Promise<T> {
    const since = performance.now();
    let unknown: string | undefined;
    for (let tries = 0; ; tries++) {
      const id = randomUUID();
      try {
        const asked = unknown;
        if (asked !== undefined && (await this.with('commits', session => this.wasDone(session, asked)))) return done();
        unknown = undefined;
        return await this.with(use, session => attempt(session, id));
      } catch (error) {
        if (error instanceof Unknown) unknown = id;
        const cause = error instanceof Unknown ? error.cause : error;
        const trouble = this.troubleOf(cause);
        if (trouble === 'other') throw error;
        const ms = performance.now() - since;
        if (ms >= this.patienceMs) throw busy(trouble, ms, cause, unknown !== undefined);
        if (cause instanceof Elsewhere) await this.takeOver();
      }
      await sleep(Math.random() * Math.min(200, 5 * 2 ** Math.min(tries, 6)));
    }
  }

  private troubleOf(cause: unknown): Trouble {
    return cause instanceof Overtaken || cause instanceof Elsewhere ? 'again' : this.engine.trouble(cause);
  }

  /** Whoever cannot now tries again with the next attempt. */
  private async takeOver(): Promise<void> {
    await this.with('commits', session => this.fence.takeOver(session)).catch(error => {
      if (this.troubleOf(error) === 'other') throw error;
    });
  }

  /** A connection that is lost or says nothing any more, or is to a node that is not the one any more, is not used again. */
  private with<T>(use: Use, work: (session: Session) => Promise<T>): Promise<T> {
    const guarded = async (session: Session): Promise<T> => {
      const silence = setTimeout(() => session.destroy(), longestMs);
      try {
        return await work(session);
      } catch (error) {
        if (error instanceof Unknown || this.engine.trouble(error) === 'lost') session.destroy();
        throw error;
      } finally {
        clearTimeout(silence);
      }
    };
    return this.pool.with(guarded, this.engine.apart ? use : undefined);
  }

  /**
   * Whether the transaction with this id was done. If not, it never will be: its row is made here, as one that says so. That waits for a session
   * that has made it and is still under way, and one that the server has yet to hear of meets it, and ends.
   */
  private async wasDone(session: Session, id: string): Promise<boolean> {
    const begun = session.begin();
    try {
      await inOrder([begun, this.fence.claim(session)]);
      // Nothing else is done, so that COMMIT does no harm where there is a row.
      await inOrder([session.query({ text: this.closing, binds: [id] }), session.commit()]);
      return false;
    } catch (error) {
      await this.takeBack(session);
      if (this.engine.takenKey(error, 'weft_commit') === undefined) throw error;
    }
    const { rows } = await session.query({ text: madeAt, binds: [id] });
    return Number(rows[0]?.[0]) < neverMs;
  }

  /** What the work sends first goes out with the beginning. */
  private async transaction(session: Session, work: () => Promise<void>): Promise<Failure | undefined> {
    const begun = [session.begin(), this.fence.claim(session)];
    try {
      await settle(begun, work());
    } catch (error) {
      await this.takeBack(session);
      if (error instanceof Refused) return error.failure;
      throw error;
    }
    await this.ended(session, session.commit());
    return undefined;
  }

  /** What ends with COMMIT: where the connection is lost, nobody knows; where COMMIT fails, the transaction may be open still. */
  private async ended<T>(session: Session, sent: Promise<T>): Promise<T> {
    try {
      return await sent;
    } catch (cause) {
      if (this.engine.trouble(cause) === 'lost') throw new Unknown('the connection was lost at COMMIT', { cause });
      await this.takeBack(session);
      throw cause;
    }
  }

  private async takeBack(session: Session): Promise<void> {
    // A session that cannot take back is of no use, and the server takes back what it had.
    if (!session.broken) await session.rollback().catch(() => session.destroy());
  }

  /**
   * The last number in the outbox, 0 without one. Everything is under way before the first answer is here, where nothing depends on one.
   * The note by which the commit can be asked about goes with the first inserts.
   */
  private async apply(session: Session, plan: RemotePlan, { at, note }: Attempt): Promise<number> {
    const sent: Promise<unknown>[] = [];
    const send = <T>(answer: Promise<T>, check: (answer: T) => void = () => {}): void => {
      sent.push(answer.then(check));
    };
    const locks = this.engine.lockStatement(plan.names);
    if (locks) send(session.query(locks));
    for (const guards of plan.guards) send(session.query(guards), ({ rows }) => holds(guards, rows));
    const noted = plan.writes.findIndex(([first]) => first!.insert);
    if (noted < 0) send(session.query(note));
    for (const [i, steps] of plan.writes.entries()) {
      const [first, ...more] = steps;
      if (this.engine.waits(first!)) await inOrder(sent.splice(0));
      if (i === noted || more.length > 0) send(this.writeTogether(session, steps, i === noted ? note : undefined));
      else send(this.write(session, first!), matched => expected(first!, matched));
      if (this.engine.waits(first!)) await inOrder(sent.splice(0));
    }
    let seq = 0;
    for (const rows of outboxBatches(plan, at))
      send(this.tell(session, rows), last => {
        seq = last;
      });
    await inOrder(sent);
    return seq;
  }

  private async tell(session: Session, rows: readonly (readonly SqlValue[])[]): Promise<number> {
    try {
      return await this.engine.appendOutbox(session, rows);
    } catch (error) {
      throw this.engine.takenKey(error, 'weft_outbox') === undefined ? error : closed(error);
    }
  }

  private async write(session: Session, step: WriteStep): Promise<number> {
    let answer: Answer;
    try {
      answer = await this.engine.write(session, step);
    } catch (error) {
      const key = this.engine.takenKey(error, step.table.name);
      throw key === undefined ? error : new Refused(taken(step, key));
    }
    return step.counts ? Number(answer.rows[0]![0]) : answer.count;
  }

  private async writeTogether(session: Session, steps: readonly WriteStep[], note: Statement | undefined): Promise<void> {
    try {
      await session.query(this.engine.together(note ? [...steps, note] : steps));
    } catch (error) {
      const found = this.engine.takenAmong(
        error,
        steps.map(({ table }) => table.name),
      );
      const step = found && steps[found.at];
      throw step ? new Refused(taken(step, found.key)) : error;
    }
  }
}

const closed = (cause: unknown): Overtaken => new Overtaken('a number of the outbox was closed', { cause });

function holds(guards: Guards, rows: readonly (readonly unknown[])[]): void {
  const guard = moved(guards, rows);
  if (guard) throw new Refused({ done: false, why: 'guard', guard });
}

function expected(step: WriteStep, matched: number): void {
  if (step.expect === undefined || step.expect === matched) return;
  throw new Refused({ done: false, why: 'miss', table: step.table.name, tag: step.tag });
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
  const others = cause instanceof Elsewhere ? cause.message : 'other commits were in the way';
  const what = trouble === 'lost' ? 'the database could not be reached' : others;
  const rest = unknown ? '; whether the commit was done is not known' : '';
  return new StoreBusy(`${what} for ${Math.round(ms)} ms${rest}`, cause);
}
