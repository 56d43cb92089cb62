// What a decision has read, so that a refusal need not be believed that no moment of the store would have given: one that read a parent,
// and its child after somebody else's commit. If all reads of a decision give the same again, all of them held at the moment between.
import { isDeepStrictEqual } from 'node:util';
import type { CommitResult, OutboxRow, Predicate, Query, Row, Scalar, Store, WriteSet } from '../contracts/store.ts';

interface Seen {
  readonly again: () => Promise<unknown>;
  readonly answer: unknown;
}

/** Queries in one statement. */
const mostAtOnce = 50;

/** A store that remembers the reads that are made by it. */
export class ReadSet implements Store {
  private readonly inner: Store;
  private readonly seen: Seen[] = [];
  /** Answers of `foresee`, by their questions. */
  private readonly foreseen = new Map<string, readonly Row[]>();
  /** The tables of those questions: the others need not be put into words. */
  private readonly foreseenTables = new Set<string>();

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

  /** Reads at once what will be asked for, and is not known yet; whoever then asks the very same has the answer without a way to the database. */
  async foresee(queries: readonly Query[]): Promise<void> {
    const asked = [...new Map(queries.map(query => [questionOf(query), query]))].filter(([question]) => !this.foreseen.has(question));
    for (let from = 0; from < asked.length; from += mostAtOnce) {
      const some = asked.slice(from, from + mostAtOnce);
      const answers = await this.selectAll(some.map(([, query]) => query));
      for (const [i, [question, query]] of some.entries()) this.learn(question, query, answers[i]!);
    }
  }

  /** An answer that was read otherwise, such as with those to other questions in one query. */
  know(query: Query, rows: readonly Row[]): void {
    this.learn(questionOf(query), query, rows);
  }

  async select(query: Query): Promise<Row[]> {
    const known = this.known(query);
    return known ? [...known] : this.remember(() => this.inner.select(query));
  }

  selectAll(queries: readonly Query[]): Promise<Row[][]> {
    return this.remember(() => this.inner.selectAll(queries));
  }

  async get(table: string, key: Readonly<Record<string, Scalar>>): Promise<Row | undefined> {
    const known = this.foreseenTables.has(table) ? this.known({ table, where: keyed(key) }) : undefined;
    return known ? known[0] : this.remember(() => this.inner.get(table, key));
  }

  async count(table: string, where?: Predicate): Promise<number> {
    const known = this.known(where === undefined ? { table } : { table, where });
    return known ? known.length : this.remember(() => this.inner.count(table, where));
  }

  countBy(table: string, column: string, where?: Predicate): Promise<ReadonlyMap<Scalar, number>> {
    return this.remember(() => this.inner.countBy(table, column, where));
  }

  /** What was foreseen may be no longer so. */
  commit(writeSet: WriteSet): Promise<CommitResult> {
    this.foreseen.clear();
    return this.inner.commit(writeSet);
  }

  outbox(reader: string, limit: number): Promise<OutboxRow[]> {
    return this.inner.outbox(reader, limit);
  }

  waiting(reader: string): Promise<number> {
    return this.inner.waiting(reader);
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

  private learn(question: string, { table }: Query, rows: readonly Row[]): void {
    this.foreseen.set(question, rows);
    this.foreseenTables.add(table);
  }

  private known(query: Query): readonly Row[] | undefined {
    return this.foreseenTables.has(query.table) ? this.foreseen.get(questionOf(query)) : undefined;
  }

  private async remember<T>(again: () => Promise<T>): Promise<T> {
    const answer = await again();
    // The list is the caller's own, who may sort it or add to it.
    this.seen.push({ again, answer: Array.isArray(answer) ? [...answer] : answer });
    return answer;
  }
}

/** Services whose store has read this at once; within a decision its own. */
export async function foreseeing<S extends { readonly store: Store }>(services: S, queries: readonly Query[]): Promise<S> {
  const store = services.store instanceof ReadSet ? services.store : new ReadSet(services.store);
  await store.foresee(queries);
  return store === services.store ? services : { ...services, store };
}

/** A `get` as a query. */
export function keyed(key: Readonly<Record<string, Scalar>>): Predicate {
  const parts = Object.entries(key).map(([name, value]): Predicate => ({ eq: [name, value] }));
  return parts.length === 1 ? parts[0]! : { and: parts };
}

const questionOf = ({ table, where, order, limit, columns, printed }: Query): string =>
  JSON.stringify([table, where ?? null, order ?? null, limit ?? null, columns ?? null, printed ?? null]);
