// SQLite: strict tables, lists as one JSON parameter, bytewise comparison of text.
import type { ColumnType } from '../../../model/kit/table.ts';
import type { Dialect, InsertParts, SqlValue } from '../common/dialect.ts';
import { insertHead } from '../common/insert.ts';
import { StoreMisuse } from '../common/misuse.ts';
import { startsWith } from '../common/prefix.ts';

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

function insert(parts: InsertParts): string {
  const { onConflict } = parts;
  const head = insertHead(parts);
  if (onConflict === 'fail') return head;
  if (onConflict === 'ignore') return `${head} ON CONFLICT DO NOTHING`;
  const set = onConflict.set.map(column => `${column} = excluded.${column}`).join(', ');
  return `${head} ON CONFLICT (${onConflict.key.join(', ')}) ${set ? `DO UPDATE SET ${set}` : 'DO NOTHING'}`;
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
  indexPart: column => column,
  insert,
};
