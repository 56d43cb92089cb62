// An upsert by primary key alone, in a table that has other unique keys: MariaDB's own form would take a row that has any of them for the one.
import type { SqlError } from 'mariadb';
import type { SqlValue } from '../common/dialect.ts';
import { insertHead } from '../common/insert.ts';
import type { UpsertParts, WriteStep } from '../common/writes.ts';
import type { Answer, Session } from '../remote/engine.ts';

export async function upsert(session: Session, step: WriteStep, { key, set }: UpsertParts): Promise<Answer> {
  const { table, binds } = step;
  const values = (columns: readonly number[]): SqlValue[] => columns.map(i => binds[i]!);
  const name = (i: number) => table.bare[i]!;
  const where = key.map(i => `${name(i)} = ?`).join(' AND ');
  // Something must be set for rows to be counted; a key to itself changes nothing.
  const sets = set.length > 0 ? set.map(i => `${name(i)} = ?`) : [`${name(key[0]!)} = ${name(key[0]!)}`];
  const update = { text: `UPDATE ${table.sql} SET ${sets.join(', ')} WHERE ${where}`, binds: [...values(set), ...values(key)] };
  const changed = await session.query(update);
  if (changed.count > 0) return changed;
  try {
    return await session.query({ text: insertHead({ table: table.sql, columns: table.bare, onConflict: 'fail' }), binds });
  } catch (error) {
    const { errno, sqlMessage } = error as SqlError;
    // Somebody else inserted it between the two.
    if (errno === 1062 && sqlMessage?.endsWith("for key 'PRIMARY'")) return session.query(update);
    throw error;
  }
}
