// Loads by key that several commands share. Every one is a single query, whatever the number of ids.
import type { Predicate, Row, Scalar } from '../../contracts/store.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';

export async function byIds(services: Services, table: string, ids: Iterable<unknown>): Promise<Map<string, Row>> {
  const wanted = [...new Set(ids)].filter((id): id is string => typeof id === 'string' && id !== '');
  if (wanted.length === 0) return new Map();
  const rows = await services.store.select({ table, where: { in: ['id', wanted] } });
  return new Map(rows.map(r => [String(r.id), r]));
}

/** Rows of a table by one column, grouped by its value. */
export async function grouped(
  services: Services,
  table: string,
  column: string,
  values: Iterable<unknown>,
  options: { readonly where?: Predicate; readonly order?: readonly (readonly [string, 'asc' | 'desc'])[] } = {},
): Promise<Map<string, Row[]>> {
  const wanted = [...new Set(values)].filter((v): v is string => typeof v === 'string');
  const out = new Map<string, Row[]>();
  if (wanted.length === 0) return out;
  const key: Predicate = { in: [column, wanted] };
  const rows = await services.store.select({
    table,
    where: options.where ? { and: [key, options.where] } : key,
    ...(options.order ? { order: options.order } : {}),
  });
  for (const row of rows) {
    const k = String(row[column]);
    const list = out.get(k);
    if (list) list.push(row);
    else out.set(k, [row]);
  }
  return out;
}

/** Rows that a decision does away with, or counts: none that says something else of these columns is there when it is committed. */
export async function relyOnAll(
  services: Services,
  draft: Draft,
  table: string,
  where: Predicate,
  columns: readonly string[],
): Promise<Row[]> {
  const rows = await services.store.select({ table, where });
  const seen = rows.map((row): Predicate => ({ and: columns.map((name): Predicate => ({ eq: [name, row[name] as Scalar] })) }));
  draft.absent(table, { and: [where, { not: { or: seen } }] });
  return rows;
}
