// What several databases write alike.
import type { Value } from '../../../contracts/store.ts';
import type { InsertParts } from './dialect.ts';
import { insertHead } from './insert.ts';

export function doubleQuoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

/** ON CONFLICT, as SQLite has it from PostgreSQL. */
export function insertOnConflict(parts: InsertParts): string {
  const { onConflict } = parts;
  const head = insertHead(parts);
  if (onConflict === 'fail') return head;
  if (onConflict === 'ignore') return `${head} ON CONFLICT DO NOTHING`;
  const set = onConflict.set.map(column => `${column} = excluded.${column}`).join(', ');
  return `${head} ON CONFLICT (${onConflict.key.join(', ')}) ${set ? `DO UPDATE SET ${set}` : 'DO NOTHING'}`;
}

/** Databases that take such a list for alternatives as they take it elsewhere. */
export const among = (column: string, select: string): string => `${column} IN (${select})`;

/** JSON that is kept as text. Most is empty. */
export function decodeJson(value: unknown): Value {
  return value === '[]' ? [] : value === '{}' ? {} : JSON.parse(value as string);
}
