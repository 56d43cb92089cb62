// MariaDB: InnoDB tables, text in bytewise order without padding, values interpolated by the driver (so a list may be a list).
import type { ColumnType } from '../../../model/kit/table.ts';
import type { Dialect, InsertParts, SqlValue } from '../common/dialect.ts';
import { insertHead } from '../common/insert.ts';
import { StoreMisuse } from '../common/misuse.ts';
import { startsWith } from '../common/prefix.ts';
import { among, decodeJson } from '../common/standard.ts';

const decoders: Partial<Record<ColumnType, ReturnType<Dialect['decoder']>>> = {
  bool: value => value !== 0,
  json: decodeJson,
};

const types: Record<ColumnType, string> = { text: 'MEDIUMTEXT', int: 'BIGINT', bool: 'TINYINT', json: 'LONGTEXT', time: 'VARCHAR(20)' };

/** An index holds 3072 bytes, a character has up to four: three texts of 255, or as many as there are of less. */
function keyedText(texts: number): string {
  return `VARCHAR(${texts <= 3 ? 255 : Math.floor(3072 / 4 / texts) - 1})`;
}

function quote(identifier: string): string {
  return `\`${identifier.replaceAll('`', '``')}\``;
}

function literal(value: SqlValue): string {
  if (value === null) return 'NULL';
  if (typeof value === 'boolean') return value ? '1' : '0';
  if (typeof value === 'number') return String(value);
  if (value.includes('\0')) throw new StoreMisuse('a default value holds a NUL');
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}

/** An upsert is exact where the primary key is the only unique key; for the others see `upsert.ts`. INSERT IGNORE would swallow other errors. */
function insert(parts: InsertParts): string {
  const { onConflict, columns } = parts;
  const head = insertHead(parts);
  if (onConflict === 'fail') return head;
  const set = onConflict === 'ignore' ? [] : onConflict.set.map(column => `${column} = VALUES(${column})`);
  return `${head} ON DUPLICATE KEY UPDATE ${set.length > 0 ? set.join(', ') : `${columns[0]} = ${columns[0]}`}`;
}

export const mariadbDialect: Dialect = {
  name: 'mariadb',
  quote,
  parameters: text => text,
  bool: value => (value ? 1 : 0),
  decoder: type => decoders[type],
  columnType: (type, keyed) => (type === 'text' && keyed > 0 ? keyedText(keyed) : types[type]),
  literal,
  jsonText: column => `JSON_QUOTE(${column})`,
  // It writes the digits of control characters large.
  isExactJson: printed => !printed.includes('\\u00'),
  tableOptions: ' ENGINE=InnoDB ROW_FORMAT=DYNAMIC CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin',
  inList(column, _type, values, binds) {
    binds.push(...values);
    return `${column} IN (${values.map(() => '?').join(', ')})`;
  },
  among,
  contains(column, text, binds) {
    binds.push(text);
    return `LOCATE(?, ${column}) > 0`;
  },
  startsWith,
  orderBy: (column, direction) => (direction === 'asc' ? column : `${column} DESC`),
  indexPart: column => column,
  soughtPart: column => `${column}(100)`,
  insert,
};
