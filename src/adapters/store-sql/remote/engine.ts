// What differs between the database servers beyond the dialect: connections, errors, and the statements of the store's own tables.
import type { Dialect, SqlValue } from '../common/dialect.ts';
import type { Statement } from '../common/reads.ts';
import type { WriteStep } from '../common/writes.ts';
import type { GuardLocks, Guards } from './guards.ts';
import type { Names } from './names.ts';
import type { UnitedForm } from './united.ts';
import type { Location, Node } from './url.ts';

export interface Answer {
  readonly rows: readonly (readonly unknown[])[];
  /** Rows that an UPDATE, DELETE or INSERT matched. */
  readonly count: number;
}

/** One connection. Statements go out in the order of the calls, without waiting for the answers of those before. */
export interface Session {
  query(statement: Statement): Promise<Answer>;
  /** For DDL: as it is, without parameters. */
  run(text: string): Promise<Answer>;
  /** The statements after it are one transaction, whatever becomes of them, until `commit` or `rollback`. */
  begin(): Promise<unknown>;
  commit(): Promise<unknown>;
  rollback(): Promise<unknown>;
  /** Ends it without a word. */
  destroy(): void;
  /** Nothing more can be asked. */
  readonly broken: boolean;
  /** Known to the server by this. */
  readonly id: number;
  /** The node of a cluster whose locks bind nobody on its other nodes; undefined where there is no such cluster. */
  readonly member?: string | undefined;
}

/** A replica, or a node that is being taken out of service. Another one may be tried, or the same again later. */
export class OnlyReads extends Error {
  constructor(what: string) {
    super(`store: this ${what} node only reads`);
  }
}

/** `again`: others were in the way. `lost`: the connection is gone, or the server. */
export type Trouble = 'again' | 'lost' | 'other';

export interface Taken {
  readonly at: number;
  readonly key: string;
}

/** What a statement of a commit was refused for: a guard by its number, rows that were not as many as expected, a key that is taken. */
export type Told =
  | { readonly why: 'guard'; readonly at: number }
  | { readonly why: 'miss' }
  | { readonly why: 'taken'; readonly key: string; readonly table?: string };

/** The number of the last entry in the outbox, or which statement failed first, and how. */
export type Sent = { readonly seq: number } | { readonly at: number; readonly error: unknown };

/** A commit that is sent as a whole: each statement fails where it is not to go on, and then COMMIT does nothing. */
export interface AtOnce {
  /** Whether inserts that follow one another are one statement. */
  readonly joins: boolean;
  names(names: Names): Statement | undefined;
  guards(guards: Guards): Statement;
  write(step: WriteStep): Statement;
  outbox(rows: readonly (readonly SqlValue[])[]): Statement;
  /** `entries`: how many the last of the statements writes to the outbox. Rejects where COMMIT has no good answer: then the transaction may be open. */
  send(session: Session, statements: readonly Statement[], entries: number): Promise<Sent>;
  told(error: unknown): Told | undefined;
}

/** Of what was sent one behind the other; rejects where the last, which ends it all, has no good answer, whatever was before. */
export async function firstFailure(sent: readonly Promise<unknown>[]): Promise<{ i: number; error: unknown } | undefined> {
  const results = await Promise.allSettled(sent);
  await sent.at(-1);
  const i = results.findIndex(({ status }) => status === 'rejected');
  return i < 0 ? undefined : { i, error: (results[i] as PromiseRejectedResult).reason };
}

export interface Engine {
  readonly atOnce: AtOnce;
  readonly dialect: Dialect;
  connect(location: Location, node: Node): Promise<Session>;
  /** Whether a connection that was used for reads must be told before it can commit, and the other way round. */
  readonly apart: boolean;
  trouble(error: unknown): Trouble;
  /** The name of the unique key that was taken: that of an index, or `primary`. */
  takenKey(error: unknown, table: string): string | undefined;
  /** Statements that write and answer nothing, as one. */
  together(statements: readonly Statement[]): Statement;
  /** Which of those (by the table of each) met a key that is taken, and its name as from `takenKey`. */
  takenAmong(error: unknown, tables: readonly string[]): Taken | undefined;
  readonly guardLocks: GuardLocks;
  lockStatement(names: Names): Statement | undefined;
  readonly united: UnitedForm;
  /** Sends one write; the number of rows that matched. */
  write(session: Session, step: WriteStep): Promise<Answer>;
  /** Whether `write` decides by what comes back, so that nothing may be sent behind it before it is done. */
  waits(step: WriteStep): boolean;
  /** Rows of the outbox in one statement; the number of the last. */
  appendOutbox(session: Session, rows: readonly (readonly SqlValue[])[]): Promise<number>;
  /** The store's own tables. */
  readonly systemTables: readonly string[];
  /** And what makes the one that there is where sessions are to a node of a cluster. */
  readonly clusterTable?: readonly string[];
  /** Milliseconds since 1970 by the server's clock, as an expression. */
  readonly nowMs: string;
  /** INSERT that leaves what is there. */
  insertNew(table: string, columns: readonly string[], rows: number): string;
  /** Keeps others from settling the schema meanwhile, until it is given back. */
  lockSchema(session: Session, work: () => Promise<void>): Promise<void>;
  readonly schema: SchemaFacts;
}

export interface SchemaFacts {
  /** Rows of (table, column, type, whether nullable, whether it has a default) of everything in the database, the flags as 1 or 0. */
  readonly columns: string;
  /** Rows of (table, index, whether unique, column) of all that are whole, but primary keys; columns in their order. */
  readonly indexes: string;
  /** A type as `columns` says it, as the dialect writes it. */
  typeName(found: string): string;
  /** A CREATE or ADD that does nothing where it is done already. */
  repeatable(text: string): string;
  /** `alone`: nobody else writes to the table yet. */
  indexSteps(text: string, index: string, alone: boolean): readonly string[];
  /** Statements that make a text column as wide as its indexes allow. */
  rekey(table: string, definition: string): readonly string[];
  dropIndex(table: string, index: string): string;
}
