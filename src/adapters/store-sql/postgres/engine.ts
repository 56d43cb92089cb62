// PostgreSQL beyond its dialect.
import { setTimeout as sleep } from 'node:timers/promises';
import type { SqlValue } from '../common/dialect.ts';
import { insertHead } from '../common/insert.ts';
import type { Statement } from '../common/reads.ts';
import {
  type Answer,
  type AtOnce,
  type Engine,
  firstFailure,
  OnlyReads,
  type Session,
  type Taken,
  type Trouble,
} from '../remote/engine.ts';
import { key64 } from '../remote/hash.ts';
import type { Names } from '../remote/names.ts';
import { floorReader, systemTables } from '../remote/system.ts';
import type { UnitedValues } from '../remote/united.ts';
import { postgresDialect } from './dialect.ts';
import { connectPostgres, lockTimeout, type PostgresLimits } from './session.ts';

/** Serialization failure, deadlock, lock not available. */
const again = new Set(['40001', '40P01', '55P03']);
/** Shut down, crashed, not yet ready, too many connections, a node that only reads since a moment ago, and the whole class of connection exceptions. */
const gone = /^(57P0[1-5]|53300|25006|08...)$/;
const socket = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENOENT']);

interface PostgresError {
  readonly code?: string;
  readonly constraint?: string;
  readonly table?: string;
  readonly message?: string;
}

function trouble(error: unknown): Trouble {
  if (error instanceof OnlyReads) return 'lost';
  const { code = '', message = '' } = (error ?? {}) as PostgresError;
  if (again.has(code)) return 'again';
  if (gone.test(code) || socket.has(code)) return 'lost';
  // What the driver says has no code.
  return /^(Connection terminated|Client has encountered a connection error|Client was closed|timeout expired)/.test(message)
    ? 'lost'
    : 'other';
}

function takenKey(error: unknown, table: string): string | undefined {
  const { code, constraint = '' } = (error ?? {}) as PostgresError;
  if (code !== '23505') return undefined;
  return constraint === `${table}_pkey` ? 'primary' : constraint;
}

/** Each but the last in a WITH: all are done, whether or not anybody reads what they answer. */
function together(statements: readonly Statement[]): Statement {
  const last = statements.length - 1;
  const ahead = statements.slice(0, last).map(({ text }, i) => `w${i} AS (${text})`);
  const head = ahead.length > 0 ? `WITH ${ahead.join(', ')} ` : '';
  return { text: head + statements[last]!.text, binds: statements.flatMap(({ binds }) => binds) };
}

function takenAmong(error: unknown, tables: readonly string[]): Taken | undefined {
  const table = (error as PostgresError | null)?.table ?? '';
  const key = takenKey(error, table);
  return key === undefined ? undefined : { at: tables.indexOf(table), key };
}

/** One order for all. */
function lockStatement(names: Names): Statement | undefined {
  if (names.size === 0) return undefined;
  const keys = new Map<string, boolean>();
  for (const [name, alone] of names) keys.set(key64(name), alone);
  const sorted = [...keys].sort(([a], [b]) => (a < b ? -1 : 1));
  const text = `SELECT CASE WHEN l.alone THEN pg_advisory_xact_lock(l.key)::text ELSE pg_advisory_xact_lock_shared(l.key)::text END
    FROM unnest(CAST(? AS bigint[]), CAST(? AS boolean[])) AS l(key, alone)`;
  return { text, binds: [`{${sorted.map(([key]) => key).join()}}`, `{${sorted.map(([, alone]) => alone).join()}}`] };
}

const append = { table: 'weft_outbox', columns: ['at', 'kind', 'id', 'event', 'revision', 'facts'], onConflict: 'fail' } as const;

const outboxInsert = (rows: readonly (readonly SqlValue[])[]): Statement => ({
  text: `${insertHead({ ...append, rows: rows.length })} RETURNING seq`,
  binds: rows.flat(),
});

const lastOf = ({ rows }: Answer): number => Math.max(...rows.map(row => Number(row[0])));

const appendOutbox = async (session: Session, rows: readonly (readonly SqlValue[])[]): Promise<number> =>
  lastOf(await session.query(outboxInsert(rows)));

/** A failure of the statement that says which, and for nothing else. */
const failing = (what: string): string => `CAST('weft ${what}' AS int)`;

/** PostgreSQL does nothing more of a transaction once a statement has failed, and takes COMMIT for the end of that. */
const atOnce: AtOnce = {
  joins: true,
  names: lockStatement,
  guards: guards => ({
    text: `SELECT CASE WHEN m.g IS NULL THEN 0 ELSE ${failing("guard ' || m.g || '")} END FROM (SELECT min(g) AS g FROM (${guards.text}) AS weft_guards
      WHERE (n > 0) = (gone = 1)) AS m`,
    binds: guards.binds,
  }),
  write({ text, binds, expect, counts }) {
    if (expect === undefined) return { text, binds };
    const counted = counts ? text : `${text} RETURNING 1`;
    const found = counts ? 'm.count' : 'count(*)';
    return {
      text: `WITH m AS (${counted}) SELECT CASE WHEN ${found} = CAST(? AS bigint) THEN 0 ELSE ${failing(`miss ' || ${found} || '`)} END FROM m`,
      binds: [...binds, expect],
    };
  },
  outbox: outboxInsert,
  async send(session, statements, entries) {
    const sent = [session.begin(), ...statements.map(statement => session.query(statement)), session.commit()];
    const failed = await firstFailure(sent);
    if (failed) return { at: failed.i - 1, error: failed.error };
    return { seq: entries === 0 ? 0 : lastOf(await (sent[statements.length] as Promise<Answer>)) };
  },
  told(error) {
    const { code, table, message = '' } = (error ?? {}) as PostgresError;
    const key = takenKey(error, table ?? '');
    if (key !== undefined) return { why: 'taken', key, ...(table === undefined ? {} : { table }) };
    const [, why, at] = (code === '22P02' && /weft (guard|miss) (\d+)/.exec(message)) || [];
    return why === 'guard' ? { why, at: Number(at) } : why === 'miss' ? { why } : undefined;
  },
};

const lockPauseMs = 100;
const lockPatienceMs = 120_000;

/**
 * The lock ends with the connection, whatever ends that. It is asked for again and again: whoever waited for it in one statement would be
 * somebody for whose end an index that is made beside others waits.
 */
const lockSchema =
  (limits: PostgresLimits) =>
  async (session: Session, work: () => Promise<void>): Promise<void> => {
    const key = key64('weft schema');
    for (const until = performance.now() + lockPatienceMs; ; await sleep(lockPauseMs)) {
      const { rows } = await session.run(`SELECT pg_try_advisory_lock(${key})`);
      if (rows[0]?.[0] === true) break;
      if (performance.now() > until) throw new Error('store: another process has been changing the schema for two minutes');
    }
    try {
      await session.run('SET lock_timeout = 1000');
      await work();
    } finally {
      await session.run(`SET lock_timeout = ${lockTimeout(limits)}`);
      await session.run(`SELECT pg_advisory_unlock(${key})`);
    }
  };

const repeatable = (statement: string): string =>
  statement.replace(/^(CREATE TABLE|CREATE UNIQUE INDEX|CREATE INDEX|ALTER TABLE \S+ ADD COLUMN) /, '$1 IF NOT EXISTS ');

/** One that was broken off is there and of no use; one that is made beside others is in no transaction, and waits for those that are. */
function indexSteps(statement: string, index: string, alone: boolean): string[] {
  if (alone) return [repeatable(statement)];
  return [
    `DO $$ BEGIN IF EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('${index}') AND NOT indisvalid)
      THEN DROP INDEX ${index}; END IF; END $$`,
    'SET lock_timeout = 120000',
    statement.replace(/^(CREATE (?:UNIQUE )?INDEX) /, '$1 CONCURRENTLY IF NOT EXISTS '),
    'SET lock_timeout = 1000',
  ];
}

const text = 'TEXT COLLATE "C"';
const fromText: UnitedValues = { int: Number, bool: value => value === 'true' };

export function postgresEngine(limits: PostgresLimits, count: () => void): Engine {
  return {
    dialect: postgresDialect,
    connect: (location, node) => connectPostgres(location, node, limits, count),
    apart: false,
    trouble,
    takenKey,
    together,
    takenAmong,
    atOnce,
    guardLocks: { read: ' FOR SHARE', write: ' FOR UPDATE' },
    lockStatement,
    united: { text: sql => `CAST(${sql} AS text)`, values: fromText },
    write: (session, step) => session.query(step),
    waits: () => false,
    appendOutbox,
    systemTables: [
      ...systemTables({ key: text, text, serial: 'BIGINT GENERATED BY DEFAULT AS IDENTITY', options: '' }),
      `${floorReader} ON CONFLICT DO NOTHING`,
    ],
    nowMs: 'CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)',
    insertNew: (table, columns, rows) => postgresDialect.insert({ table, columns, rows, onConflict: 'ignore' }),
    lockSchema: lockSchema(limits),
    schema: {
      columns: `SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), (NOT a.attnotnull)::int, a.atthasdef::int
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped`,
      indexes: `SELECT t.relname, c.relname, i.indisunique::int, a.attname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        JOIN pg_class t ON t.oid = i.indrelid CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place)
        LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum
        WHERE t.relnamespace = current_schema()::regnamespace AND NOT i.indisprimary AND i.indisvalid ORDER BY t.relname, c.relname, k.place`,
      typeName: found => (found === 'text' ? text : found.toUpperCase()),
      repeatable,
      indexSteps,
      rekey: () => [],
      dropIndex: (_table, index) => `DROP INDEX IF EXISTS ${index}`,
    },
  };
}
