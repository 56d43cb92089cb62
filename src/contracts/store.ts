// The store as a contract: typed tables, plain queries, and one way to write — a write set of guards, rows and outbox entries that
// is applied whole or not at all. No transaction is ever held across anything but the database.
import type { TableDef } from '../model/kit/table.ts';

export type Value = null | boolean | number | string | readonly unknown[] | { readonly [key: string]: unknown };
/** One row, by column name. JSON columns come out parsed, booleans as booleans, times as ISO 8601 UTC text with second precision. */
export type Row = { readonly [column: string]: Value };
export type Scalar = null | boolean | number | string;

/**
 * A condition on the columns of one table (or, inside `exists`, of another). Two-valued: `eq` null asks for null, every other
 * comparison with a null column is false, and its `not` is true. Text compares by code points. One form per object.
 */
export type Predicate =
  | { readonly eq: readonly [column: string, value: Scalar] }
  | { readonly in: readonly [column: string, values: readonly Scalar[]] }
  | { readonly gt: readonly [column: string, value: number | string] }
  | { readonly gte: readonly [column: string, value: number | string] }
  | { readonly lt: readonly [column: string, value: number | string] }
  | { readonly lte: readonly [column: string, value: number | string] }
  /** Substring, case as stored; no wildcard is interpreted. */
  | { readonly contains: readonly [column: string, text: string] }
  | { readonly startsWith: readonly [column: string, text: string] }
  | { readonly and: readonly Predicate[] }
  | { readonly or: readonly Predicate[] }
  | { readonly not: Predicate }
  | { readonly exists: Exists };

/** A row of `table` whose columns equal this row's (`on`: [theirs, ours]) and that satisfies `where`. */
export interface Exists {
  readonly table: string;
  readonly on: readonly (readonly [string, string])[];
  readonly where?: Predicate;
  /** Such a row comes and goes with this one, and what is asked of it never changes: a guard that holds this one holds it. */
  readonly settled?: true;
  /** Such rows are few beside the others of both tables: they are looked for first, and this table's rows by what they say. */
  readonly first?: true;
}

export type Order = readonly (readonly [column: string, direction: 'asc' | 'desc'])[];

export interface Query {
  readonly table: string;
  readonly where?: Predicate;
  /** Nulls sort first ascending, last descending. */
  readonly order?: Order;
  readonly limit?: number;
  readonly columns?: readonly string[];
  /**
   * These columns as the members of one JSON object, without its braces, as JSON.stringify prints them: a column `printed` beside the others.
   * Null where the database would print them otherwise.
   */
  readonly printed?: readonly string[];
}

/** What a decision relied on. The commit fails, naming the guard, if it no longer holds at commit time. */
export type Guard =
  /** The one row with this key has this revision_number still. */
  | { readonly guard: 'revision'; readonly table: string; readonly key: Readonly<Record<string, Scalar>>; readonly revision: number }
  | { readonly guard: 'present'; readonly table: string; readonly where: Predicate }
  | { readonly guard: 'absent'; readonly table: string; readonly where: Predicate };

export type Op =
  /**
   * `onConflict`: 'ignore' leaves the row that is there; otherwise a unique violation ends the commit with `conflict`.
   * `tag` comes back in the conflict, so that the caller can tell an address from a MAC.
   */
  | { readonly op: 'insert'; readonly table: string; readonly row: Row; readonly onConflict?: 'ignore'; readonly tag?: string }
  /** Inserts, or sets the other columns of the row with the same primary key. */
  | { readonly op: 'upsert'; readonly table: string; readonly row: Row }
  /** `bump` adds to integer columns (commutative). `expect`: the commit fails with `miss` unless exactly so many rows matched. */
  | {
      readonly op: 'update';
      readonly table: string;
      readonly where: Predicate;
      readonly set?: Row;
      readonly bump?: Readonly<Record<string, number>>;
      readonly expect?: number;
      readonly tag?: string;
    }
  | { readonly op: 'delete'; readonly table: string; readonly where: Predicate; readonly expect?: number; readonly tag?: string };

/** One fact for the readers of the outbox: kind and id of what changed, and what routing needs to know of before and after. */
export interface OutboxEntry {
  readonly kind: string;
  readonly id: string;
  readonly event: 'created' | 'updated' | 'deleted';
  readonly revision: number;
  readonly facts: { readonly [key: string]: unknown };
}

export interface OutboxRow extends OutboxEntry {
  readonly seq: number;
  /** ISO 8601 UTC. */
  readonly at: string;
}

export interface WriteSet {
  readonly guards?: readonly Guard[];
  readonly ops: readonly Op[];
  readonly outbox?: readonly OutboxEntry[];
}

export type CommitResult =
  | {
      readonly done: true /** Sequence number of the last outbox entry, 0 when there was none, or its answer was lost. */;
      readonly seq: number;
    }
  | { readonly done: false; readonly why: 'guard'; readonly guard: Guard }
  /** A unique key was taken: `columns` names it. */
  | {
      readonly done: false;
      readonly why: 'conflict';
      readonly table: string;
      readonly columns: readonly string[];
      readonly tag: string | undefined;
    }
  /** An `expect` did not hold. */
  | { readonly done: false; readonly why: 'miss'; readonly table: string; readonly tag: string | undefined };

/** Connections of a process to its database. */
export interface PoolCounts {
  readonly open: number;
  /** Of them, those that nobody works with. */
  readonly idle: number;
  /** Work that waits for one. */
  readonly waiting: number;
}

export interface Store extends AsyncDisposable {
  /** As of now; absent where there is no pool of connections. */
  readonly pool?: PoolCounts;
  select(query: Query): Promise<Row[]>;
  /** Several queries at once, all answered as of one moment; on a server they are one statement. */
  selectAll(queries: readonly Query[]): Promise<Row[][]>;
  get(table: string, key: Readonly<Record<string, Scalar>>): Promise<Row | undefined>;
  count(table: string, where?: Predicate): Promise<number>;
  /** Number of rows per value of one column. */
  countBy(table: string, column: string, where?: Predicate): Promise<ReadonlyMap<Scalar, number>>;
  commit(writeSet: WriteSet): Promise<CommitResult>;

  /**
   * Outbox rows of this reader that it has not acknowledged: each after those of commits that were done when its own began, and so in
   * order for whatever commits change one after another. Of commits at the same time the lower number may come in a later answer.
   * A reader is known from its first call on, and begins with the oldest row that is there.
   */
  outbox(reader: string, limit: number): Promise<OutboxRow[]>;
  /** About how many rows a reader has not acknowledged: numbers that no row will have may be among them. 0 for one that is not known. */
  waiting(reader: string): Promise<number>;
  /**
   * The reader is done with the rows up to this number that this store has handed out to it; what it has not seen, it has not
   * acknowledged. Rows that every known reader is done with may be deleted.
   */
  acknowledge(reader: string, seq: number): Promise<void>;
  /** Gives a reader up: nothing is kept for it any more. One that looks again is a new one, and may have missed what was in between. */
  forget(reader: string): Promise<void>;
  /** Takes or renews a lease for `ms` (0 gives it back); false while somebody else holds it. */
  lease(name: string, holder: string, ms: number): Promise<boolean>;
  /** Called after a commit of this process that wrote to the outbox. */
  onOutbox(listener: () => void): Disposable;
  /** Statements sent to the database so far, those that begin and end a transaction among them where it is elsewhere: for tests that count. */
  readonly statements: number;
}

export interface StoreOptions {
  readonly tables: readonly TableDef[];
}

/** Thrown at open when the state was made by a newer schema than this program knows, or is not a Weft state at all. */
export class SchemaRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SchemaRefused';
  }
}

/** Thrown when others held what a commit needs for all of the patience, or no connection was to be had: the same may be asked again later. */
export class StoreBusy extends Error {
  constructor(message: string, cause?: unknown) {
    super(`store: ${message}`, cause === undefined ? {} : { cause });
    this.name = 'StoreBusy';
  }
}
