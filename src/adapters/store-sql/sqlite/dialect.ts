// SQLite: strict tables, lists as one JSON parameter, bytewise comparison of text.
import type { ColumnType } from '../../../model/kit/table.ts';
import type { Dialect, InsertParts, SqlValue } from '../common/dialect.ts';
import { StoreMisuse } from '../common/misuse.ts';

const decoders: Partial<Record<ColumnType, ReturnType<Dialect['decoder']>>> = {
  bool: value => value !== 0,
  // Most are empty.
  json: value => (value === '[]' ? [] : value === '{}' ? {} : JSON.parse(value as string)),
};

const types: Record<ColumnType, string> = { text: 'TEXT', int: 'INTEGER', bool: 'INTEGER', json: 'TEXT', time: 'TEXT' };

function quote(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

function literal(value: SqlValue): string {
  if (value === null) return 'NULL';
  if (typeof value === 'boolean') return value ? '1' : '0';
  if (typeof value === 'number') return String(value);
  if (value.includes('\0')) throw new StoreMisuse('a default value holds a NUL');
  return `'${value.replaceAll("'", "''")}'`;
}

function insert({ table, columns, onConflict }: InsertParts): string {
  const head = `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`;
  if (onConflict === 'fail') return head;
  if (onConflict === 'ignore') return `${head} ON CONFLICT DO NOTHING`;
  const set = onConflict.set.map(column => `${column} = excluded.${column}`).join(', ');
  return `${head} ON CONFLICT (${onConflict.key.join(', ')}) ${set ? `DO UPDATE SET ${set}` : 'DO NOTHING'}`;
}

/** The least text that is greater than every text with this prefix, in order of code points (UTF-8 bytes compare alike). */
export function afterPrefix(prefix: string): string | undefined {
  const points = Array.from(prefix, char => char.codePointAt(0)!);
  while (points.at(-1) === 0x10ffff) points.pop();
  const last = points.pop();
  if (last === undefined) return undefined;
  // Surrogates are no characters: the one after U+D7FF is U+E000.
  points.push(last === 0xd7ff ? 0xe000 : last + 1);
  return String.fromCodePoint(...points);
}

/** A range, so that an index serves it. */
function startsWith(column: string, text: string, binds: SqlValue[]): string {
  // A lone surrogate is stored as U+FFFD.
  const prefix = text.toWellFormed();
  const end = afterPrefix(prefix);
  if (end === undefined) {
    binds.push(prefix);
    return `${column} >= ?`;
  }
  binds.push(prefix, end);
  return `(${column} >= ? AND ${column} < ?)`;
}

export const sqliteDialect: Dialect = {
  name: 'sqlite',
  quote,
  parameters: text => text,
  bool: value => (value ? 1 : 0),
  decoder: type => decoders[type],
  columnType: type => types[type],
  literal,
  tableOptions: ' STRICT',
  inList(column, _type, values, binds) {
    binds.push(JSON.stringify(values));
    return `${column} IN (SELECT value FROM json_each(?))`;
  },
  contains(column, text, binds) {
    binds.push(text);
    return `instr(${column}, ?) > 0`;
  },
  startsWith,
  orderBy: (column, direction) => (direction === 'asc' ? column : `${column} DESC`),
  insert,
};
