// Loads by key that several commands share. Every one is a single query, whatever the number of ids.
import type { Order, Predicate, Query, Row, Scalar } from '../../contracts/store.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';

export const idsQuery = (table: string, ids: readonly string[]): Query => ({ table, where: { in: ['id', ids] } });

export async function byIds(services: Services, table: string, ids: Iterable<unknown>): Promise<Map<string, Row>> {
  const wanted = [...new Set(ids)].filter((id): id is string => typeof id === 'string' && id !== '');
  if (wanted.length === 0) return new Map();
  const rows = await services.store.select(idsQuery(table, wanted));
  return new Map(rows.map(r => [String(r.id), r]));
}

export interface GroupedOptions {
  readonly where?: Predicate;
  readonly order?: Order;
  /** That by which they are grouped among them; all unless told. */
  readonly columns?: readonly string[];
  /** What tells just those values, where that is shorter to say than thousands of them. */
  readonly among?: Among | undefined;
}

/** The keys of a table's rows for which this holds. */
export interface Among {
  readonly table: string;
  readonly key: string;
  readonly where: Predicate;
}

export function groupedQuery(
  table: string,
  column: string,
  values: readonly string[],
  { where, order, columns, among }: GroupedOptions = {},
): Query {
  const key: Predicate = among
    ? { exists: { table: among.table, on: [[among.key, column]], where: among.where, first: true } }
    : { in: [column, values] };
  return { table, where: where ? { and: [key, where] } : key, ...(order ? { order } : {}), ...(columns ? { columns } : {}) };
}

/** Rows of a table by one column, grouped by its value. */
export function grouped(
  services: Services,
  table: string,
  column: string,
  values: Iterable<unknown>,
  options: GroupedOptions = {},
): Promise<Map<string, Row[]>> {
  return groupedAs(services, table, column, values, { ...options, as: row => row });
}

/** What is made of such rows, grouped likewise. */
export async function groupedAs<T>(
  services: Services,
  table: string,
  column: string,
  values: Iterable<unknown>,
  { as, ...options }: GroupedOptions & { readonly as: (row: Row) => T },
): Promise<Map<string, T[]>> {
  const wanted = [...new Set(values)].filter((v): v is string => typeof v === 'string');
  const out = new Map<string, T[]>();
  if (wanted.length === 0) return out;
  for (const row of await services.store.select(groupedQuery(table, column, wanted, options))) {
    const k = String(row[column]);
    const list = out.get(k);
    if (list) list.push(as(row));
    else out.set(k, [as(row)]);
  }
  return out;
}

/** Rows that one guard says are as they were read: databases limit the parameters of a statement, and compare each row with each. */
const perGuard = 200;

/**
 * Rows that a decision does away with, or counts: none that says something else of these columns is there when it is committed. The first
 * column tells them apart.
 */
export async function relyOnAll(
  services: Services,
  draft: Draft,
  table: string,
  where: Predicate,
  columns: readonly [key: string, ...others: string[]],
): Promise<Row[]> {
  const rows = await services.store.select({ table, where });
  const [key, ...others] = columns;
  const keysOf = (some: readonly Row[]): Predicate => ({ in: [key, some.map(row => row[key] as Scalar)] });
  draft.absent(table, { and: [where, { not: keysOf(rows) }] });
  for (let from = 0; from < rows.length && others.length > 0; from += perGuard) {
    const some = rows.slice(from, from + perGuard);
    const seen = some.map((row): Predicate => ({ and: columns.map((name): Predicate => ({ eq: [name, row[name] as Scalar] })) }));
    draft.absent(table, { and: [where, keysOf(some), { not: { or: seen } }] });
  }
  return rows;
}
