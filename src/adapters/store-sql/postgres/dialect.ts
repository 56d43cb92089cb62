// PostgreSQL: text in order of code points (collation "C"), lists as one array parameter.
import type { ColumnType } from '../../../model/kit/table.ts';
import type { Dialect, SqlValue } from '../common/dialect.ts';
import { StoreMisuse } from '../common/misuse.ts';
import { startsWith } from '../common/prefix.ts';
import { decodeJson, doubleQuoted, insertOnConflict } from '../common/standard.ts';

const text = 'TEXT COLLATE "C"';
const types: Record<ColumnType, string> = { text, int: 'BIGINT', bool: 'BOOLEAN', json: text, time: text };
const arrays: Record<ColumnType, string> = { text: 'text[]', int: 'bigint[]', bool: 'boolean[]', json: 'text[]', time: 'text[]' };

function literal(value: SqlValue): string {
  if (value === null) return 'NULL';
  if (typeof value !== 'string') return String(value);
  if (value.includes('\0')) throw new StoreMisuse('a default value holds a NUL');
  return `'${value.replaceAll("'", "''")}'`;
}

/** The text of an array, as the server reads it. */
function arrayText(values: readonly SqlValue[]): string {
  const item = (value: SqlValue) =>
    typeof value === 'string' ? `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"` : String(value);
  return `{${values.map(item).join(',')}}`;
}

const indexPart = (column: string, nullable: boolean): string => (nullable ? `${column} ASC NULLS FIRST` : column);

/** `?` to `$1`, `$2`, …: the texts of this store have no literals, and no name has a question mark. */
export function numbered(statement: string): string {
  let n = 0;
  return statement.replaceAll('?', () => `$${++n}`);
}

export const postgresDialect: Dialect = {
  name: 'postgres',
  quote: doubleQuoted,
  parameters: numbered,
  bool: value => value,
  decoder: type => (type === 'json' ? decodeJson : undefined),
  columnType: type => types[type],
  literal,
  jsonText: column => `CAST(to_json(${column}) AS text)`,
  // What text.ts writes otherwise begins so.
  isExactJson: printed => !printed.includes('\\u0001'),
  tableOptions: '',
  inList(column, type, values, binds) {
    binds.push(arrayText(values));
    return `${column} = ANY(CAST(? AS ${arrays[type]}))`;
  },
  // It uses several indexes for alternatives, but not where one of them is a query: a list that it has made before is none.
  among: (column, select, beside) => (beside ? `${column} = ANY(ARRAY(${select}))` : `${column} IN (${select})`),
  contains(column, part, binds) {
    binds.push(part);
    return `strpos(${column}, ?) > 0`;
  },
  startsWith,
  orderBy: (column, direction, nullable) => `${column} ${direction === 'asc' ? 'ASC' : 'DESC'}${nullable ? nulls[direction] : ''}`,
  indexPart,
  soughtPart: indexPart,
  insert: insertOnConflict,
};

const nulls = { asc: ' NULLS FIRST', desc: ' NULLS LAST' } as const;
