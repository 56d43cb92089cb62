// Columns that the database puts together as JSON: one cell to read instead of many, and nothing of it to take apart and print here.
import type { Dialect } from './dialect.ts';
import { StoreMisuse } from './misuse.ts';
import { type Column, columnOf, type Table } from './tables.ts';

/** These columns as one, whose value is the members of a JSON object, or null where the database would print something of it otherwise. */
export function printedColumn(dialect: Dialect, table: Table, names: readonly string[]): Column {
  if (names.length === 0) throw new StoreMisuse(`a query of ${table.name} prints no column`);
  const key = names.join();
  const known = table.printed.get(key);
  if (known) return known;
  const pieces = names.flatMap((name, i) => [`'${i === 0 ? '' : ','}"${name}":'`, printedCell(dialect, columnOf(table, name))]);
  const column: Column = {
    name: 'printed',
    def: { type: 'text', nullable: true },
    bare: 'printed',
    sql: concat(pieces),
    label: `${table.name}.printed`,
    decode: value => (dialect.isExactJson(value as string) ? (value as string) : null),
    fallback: undefined,
  };
  table.printed.set(key, column);
  return column;
}

/** Databases limit the arguments of a function (PostgreSQL: 100). */
const mostArguments = 90;

function concat(pieces: readonly string[]): string {
  if (pieces.length <= mostArguments) return `concat(${pieces.join(', ')})`;
  const groups: string[] = [];
  for (let i = 0; i < pieces.length; i += mostArguments) groups.push(`concat(${pieces.slice(i, i + mostArguments).join(', ')})`);
  return concat(groups);
}

/** JSON columns hold what JSON.stringify has written. */
function printedCell(dialect: Dialect, { sql, def: { type, nullable } }: Column): string {
  if (type === 'bool') {
    const otherwise = nullable ? ` WHEN ${sql} IS NULL THEN 'null'` : '';
    return `CASE${otherwise} WHEN ${sql} = ${dialect.literal(true)} THEN 'true' ELSE 'false' END`;
  }
  const text = type === 'json' ? sql : type === 'int' ? `concat(${sql})` : dialect.jsonText(sql);
  return nullable ? `CASE WHEN ${sql} IS NULL THEN 'null' ELSE ${text} END` : text;
}
