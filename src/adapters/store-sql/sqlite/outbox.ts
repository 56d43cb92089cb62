// The outbox and the leases: tables that the store keeps for itself. Sequence numbers come from AUTOINCREMENT and are never used
// twice; since SQLite has one writer at a time they are also the order of commits.
import type { OutboxEntry, OutboxRow } from '../../../contracts/store.ts';
import type { Plan } from '../common/writes.ts';
import type { Connection } from './connection.ts';

export const systemTables = [
  `CREATE TABLE weft_outbox (seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,
   event TEXT NOT NULL, revision INTEGER NOT NULL, facts TEXT NOT NULL) STRICT`,
  'CREATE TABLE weft_reader (reader TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT',
  'CREATE TABLE weft_lease (name TEXT PRIMARY KEY, holder TEXT NOT NULL, until INTEGER NOT NULL) STRICT',
];

const append = 'INSERT INTO weft_outbox (at, kind, id, event, revision, facts) VALUES (?, ?, ?, ?, ?, ?) RETURNING seq';

/** The last sequence number, 0 where there was nothing to append. */
export function appendOutbox(connection: Connection, outbox: Plan['outbox'], at: string): number {
  let seq = 0;
  for (const { entry, facts } of outbox) {
    const binds = [at, entry.kind, entry.id, entry.event, entry.revision, facts];
    seq = connection.first({ text: append, binds })![0] as number;
  }
  return seq;
}

const isReader = 'SELECT 1 FROM weft_reader WHERE reader = ?';
const addReader = 'INSERT INTO weft_reader (reader, seq) VALUES (?, 0) ON CONFLICT DO NOTHING';

export function knowsReader(connection: Connection, reader: string): boolean {
  return connection.first({ text: isReader, binds: [reader] }) !== undefined;
}

/** From now on nothing that this reader has not acknowledged is deleted. */
export function registerReader(connection: Connection, reader: string): void {
  connection.run({ text: addReader, binds: [reader] });
}

const pending = `SELECT seq, at, kind, id, event, revision, facts FROM weft_outbox
  WHERE seq > (SELECT seq FROM weft_reader WHERE reader = ?) ORDER BY seq LIMIT ?`;

export function readOutbox(connection: Connection, reader: string, limit: number): OutboxRow[] {
  return connection.all({ text: pending, binds: [reader, limit] }).map(toRow);
}

function toRow(cells: unknown[]): OutboxRow {
  const [seq, at, kind, id, event, revision, facts] = cells as [number, string, string, string, OutboxEntry['event'], number, string];
  return { seq, at, kind, id, event, revision, facts: JSON.parse(facts) };
}

const waiting = `SELECT max(0, (SELECT coalesce(max(seq), 0) FROM weft_outbox) - seq) FROM weft_reader WHERE reader = ?`;

/** By numbers, not by counting rows, of which there may be millions. */
export function countWaiting(connection: Connection, reader: string): number {
  return (connection.first({ text: waiting, binds: [reader] })?.[0] as number | undefined) ?? 0;
}

// A cursor goes forward only, and never beyond what is there: what is committed later must still reach its reader.
const move = `UPDATE weft_reader SET seq = max(seq, min(?, (SELECT coalesce(max(seq), 0) FROM weft_outbox))) WHERE reader = ?`;
// Not more than some thousands at a time: the event loop stands still meanwhile, and there will be another acknowledgement.
const trim = `DELETE FROM weft_outbox WHERE seq <= (SELECT min(seq) FROM weft_reader)
  AND seq < (SELECT min(seq) FROM weft_outbox) + 5000`;

export function moveCursor(connection: Connection, reader: string, seq: number): void {
  registerReader(connection, reader);
  connection.run({ text: move, binds: [seq, reader] });
  connection.run({ text: trim, binds: [] });
}

const dropReader = 'DELETE FROM weft_reader WHERE reader = ?';

export function forgetReader(connection: Connection, reader: string): void {
  connection.run({ text: dropReader, binds: [reader] });
  connection.run({ text: trim, binds: [] });
}

const take = `INSERT INTO weft_lease (name, holder, until) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE
  SET holder = excluded.holder, until = excluded.until WHERE weft_lease.holder = excluded.holder OR weft_lease.until <= ?`;

export function takeLease(connection: Connection, name: string, holder: string, now: number, ms: number): boolean {
  return connection.run({ text: take, binds: [name, holder, now + ms, now] }) > 0;
}
