// A connection to MariaDB: text protocol, so that a list may be as long as it is; answers follow one another, questions do not wait.
import { connect, type Socket } from 'node:net';
import { type Connection, createConnection, type SqlError } from 'mariadb';
import type { SqlValue } from '../common/dialect.ts';
import type { Statement } from '../common/reads.ts';
import { type Answer, OnlyReads, type Session } from '../remote/engine.ts';
import { sendTogether } from '../remote/together.ts';
import type { Location, Node } from '../remote/url.ts';

/** Nothing relies on the isolation level; this one has no gaps locked, and sees what is committed. One writer, so numbers have no steps. */
const settings = [
  'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
  "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO'",
  'SET SESSION auto_increment_increment = 1, SESSION auto_increment_offset = 1',
];

export interface MariadbLimits {
  readonly connectMs: number;
  readonly lockWaitMs: number;
}

export const lockWaitSeconds = ({ lockWaitMs }: MariadbLimits): number => Math.max(1, Math.ceil(lockWaitMs / 1000));

export async function connectMariadb(location: Location, node: Node, limits: MariadbLimits, count: () => void): Promise<Session> {
  const socket = connect(node.port, node.host).setNoDelay(true);
  const connection = await createConnection({
    stream: () => socket,
    user: location.user,
    password: location.password,
    database: location.database,
    charset: 'utf8mb4',
    rowsAsArray: true,
    bigIntAsNumber: true,
    insertIdAsNumber: true,
    decimalAsNumber: true,
    autoJsonMap: false,
    permitLocalInfile: false,
    foundRows: true,
    checkDuplicate: false,
    pipelining: true,
    connectTimeout: limits.connectMs,
    keepAliveDelay: 60_000,
  });
  const session = new MariadbSession(connection, socket, count);
  const wait = lockWaitSeconds(limits);
  await session.prepare([...settings, `SET SESSION innodb_lock_wait_timeout = ${wait}, SESSION lock_wait_timeout = ${wait}`]);
  return session;
}

/** Half a pair of surrogates is U+FFFD, as in SQLite; the driver would make a question mark of it. */
const wellFormed = (bind: SqlValue): SqlValue => (typeof bind === 'string' ? bind.toWellFormed() : bind);

interface Counted {
  readonly affectedRows: number;
  readonly insertId: number;
}

export interface MariadbAnswer extends Answer {
  readonly insertId: number;
}

export class MariadbSession implements Session {
  broken = false;
  member: string | undefined;
  /** Compound statements of commits that were sent so far. */
  steps = 0;
  private readonly connection: Connection;
  private readonly socket: Socket;
  private readonly count: () => void;
  /** A statement is a transaction of its own, unless told. */
  private alone = true;
  private inTransaction = false;

  constructor(connection: Connection, socket: Socket, count: () => void) {
    this.connection = connection;
    this.socket = socket;
    this.count = count;
    connection.on('error', () => this.destroy());
    connection.on('end', () => this.destroy());
  }

  get id(): number {
    return this.connection.threadId ?? 0;
  }

  async prepare(texts: readonly string[]): Promise<void> {
    try {
      await Promise.all(texts.map(text => this.send(text)));
      const { rows } = await this.send('SELECT @@read_only, version(), @@wsrep_on');
      if (Number(rows[0]![0]) !== 0) throw new OnlyReads('MariaDB');
      if (!String(rows[0]![1]).includes('MariaDB'))
        throw new Error(`store: this is not MariaDB (${rows[0]![1]}), which is what Weft knows`);
      if (Number(rows[0]![2]) === 1) await this.join();
    } catch (error) {
      this.destroy();
      throw error;
    }
  }

  /** What other nodes have committed before this is seen by this session: none that was answered is missed by whoever comes from another node. */
  private async join(): Promise<void> {
    await this.send('SET STATEMENT wsrep_sync_wait = 15 FOR SELECT 1');
    const { rows } = await this.send("SHOW GLOBAL STATUS LIKE 'wsrep_gcomm_uuid'");
    this.member = String(rows[0]?.[1] ?? '');
  }

  query({ text, binds }: Statement): Promise<MariadbAnswer> {
    return this.ask(text, binds);
  }

  run(text: string): Promise<Answer> {
    return this.ask(text);
  }

  /**
   * Not START TRANSACTION: what the server takes back by itself (a deadlock) must not let the statements that are already under way
   * be transactions of their own. So they begin another one, which is taken back too.
   */
  begin(): Promise<unknown> {
    this.inTransaction = true;
    return this.setAlone(false);
  }

  commit(): Promise<unknown> {
    this.inTransaction = false;
    return this.send('COMMIT');
  }

  /** A compound statement of a commit, which begins the transaction or goes on in it. */
  compound({ text, binds }: Statement): Promise<unknown> {
    return this.send(text, binds);
  }

  /** The compound statement that ends with COMMIT, behind what it selects, if anything: the number that this is. */
  async lastCompound({ text, binds }: Statement): Promise<number> {
    const { rows } = await this.send(text, binds);
    const [seq] = (rows[0] as unknown[][] | undefined)?.[0] ?? [];
    return Number(seq ?? 0);
  }

  rollback(): Promise<unknown> {
    this.inTransaction = false;
    return this.send('ROLLBACK');
  }

  destroy(): void {
    if (this.broken) return;
    this.broken = true;
    // The driver's own way waits for the server, which may say nothing any more. So each statement that has no answer fails at once.
    this.socket.destroy(Object.assign(new Error('store: the connection is closed'), { code: 'ECONNRESET' }));
  }

  private async setAlone(alone: boolean): Promise<void> {
    if (this.alone === alone) return;
    this.alone = alone;
    await this.send(`SET autocommit = ${alone ? 1 : 0}`);
  }

  private async ask(text: string, binds?: readonly SqlValue[]): Promise<MariadbAnswer> {
    if (this.inTransaction) return this.send(text, binds);
    const [, answer] = await Promise.all([this.setAlone(true), this.send(text, binds)]);
    return answer;
  }

  private async send(text: string, binds: readonly SqlValue[] = []): Promise<MariadbAnswer> {
    this.count();
    sendTogether(this.socket);
    try {
      const result = (await this.connection.query(text, binds.map(wellFormed))) as unknown[][] | Counted;
      if (Array.isArray(result)) return { rows: result, count: 0, insertId: 0 };
      return { rows: [], count: result.affectedRows, insertId: result.insertId };
    } catch (error) {
      if ((error as SqlError).fatal) this.destroy();
      throw error;
    }
  }
}
