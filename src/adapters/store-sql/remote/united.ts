// Several queries as one statement: a UNION whose rows say which query they answer, every cell a text where another query may have one. So
// they are one way there and back, and all of one moment. A UNION keeps no order, and to number the rows in theirs (`row_number`) costs
// MariaDB a table on the disk: they are put in order here, as the databases would.
import type { Order } from '../../../contracts/store.ts';
import type { ColumnType } from '../../../model/kit/table.ts';
import type { SqlValue } from '../common/dialect.ts';
import type { Clauses, Statement } from '../common/reads.ts';
import type { Column } from '../common/tables.ts';

/** From what such a row has to what a row of the table itself would have; absent: the same. */
export type UnitedValues = Partial<Record<ColumnType, (value: unknown) => unknown>>;

export interface UnitedForm {
  /** A column as it may stand beside any other. */
  text(sql: string): string;
  readonly values: UnitedValues;
}

export interface United extends Statement {
  /** By query, in their order. */
  answers(rows: readonly (readonly unknown[])[]): readonly UnitedAnswer[];
}

export interface UnitedAnswer {
  readonly columns: readonly Column[];
  readonly cells: readonly (readonly unknown[])[];
}

/** A query with what its `order` was made of. */
export interface Ordered extends Clauses {
  readonly by: Order;
}

/** What says which query it is. */
const ahead = 1;

export function unite(queries: readonly Ordered[], form: UnitedForm): United {
  const read = queries.map(columnsRead);
  const width = Math.max(...read.map(columns => columns.length));
  return {
    text: queries.map((query, i) => branch(query, i, { read: read[i]!, width, form })).join(' UNION ALL '),
    binds: queries.flatMap(({ binds }) => binds),
    answers(rows) {
      const byQuery = Map.groupBy(rows, row => Number(row[0]));
      return queries.map((query, i) => ({ columns: query.columns, cells: cellsOf(byQuery.get(i) ?? [], query, read[i]!, form.values) }));
    },
  };
}

/** Those that were asked for, and those beside them by which it is ordered. */
function columnsRead({ table, columns, by }: Ordered): readonly Column[] {
  const others = by.map(([name]) => table.columns.get(name)!).filter(column => !columns.includes(column));
  return others.length === 0 ? columns : [...columns, ...others];
}

interface Branch {
  readonly read: readonly Column[];
  /** Cells of a row of the whole. */
  readonly width: number;
  readonly form: UnitedForm;
}

function branch({ table, where, order, limit }: Ordered, at: number, { read, width, form: { text } }: Branch): string {
  const cells = Array.from({ length: width }, (_, i) => `${i < read.length ? text(read[i]!.sql) : 'NULL'} AS c${i}`);
  const query = `SELECT ${at} AS q, ${cells.join(', ')} FROM ${table.sql}${where}`;
  return limit === '' ? query : `(${query}${order}${limit})`;
}

function cellsOf(
  rows: readonly (readonly unknown[])[],
  { columns, by }: Ordered,
  read: readonly Column[],
  values: UnitedValues,
): (readonly unknown[])[] {
  const parse = read.map(({ def }) => values[def.type]);
  const parsed = rows.map(row =>
    parse.map((of, i) => {
      const cell = row[i + ahead];
      return cell === null || of === undefined ? cell : of(cell);
    }),
  );
  const keys = by.map(([name, direction]) => ({ at: read.findIndex(column => column.name === name), sign: direction === 'asc' ? 1 : -1 }));
  if (keys.length > 0 && parsed.length > 1) parsed.sort((a, b) => compare(keys, a, b));
  return read.length === columns.length ? parsed : parsed.map(row => row.slice(0, columns.length));
}

function compare(keys: readonly { readonly at: number; readonly sign: number }[], a: readonly unknown[], b: readonly unknown[]): number {
  for (const { at, sign } of keys) {
    const order = compareCells(a[at] as SqlValue, b[at] as SqlValue);
    if (order !== 0) return order * sign;
  }
  return 0;
}

/** Nothing before everything; texts by code points, which is the order of their bytes. */
function compareCells(a: SqlValue, b: SqlValue): number {
  if (a === b) return 0;
  if (a === null || b === null) return a === null ? -1 : 1;
  return typeof a === 'string' ? Buffer.compare(Buffer.from(a), Buffer.from(String(b))) : Number(a) - Number(b);
}
