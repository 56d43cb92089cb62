// MariaDB beyond its dialect.
import type { SqlError } from 'mariadb';
import type { SqlValue } from '../common/dialect.ts';
import { insertHead } from '../common/insert.ts';
import type { Statement } from '../common/reads.ts';
import type { WriteStep } from '../common/writes.ts';
import { type Answer, type AtOnce, type Engine, OnlyReads, type Session, type Taken, type Trouble } from '../remote/engine.ts';
import { counterSlot, fenceTable } from '../remote/fence.ts';
import { slotOf } from '../remote/hash.ts';
import type { Names } from '../remote/names.ts';
import { floorReader, systemTables } from '../remote/system.ts';
import { mariadbDialect } from './dialect.ts';
import type { MariadbAnswer, MariadbSession } from './session.ts';
import { connectMariadb, lockWaitSeconds, type MariadbLimits } from './session.ts';
import { upsert } from './upsert.ts';

/** Rows whose locks are the named locks. Two names of one slot wait for one another now and then, which harms nobody. */
const slots = 8192;
/** Deadlock, lock wait timeout, a row that moved under a snapshot, a statement that another cluster node overtook. */
const again = new Set([1213, 1205, 1020]);
/** Too many connections, shutting down, not ready (Galera), killed, gone away, and a node that only reads since a moment ago. */
const gone = new Set([1040, 1053, 1047, 1152, 1290, 1927, 2002, 2003, 2006, 2013]);
const options = ' ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin';

function trouble(error: unknown): Trouble {
  if (error instanceof OnlyReads) return 'lost';
  const { errno = 0, fatal = false } = (error ?? {}) as Partial<SqlError>;
  if (again.has(errno)) return 'again';
  // Whom the server does not know (1045, 1049) it will not know the next time either.
  if (gone.has(errno) || (fatal && errno !== 1045 && errno !== 1049 && errno !== 1044)) return 'lost';
  return isSocketError(error) ? 'lost' : 'other';
}

function isSocketError(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return code !== undefined && ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENOENT'].includes(code);
}

function takenKey(error: unknown): string | undefined {
  const { errno, sqlMessage } = (error ?? {}) as Partial<SqlError>;
  if (errno !== 1062) return undefined;
  const key = / for key '([^']*)'$/.exec(sqlMessage ?? '')?.[1] ?? '';
  return key === 'PRIMARY' ? 'primary' : key;
}

/**
 * One compound statement, which ends where something fails. It says how many were done before, since MariaDB does not say of which table
 * the key is that was taken. Values are put in by the driver as in any statement, and several statements at once stay forbidden.
 */
function together(statements: readonly Statement[]): Statement {
  const texts = statements.map(({ text }, i) => (i === 0 ? text : `SET weft_done = ${i}; ${text}`));
  return { text: `${compound} ${texts.join('; ')}; END`, binds: statements.flatMap(({ binds }) => binds) };
}

/** `first`: what is done before the error is told. */
const compoundOf = (variables: string, first: string): string => `BEGIN NOT ATOMIC DECLARE weft_done INT DEFAULT 0; ${variables}
  DECLARE EXIT HANDLER FOR 1062 BEGIN
    GET DIAGNOSTICS CONDITION 1 @weft_taken = MESSAGE_TEXT;
    SET @weft_taken = concat(weft_done, ' ', @weft_taken); ${first}
    SIGNAL SQLSTATE '23000' SET MYSQL_ERRNO = 1062, MESSAGE_TEXT = @weft_taken;
  END;`;

const compound = compoundOf('', '');

function takenAmong(error: unknown): Taken | undefined {
  const key = takenKey(error);
  const at = Number.parseInt((error as Partial<SqlError> | null)?.sqlMessage ?? '', 10);
  return key === undefined ? undefined : { at, key };
}

/** Slots in rising order, one query for each run of one kind of lock. A list that is longer might be made a join, which has no order. */
const longestRun = 500;

function lockRuns(names: Names): { readonly rows: string; readonly lock: string }[] {
  const wanted = new Map<number, boolean>();
  for (const [name, alone] of names) {
    const slot = slotOf(name, slots);
    wanted.set(slot, alone || wanted.get(slot) === true);
  }
  const runs: { alone: boolean; slots: number[] }[] = [];
  for (const [slot, alone] of [...wanted].sort(([a], [b]) => a - b)) {
    const last = runs.at(-1);
    if (last?.alone === alone && last.slots.length < longestRun) last.slots.push(slot);
    else runs.push({ alone, slots: [slot] });
  }
  return runs.map(run => ({
    rows: `weft_lock WHERE slot IN (${run.slots.join()})`,
    lock: run.alone ? 'FOR UPDATE' : 'LOCK IN SHARE MODE',
  }));
}

/** Parts are carried out one after another. */
function lockStatement(names: Names): Statement | undefined {
  const parts = lockRuns(names).map(({ rows, lock }) => `(SELECT slot FROM ${rows} ORDER BY slot ${lock})`);
  return parts.length === 0 ? undefined : { text: parts.join(' UNION ALL '), binds: [] };
}

/** What goes into one compound statement: the server limits how long it is. */
const mostBinds = 5000;
const longestText = 2_000_000;

const lengthOf = ({ binds }: Statement): number =>
  binds.reduce<number>((sum, bind) => sum + (typeof bind === 'string' ? bind.length : 0), 0);

/** The locks of `lockStatement`, with nothing answered: counted as they are found in the primary key, which is in its order. */
function lockQuietly(names: Names): Statement | undefined {
  const queries = lockRuns(names).map(({ rows, lock }) => `SELECT count(slot) INTO weft_found FROM ${rows} ${lock}`);
  return queries.length === 0 ? undefined : { text: queries.join('; '), binds: [] };
}

const refusing = (what: string): string =>
  `SET @weft_told = concat(weft_done, ${what}); SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = @weft_told`;

/**
 * Compound statements that are one transaction, the last with COMMIT; mostly that is the first. Each goes on where the one before has come to its end. An error
 * ends them wherever it comes from, also one that no handler is asked about, or before the first word was carried out: so each has a number of
 * its own, `first` and those after it, that no other commit of the connection leaves in `@weft_step`. Nothing is to come behind COMMIT that could fail when it is done.
 */
function compounds(statements: readonly Statement[], entries: number, first: number): Statement[] {
  const groups: Statement[][] = [];
  let [size, length] = [0, 0];
  for (const statement of statements) {
    const own = lengthOf(statement);
    size += statement.binds.length;
    length += own;
    if (groups.length === 0 || size > mostBinds || length > longestText) {
      groups.push([]);
      [size, length] = [statement.binds.length, own];
    }
    groups.at(-1)!.push(statement);
  }
  const seq = entries > 0 ? `SELECT LAST_INSERT_ID() + ${entries - 1}; ` : '';
  let done = 0;
  return groups.map((group, i) => {
    const texts = group.map(({ text }) => `SET weft_done = ${done++}; ${text}`);
    const goOn = `IF NOT (@weft_step <=> ${first + i - 1}) THEN ${refusing("' stopped'")}; END IF`;
    const end = i === groups.length - 1 ? `${seq}COMMIT` : `SET @weft_step = ${first + i}`;
    return {
      text: `${atOnceHead} ${i === 0 ? 'START TRANSACTION' : goOn}; ${texts.join('; ')}; ${end}; END`,
      binds: group.flatMap(({ binds }) => binds),
    };
  });
}

/** Nobody waits for what it has locked until its process has read that it was refused. */
const atOnceHead = `${compoundOf('DECLARE weft_found BIGINT;', 'ROLLBACK;')} DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; RESIGNAL; END;`;

const atOnce: AtOnce = {
  joins: false,
  names: lockQuietly,
  // Looked at one after another, which costs half of a UNION whose lines are counted. Not by SET, within which InnoDB locks whatever it reads.
  guards({ looks, list, binds }) {
    const misses = looks.map((look, i) => `WHEN ${list[i]!.guard === 'absent' ? '' : 'NOT '}coalesce((${look}), 0) THEN ${i}`);
    return {
      text: `SELECT CASE ${misses.join(' ')} END INTO weft_found; IF weft_found IS NOT NULL THEN ${refusing("' guard ', weft_found")}; END IF`,
      binds,
    };
  },
  write({ text, binds, expect, counts }) {
    if (expect === undefined) return { text, binds };
    const miss = `${refusing("' miss'")}; END IF`;
    return { text: counts ? `IF (${text}) <> ${expect} THEN ${miss}` : `${text}; IF ROW_COUNT() <> ${expect} THEN ${miss}`, binds };
  },
  outbox: rows => ({ text: insertHead({ ...append, rows: rows.length }), binds: rows.flat() }),
  async send(session, statements, entries) {
    const own = session as MariadbSession;
    const texts = compounds(statements, entries, own.steps + 1);
    own.steps += texts.length;
    const last = texts.pop()!;
    const results = await Promise.allSettled([...texts.map(statement => own.compound(statement)), own.lastCompound(last)]);
    const end = results.at(-1)!;
    if (end.status === 'fulfilled') return { seq: end.value as number };
    // Whether COMMIT was done is then not known: one that is killed behind its last word has an error, too.
    if (own.broken) throw end.reason;
    await own.rollback();
    const { reason } = results.find(({ status }) => status === 'rejected') as PromiseRejectedResult;
    return { at: Number.parseInt((reason as Partial<SqlError>).sqlMessage ?? '', 10), error: reason };
  },
  told(error) {
    const message = (error as Partial<SqlError> | null)?.sqlMessage ?? '';
    const [, why, at] = /^\d+ (guard|miss)(?: (\d+))?$/.exec(message) ?? [];
    if (why === 'guard') return { why, at: Number(at) };
    const key = takenKey(error);
    return why === 'miss' ? { why } : key === undefined ? undefined : { why: 'taken', key };
  },
};

const append = { table: 'weft_outbox', columns: ['at', 'kind', 'id', 'event', 'revision', 'facts'], onConflict: 'fail' } as const;

/** In a cluster: numbers of the store's own, which whoever is next has to wait for until this commit is done. */
async function appendCounted(session: Session, rows: readonly (readonly SqlValue[])[]): Promise<number> {
  const { length } = rows;
  const counted = session.query({
    text: `UPDATE weft_writer SET used = LAST_INSERT_ID(used + ${length}) WHERE slot = ${counterSlot}`,
    binds: [],
  });
  const values = rows.map((row, i) => `(LAST_INSERT_ID() - ${length - 1 - i}, ${row.map(() => '?').join(', ')})`);
  const text = `INSERT INTO weft_outbox (seq, ${append.columns.join(', ')}) VALUES ${values.join(', ')}`;
  const [answer] = await Promise.all([counted, session.query({ text, binds: rows.flat() })]);
  return (answer as MariadbAnswer).insertId;
}

/** A statement whose rows are counted beforehand takes numbers that follow one another. */
async function appendOutbox(session: Session, rows: readonly (readonly SqlValue[])[]): Promise<number> {
  if (session.member !== undefined) return appendCounted(session, rows);
  const answer = await session.query({ text: insertHead({ ...append, rows: rows.length }), binds: rows.flat() });
  return (answer as MariadbAnswer).insertId + rows.length - 1;
}

/** The lock ends with the connection, whatever ends that. */
const lockSchema =
  (limits: MariadbLimits) =>
  async (session: Session, work: () => Promise<void>): Promise<void> => {
    const name = "concat('weft schema ', database())";
    const { rows } = await session.run(`SELECT GET_LOCK(${name}, 120)`);
    if (Number(rows[0]?.[0]) !== 1) throw new Error('store: another process has been changing the schema for two minutes');
    try {
      await session.run('SET SESSION lock_wait_timeout = 1');
      await work();
    } finally {
      await session.run(`SET SESSION lock_wait_timeout = ${lockWaitSeconds(limits)}`);
      await session.run(`SELECT RELEASE_LOCK(${name})`);
    }
  };

const repeatable = (text: string): string =>
  text.replace(/^(CREATE TABLE|CREATE UNIQUE INDEX|CREATE INDEX|ALTER TABLE \S+ ADD COLUMN) /, '$1 IF NOT EXISTS ');

/** Its own upsert is exact where the primary key is the only unique one. */
const isHard = (step: WriteStep): boolean => step.upsert !== undefined && (step.table.def.unique?.length ?? 0) > 0;

export function mariadbEngine(limits: MariadbLimits, count: () => void): Engine {
  return {
    dialect: mariadbDialect,
    connect: (location, node) => connectMariadb(location, node, limits, count),
    apart: true,
    trouble,
    takenKey,
    together,
    takenAmong,
    atOnce,
    guardLocks: { read: ' LOCK IN SHARE MODE', write: ' FOR UPDATE' },
    lockStatement,
    // Numbers become texts where another query has a text in their place.
    united: { text: sql => sql, values: { int: Number, bool: Number } },
    write: (session: Session, step: WriteStep): Promise<Answer> =>
      isHard(step) ? upsert(session, step, step.upsert!) : session.query(step),
    waits: isHard,
    appendOutbox,
    systemTables: [
      ...systemTables({ key: 'VARCHAR(255)', text: 'LONGTEXT', serial: 'BIGINT AUTO_INCREMENT', options }),
      `CREATE TABLE IF NOT EXISTS weft_lock (slot INT PRIMARY KEY)${options}`,
      `INSERT IGNORE INTO weft_lock (slot) VALUES ${Array.from({ length: slots }, (_, slot) => `(${slot})`).join(', ')}`,
      floorReader.replace('INSERT', 'INSERT IGNORE'),
    ],
    clusterTable: fenceTable('VARCHAR(255)', options),
    nowMs: 'CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)',
    insertNew: (table, columns, rows) => mariadbDialect.insert({ table, columns, rows, onConflict: 'ignore' }),
    lockSchema: lockSchema(limits),
    schema: {
      columns: `SELECT table_name, column_name, column_type, is_nullable = 'YES', column_default IS NOT NULL AND column_default <> 'NULL'
        FROM information_schema.columns WHERE table_schema = database()`,
      indexes: `SELECT table_name, index_name, non_unique = 0, column_name FROM information_schema.statistics
        WHERE table_schema = database() AND index_name <> 'PRIMARY' ORDER BY table_name, index_name, seq_in_index`,
      typeName: found => found.toUpperCase().replace(/^((?:BIG|TINY)?INT)\(\d+\)$/, '$1'),
      repeatable,
      indexSteps: text => [repeatable(text)],
      rekey: (table, column) => [`ALTER TABLE ${table} MODIFY COLUMN ${column}`],
      dropIndex: (table, index) => `DROP INDEX IF EXISTS ${index} ON ${table}`,
    },
  };
}
