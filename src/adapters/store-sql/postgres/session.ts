// A connection to PostgreSQL: statements are prepared where they come again, and sent without waiting for the answers of those before.
import type { Socket } from 'node:net';
import pg from 'pg';
import { Lru } from '../common/lru.ts';
import type { Statement } from '../common/reads.ts';
import { type Answer, OnlyReads, type Session } from '../remote/engine.ts';
import { key64 } from '../remote/hash.ts';
import { sendTogether } from '../remote/together.ts';
import type { Location, Node } from '../remote/url.ts';
import { numbered } from './dialect.ts';
import { fromPostgres, toPostgres } from './text.ts';

export interface PostgresLimits {
  readonly connectMs: number;
  readonly lockWaitMs: number;
}

export const lockTimeout = ({ lockWaitMs }: PostgresLimits): number => Math.max(1, Math.ceil(lockWaitMs));

/** 64 bits come as text: numbers of this store are all within what a number can say exactly. */
function parserOf(oid: number): (text: string) => unknown {
  if (oid === 20 || oid === 23) return Number;
  return oid === 16 ? text => text === 't' : fromPostgres;
}

const types = { getTypeParser: parserOf };
/** Names of prepared statements that one connection is asked to keep, and how long their texts are at most. */
const keep = 500;
const longestKept = 8000;

/** A statement as it is sent: with numbered parameters, and by which name it is prepared. */
interface Form {
  readonly text: string;
  readonly name?: string;
}

const forms = new Lru<string, Form>(2000);

export async function connectPostgres(location: Location, node: Node, limits: PostgresLimits, count: () => void): Promise<Session> {
  const config = {
    host: node.host,
    port: node.port,
    user: location.user,
    password: location.password,
    database: location.database,
    connectionTimeoutMillis: limits.connectMs,
    keepAlive: true,
    application_name: 'weft',
    pipeline: true,
    types: types as never,
  };
  const client = new pg.Client(config);
  const session = new PostgresSession(client, count);
  try {
    await client.connect();
    await session.prepare(limits);
  } catch (error) {
    session.destroy();
    throw error;
  }
  return session;
}

class PostgresSession implements Session {
  broken = false;
  private readonly client: pg.Client;
  private readonly count: () => void;
  private readonly named = new Set<string>();

  constructor(client: pg.Client, count: () => void) {
    this.client = client;
    this.count = count;
    client.on('error', () => this.destroy());
    client.on('end', () => this.destroy());
  }

  get id(): number {
    return (this.client as unknown as { processID: number }).processID;
  }

  /** Nothing relies on the isolation level; this one sees what is committed when a statement begins. */
  async prepare(limits: PostgresLimits): Promise<void> {
    const settings = [
      "SET default_transaction_isolation = 'read committed'",
      `SET lock_timeout = ${lockTimeout(limits)}`,
      "SET client_encoding = 'UTF8'",
      // Statements come again with other values and are found by their keys: planning each time costs more than it gains.
      'SET plan_cache_mode = force_generic_plan',
      'SET jit = off',
    ];
    const kind = "SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean";
    const answers = await Promise.all([...settings, kind].map(text => this.run(text)));
    const { rows } = answers.at(-1)!;
    if (rows[0]![0] === true) throw new OnlyReads('PostgreSQL');
  }

  query({ text, binds }: Statement): Promise<Answer> {
    const values = binds.map(bind => (typeof bind === 'string' ? toPostgres(bind) : bind));
    return this.send({ ...this.kept(formOf(text)), values });
  }

  run(text: string): Promise<Answer> {
    return this.send({ text });
  }

  begin(): Promise<unknown> {
    return this.run('BEGIN');
  }

  async commit(): Promise<unknown> {
    return this.run('COMMIT');
  }

  rollback(): Promise<unknown> {
    return this.run('ROLLBACK');
  }

  destroy(): void {
    if (this.broken) return;
    this.broken = true;
    // There is no other way to end one that hangs.
    this.socket.destroy();
  }

  private get socket(): Socket {
    return (this.client as unknown as { connection: { stream: Socket } }).connection.stream;
  }

  /** Without the name where this connection keeps enough of them. */
  private kept(form: Form): Form {
    const { name } = form;
    if (name === undefined || this.named.has(name)) return form;
    if (this.named.size >= keep) return { text: form.text };
    this.named.add(name);
    return form;
  }

  private async send(query: { text: string; values?: unknown[]; name?: string }): Promise<Answer> {
    if (this.broken) throw Object.assign(new Error('store: the connection is closed'), { code: 'ECONNRESET' });
    this.count();
    sendTogether(this.socket);
    const { rows, rowCount } = await this.client.query({ ...query, rowMode: 'array' } as pg.QueryArrayConfig);
    return { rows: rows ?? [], count: rowCount ?? 0 };
  }
}

function formOf(text: string): Form {
  if (text.length > longestKept) return { text: numbered(text) };
  const known = forms.get(text);
  if (known !== undefined) return known;
  const form = { text: numbered(text), name: `weft${key64(text)}` };
  forms.set(text, form);
  return form;
}
