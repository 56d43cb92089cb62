// What a decision has read, so that a refusal need not be believed that no moment of the store would have given: one that read a parent,
// and its child after somebody else's commit. If all reads of a decision give the same again, all of them held at the moment between.
import { isDeepStrictEqual } from 'node:util';
import type { CommitResult, OutboxRow, Predicate, Query, Row, Scalar, Store, WriteSet } from '../contracts/store.ts';

interface Seen {
  readonly again: () => Promise<unknown>;
  readonly answer: unknown;
}

/** A store that remembers the reads that are made by it. */
export class ReadSet implements Store {
  private readonly inner: Store;
  private readonly seen: Seen[] = [];

  /** Of a decision within a decision the outer one knows nothing: what it commits is there before the outer one goes on. */
  constructor(store: Store) {
    this.inner = store instanceof ReadSet ? store.inner : store;
  }

  /** Something is no longer as it was read. One read alone was true when it was made. */
  async moved(): Promise<boolean> {
    if (this.seen.length < 2) return false;
    for (const { again, answer } of this.seen) if (!isDeepStrictEqual(await again(), answer)) return true;
    return false;
  }

  select(query: Query): Promise<Row[]> {
    return this.remember(() => this.inner.select(query));
  }

  get(table: string, key: Readonly<Record<string, Scalar>>): Promise<Row | undefined> {
    return this.remember(() => this.inner.get(table, key));
  }

  count(table: string, where?: Predicate): Promise<number> {
    return this.remember(() => this.inner.count(table, where));
  }

  countBy(table: string, column: string, where?: Predicate): Promise<ReadonlyMap<Scalar, number>> {
    return this.remember(() => this.inner.countBy(table, column, where));
  }

  commit(writeSet: WriteSet): Promise<CommitResult> {
    return this.inner.commit(writeSet);
  }

  outbox(reader: string, limit: number): Promise<OutboxRow[]> {
    return this.inner.outbox(reader, limit);
  }

  acknowledge(reader: string, seq: number): Promise<void> {
    return this.inner.acknowledge(reader, seq);
  }

  forget(reader: string): Promise<void> {
    return this.inner.forget(reader);
  }

  lease(name: string, holder: string, ms: number): Promise<boolean> {
    return this.inner.lease(name, holder, ms);
  }

  onOutbox(listener: () => void): Disposable {
    return this.inner.onOutbox(listener);
  }

  get statements(): number {
    return this.inner.statements;
  }

  /** A decision does not close what it reads from. */
  async [Symbol.asyncDispose](): Promise<void> {}

  private async remember<T>(again: () => Promise<T>): Promise<T> {
    const answer = await again();
    // The list is the caller's own, who may sort it or add to it.
    this.seen.push({ again, answer: Array.isArray(answer) ? [...answer] : answer });
    return answer;
  }
}
