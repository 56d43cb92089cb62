// The store over a database server: reads on any connection of the pool, a commit on one of its own.
import type { CommitResult, OutboxRow, PoolCounts, Predicate, Query, Row, Scalar, Store, WriteSet } from '../../../contracts/store.ts';
import type { Clock } from '../../../engine/clock.ts';
import { outboxListeners } from '../common/listeners.ts';
import { StoreMisuse } from '../common/misuse.ts';
import type { Compiler } from '../common/predicate.ts';
import {
  compileClauses,
  compileCount,
  compileCountBy,
  compileGet,
  compileSelect,
  decodeCell,
  decodeRow,
  decodeRows,
  type Statement,
} from '../common/reads.ts';
import { Commits } from './commit.ts';
import type { Engine, Session } from './engine.ts';
import { takeLease } from './lease.ts';
import { Outbox } from './outbox.ts';
import { compilePlan } from './plan.ts';
import type { Pool } from './pool.ts';
import { neverMs } from './system.ts';
import { unite } from './united.ts';

/** Commits after which those that nobody can ask about any more are forgotten, and how old they are. */
const forgetEvery = 1000;
const forgetAfterMs = 3600 * 1000;

export interface Timing {
  readonly clock: Pick<Clock, 'now'>;
  readonly patienceMs: number;
  readonly gapMs: number;
}

export class RemoteStore implements Store {
  private readonly engine: Engine;
  private readonly connections: Pool;
  private readonly compiler: Compiler;
  private readonly counter: { statements: number };
  private readonly clock: Pick<Clock, 'now'>;
  private readonly commits: Commits;
  private readonly mail: Outbox;
  private readonly listeners = outboxListeners();
  private readonly busy = new Set<Promise<unknown>>();
  private made = 0;
  private closing: Promise<void> | undefined;

  constructor(engine: Engine, pool: Pool, compiler: Compiler, counter: { statements: number }, { clock, patienceMs, gapMs }: Timing) {
    this.engine = engine;
    this.connections = pool;
    this.compiler = compiler;
    this.counter = counter;
    this.clock = clock;
    this.commits = new Commits(engine, pool, patienceMs);
    this.mail = new Outbox(engine, this.commits, gapMs);
  }

  get pool(): PoolCounts {
    return this.connections.counts;
  }

  get statements(): number {
    return this.counter.statements;
  }

  async select(query: Query): Promise<Row[]> {
    const read = compileSelect(this.compiler, query);
    const cells = await this.read(read);
    return decodeRows(read.columns, cells);
  }

  async selectAll(queries: readonly Query[]): Promise<Row[][]> {
    if (queries.length === 0) return [];
    const united = unite(
      queries.map(query => ({ ...compileClauses(this.compiler, query), by: query.order ?? [] })),
      this.engine.united,
    );
    const answers = united.answers(await this.read(united));
    return Promise.all(answers.map(({ columns, cells }) => decodeRows(columns, cells)));
  }

  async get(table: string, key: Readonly<Record<string, Scalar>>): Promise<Row | undefined> {
    const read = compileGet(this.compiler, table, key);
    const [cells] = await this.read(read);
    return cells && decodeRow(read.columns, cells);
  }

  async count(table: string, where?: Predicate): Promise<number> {
    const [cells] = await this.read(compileCount(this.compiler, table, where));
    return Number(cells![0]);
  }

  async countBy(table: string, column: string, where?: Predicate): Promise<ReadonlyMap<Scalar, number>> {
    const read = compileCountBy(this.compiler, table, column, where);
    const rows = await this.read(read);
    return new Map(rows.map(([value, count]) => [decodeCell(read.columns[0]!, value) as Scalar, Number(count)]));
  }

  async commit(writeSet: WriteSet): Promise<CommitResult> {
    const plan = compilePlan(this.compiler, writeSet, this.engine.guardLocks);
    const at = new Date(this.clock.now()).toISOString();
    const result = await this.within(() => this.commits.commit(plan, at));
    if (result.done && plan.outbox.length > 0) this.listeners.tell();
    if (++this.made % forgetEvery === 0) this.forgetCommits();
    return result;
  }

  outbox(reader: string, limit: number): Promise<OutboxRow[]> {
    return this.within(() => this.mail.read(reader, limit));
  }

  waiting(reader: string): Promise<number> {
    return this.within(() => this.mail.waiting(reader));
  }

  acknowledge(reader: string, seq: number): Promise<void> {
    return this.within(() => this.mail.acknowledge(reader, seq));
  }

  forget(reader: string): Promise<void> {
    return this.within(() => this.mail.forget(reader));
  }

  lease(name: string, holder: string, ms: number): Promise<boolean> {
    return this.within(() => this.commits.read(session => takeLease(this.engine, session, name, holder, ms)));
  }

  onOutbox(listener: () => void): Disposable {
    return this.listeners.add(listener);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.closing ??= this.close();
    return this.closing;
  }

  private async close(): Promise<void> {
    while (this.busy.size > 0) await Promise.allSettled([...this.busy]);
    this.listeners.clear();
    await this.connections.close();
  }

  private read(statement: Statement): Promise<readonly (readonly unknown[])[]> {
    const ask = async (session: Session) => (await session.query(statement)).rows;
    return this.within(() => this.commits.read(ask));
  }

  /** Closing waits for what was begun before it. */
  private async within<T>(work: () => Promise<T>): Promise<T> {
    if (this.closing) throw new StoreMisuse('the store is closed');
    const running = work();
    this.busy.add(running);
    try {
      return await running;
    } finally {
      this.busy.delete(running);
    }
  }

  private forgetCommits(): void {
    const old = `made < ${this.engine.nowMs} - ?`;
    const text = `DELETE FROM weft_commit WHERE ${old} OR (made > ${neverMs} AND ${old})`;
    const statement = { text, binds: [forgetAfterMs, forgetAfterMs - neverMs] };
    // Who cannot now will the next time.
    this.within(() => this.commits.read(session => session.query(statement))).catch(() => {});
  }
}
