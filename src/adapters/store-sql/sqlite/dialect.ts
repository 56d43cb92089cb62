// SQLite: strict tables, lists as one JSON parameter, bytewise comparison of text.
import type { ColumnType } from '../../../model/kit/table.ts';
import type { Dialect, SqlValue } from '../common/dialect.ts';
import { StoreMisuse } from '../common/misuse.ts';
import { startsWith } from '../common/prefix.ts';
import { among, decodeJson, doubleQuoted, insertOnConflict } from '../common/standard.ts';

const decoders: Partial<Record<ColumnType, ReturnType<Dialect['decoder']>>> = {
  bool: value => value !== 0,
  json: decodeJson,
};

const types: Record<ColumnType, string> = { text: 'TEXT', int: 'INTEGER', bool: 'INTEGER', json: 'TEXT', time: 'TEXT' };

function literal(value: SqlValue): string {
  if (value === null) return 'NULL';
  if (typeof value === 'boolean') return value ? '1' : '0';
  if (typeof value === 'number') return String(value);
  if (value.includes('\0')) throw new StoreMisuse('a default value holds a NUL');
  return `'${value.replaceAll("'", "''")}'`;
}

export const sqliteDialect: Dialect = {
  name: 'sqlite',
  quote: doubleQuoted,
  parameters: text => text,
  bool: value => (value ? 1 : 0),
  decoder: type => decoders[type],
  columnType: type => types[type],
  literal,
  jsonText: column => `json_quote(${column})`,
  isExactJson: () => true,
  tableOptions: ' STRICT',
  inList(column, _type, values, binds) {
    binds.push(JSON.stringify(values));
    return `${column} IN (SELECT value FROM json_each(?))`;
  },
  among,
  contains(column, text, binds) {
    binds.push(text);
    return `instr(${column}, ?) > 0`;
  },
  startsWith,
  orderBy: (column, direction) => (direction === 'asc' ? column : `${column} DESC`),
  indexPart: column => column,
  soughtPart: column => column,
  insert: insertOnConflict,
};
