// Several queries as one statement: a UNION whose rows say which query they answer and in which place, every cell a text where another
// query may have one. So they are one way there and back, and all of one moment.
import type { ColumnType } from '../../../model/kit/table.ts';
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

/** Which query, and which of its rows. */
const ahead = 2;

export function unite(queries: readonly Clauses[], form: UnitedForm): United {
  const width = Math.max(...queries.map(({ columns }) => columns.length));
  return {
    text: queries.map((query, i) => branch(query, i, width, form)).join(' UNION ALL '),
    binds: queries.flatMap(({ binds }) => binds),
    answers(rows) {
      const byQuery = Map.groupBy(rows, row => Number(row[0]));
      return queries.map(({ columns }, i) => ({ columns, cells: cellsOf(byQuery.get(i) ?? [], columns, form.values) }));
    },
  };
}

/** A UNION keeps no order, so that each row has its number. */
function branch({ table, columns, where, order, limit }: Clauses, at: number, width: number, { text }: UnitedForm): string {
  const place = order === '' ? '0' : `row_number() OVER (${order.trim()})`;
  const cells = Array.from({ length: width }, (_, i) => `${i < columns.length ? text(columns[i]!.sql) : 'NULL'} AS c${i}`);
  const query = `SELECT ${at} AS q, ${place} AS n, ${cells.join(', ')} FROM ${table.sql}${where}`;
  return limit === '' ? query : `(${query}${order}${limit})`;
}

function cellsOf(rows: (readonly unknown[])[], columns: readonly Column[], values: UnitedValues): unknown[][] {
  const parse = columns.map(({ def }) => values[def.type]);
  const sorted = rows.sort((a, b) => Number(a[1]) - Number(b[1]));
  return sorted.map(row =>
    parse.map((of, i) => {
      const cell = row[i + ahead];
      return cell === null || of === undefined ? cell : of(cell);
    }),
  );
}
