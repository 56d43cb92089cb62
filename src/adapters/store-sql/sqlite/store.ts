// The store over one SQLite file: reads at once, writes through the group commit.
import type { CommitResult, OutboxRow, Predicate, Query, Row, Scalar, Store, WriteSet } from '../../../contracts/store.ts';
import type { Clock } from '../../../engine/clock.ts';
import { outboxListeners } from '../common/listeners.ts';
import { StoreMisuse } from '../common/misuse.ts';
import type { Compiler } from '../common/predicate.ts';
import { compileCount, compileCountBy, compileGet, compileSelect, decodeCell, decodeRow, decodeRows } from '../common/reads.ts';
import { compileWriteSet } from '../common/writes.ts';
import { applyPlan } from './apply.ts';
import { unlessBusy } from './busy.ts';
import type { Connection } from './connection.ts';
import { GroupCommit } from './group-commit.ts';
import { countWaiting, forgetReader, knowsReader, moveCursor, readOutbox, registerReader, takeLease } from './outbox.ts';

export class SqliteStore implements Store {
  private readonly connection: Connection;
  private readonly compiler: Compiler;
  private readonly clock: Pick<Clock, 'now'>;
  private readonly patienceMs: number;
  private readonly commits: GroupCommit;
  private readonly listeners = outboxListeners();
  private closing: Promise<void> | undefined;

  constructor(connection: Connection, compiler: Compiler, clock: Pick<Clock, 'now'>, patienceMs: number) {
    this.connection = connection;
    this.compiler = compiler;
    this.clock = clock;
    this.patienceMs = patienceMs;
    this.commits = new GroupCommit(connection, patienceMs);
  }

  get statements(): number {
    return this.connection.statements;
  }

  async select(query: Query): Promise<Row[]> {
    const read = compileSelect(this.compiler, query);
    const cells = this.read(() => this.connection.all(read));
    return decodeRows(read.columns, cells instanceof Promise ? await cells : cells);
  }

  /** A transaction of their own, so that no other process commits between them. */
  async selectAll(queries: readonly Query[]): Promise<Row[][]> {
    const reads = queries.map(query => compileSelect(this.compiler, query));
    const answers = await this.read(() => this.connection.atOnce(() => reads.map(read => this.connection.all(read))));
    return Promise.all(answers.map((cells, i) => decodeRows(reads[i]!.columns, cells)));
  }

  async get(table: string, key: Readonly<Record<string, Scalar>>): Promise<Row | undefined> {
    const read = compileGet(this.compiler, table, key);
    const found = this.read(() => this.connection.first(read));
    const cells = found instanceof Promise ? await found : found;
    return cells && decodeRow(read.columns, cells);
  }

  async count(table: string, where?: Predicate): Promise<number> {
    const statement = compileCount(this.compiler, table, where);
    const cells = await this.read(() => this.connection.first(statement));
    return cells![0] as number;
  }

  async countBy(table: string, column: string, where?: Predicate): Promise<ReadonlyMap<Scalar, number>> {
    const read = compileCountBy(this.compiler, table, column, where);
    const rows = await this.read(() => this.connection.all(read));
    return new Map(rows.map(([value, count]) => [decodeCell(read.columns[0]!, value) as Scalar, count as number]));
  }

  async commit(writeSet: WriteSet): Promise<CommitResult> {
    const plan = compileWriteSet(this.compiler, writeSet);
    const at = new Date(this.clock.now()).toISOString();
    const result = await this.commits.add(() => {
      const value = applyPlan(this.connection, plan, at);
      // Guards are looked at before anything is written.
      return { keep: value.done, clean: !value.done && value.why === 'guard', value };
    });
    if (result.done && plan.outbox.length > 0) this.listeners.tell();
    return result;
  }

  /**
   * A reader is known from its first look on, so that nothing is deleted between that and its first acknowledgement; whoever finds
   * nothing may be unknown, or have been forgotten by another process.
   */
  async outbox(reader: string, limit: number): Promise<OutboxRow[]> {
    const look = (): OutboxRow[] => readOutbox(this.connection, reader, limit);
    const rows = await this.read(look);
    if (rows.length > 0 || (await this.read(() => knowsReader(this.connection, reader)))) return rows;
    await this.write(() => registerReader(this.connection, reader));
    return this.read(look);
  }

  async waiting(reader: string): Promise<number> {
    return this.read(() => countWaiting(this.connection, reader));
  }

  acknowledge(reader: string, seq: number): Promise<void> {
    return this.write(() => moveCursor(this.connection, reader, seq));
  }

  forget(reader: string): Promise<void> {
    return this.write(() => forgetReader(this.connection, reader));
  }

  lease(name: string, holder: string, ms: number): Promise<boolean> {
    return this.write(() => takeLease(this.connection, name, holder, this.clock.now(), ms));
  }

  onOutbox(listener: () => void): Disposable {
    return this.listeners.add(listener);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.closing ??= this.close();
    return this.closing;
  }

  private async close(): Promise<void> {
    await this.commits.close();
    this.listeners.clear();
    this.connection.close();
  }

  private write<T>(work: () => T): Promise<T> {
    return this.commits.add(() => ({ keep: true, value: work() }));
  }

  /** A reader of a WAL waits for nobody, except while another process recovers or removes it. */
  private read<T>(work: () => T): T | Promise<T> {
    if (this.closing) throw new StoreMisuse('the store is closed');
    return unlessBusy(work, this.patienceMs);
  }
}
