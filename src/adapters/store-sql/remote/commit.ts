// One commit: names locked, guards looked at, rows written, outbox told, all or nothing; again while others are in the way; and where the
// connection is lost at the very end, what became of it is asked and not guessed.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CommitResult, StoreBusy } from '../../../contracts/store.ts';
import type { SqlValue } from '../common/dialect.ts';
import type { Statement } from '../common/reads.ts';
import { indexesOf } from '../common/schema.ts';
import type { WriteStep } from '../common/writes.ts';
import type { Answer, Engine, Session, Trouble } from './engine.ts';
import { Elsewhere, Fence } from './fence.ts';
import { type Guards, moved } from './guards.ts';
import type { Failure, RemotePlan } from './plan.ts';
import type { Pool, Use } from './pool.ts';

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
  private readonly fence: Fence;

  constructor(engine: Engine, pool: Pool, patienceMs: number) {
    this.engine = engine;
    this.pool = pool;
    this.patienceMs = patienceMs;
    this.note = `INSERT INTO weft_commit (id, made) VALUES (?, ${engine.nowMs})`;
    this.fence = new Fence(engine.nowMs);
  }

  async commit(plan: RemotePlan, at: string): Promise<CommitResult> {
    let seq = 0;
    const attempt = async (session: Session, id: string): Promise<CommitResult> => {
      const note = { text: this.note, binds: [id] };
      const failure = await this.transaction(session, async () => {
        seq = await this.apply(session, plan, { at, note });
      });
      return failure ?? { done: true, seq };
    };
    return this.persist('commits', attempt, () => ({ done: true, seq }));
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
   * Whether the transaction with this id was done. Inserting its row ourselves waits for one that is still under way, and where the row
   * can be inserted and is taken back, there is none any more that could: its session is gone, and its row with it.
   */
  private async wasDone(session: Session, id: string): Promise<boolean> {
    await session.begin();
    try {
      await this.fence.claim(session);
      await session.query({ text: this.note, binds: [id] });
      return false;
    } catch (error) {
      if (this.engine.takenKey(error, 'weft_commit') !== undefined) return true;
      throw error;
    } finally {
      await this.takeBack(session);
    }
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
      throw key === undefined ? error : taken(step, key);
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
      throw step ? taken(step, found.key) : error;
    }
  }
}

interface Attempt {
  readonly at: string;
  readonly note: Statement;
}

function holds(guards: Guards, rows: readonly (readonly unknown[])[]): void {
  const guard = moved(guards, rows);
  if (guard) throw new Refused({ done: false, why: 'guard', guard });
}

function taken({ table, tag }: WriteStep, key: string): Refused {
  const columns = key === 'primary' ? table.def.primaryKey : indexesOf(table.def).find(index => index.name === key)?.columns;
  return new Refused({ done: false, why: 'conflict', table: table.name, columns: columns ?? [key], tag });
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
  const others = cause instanceof Elsewhere ? cause.message : 'other commits were in the way';
  const what = trouble === 'lost' ? 'the database could not be reached' : others;
  const rest = unknown ? '; whether the commit was done is not known' : '';
  return new StoreBusy(`${what} for ${Math.round(ms)} ms${rest}`, cause);
}
