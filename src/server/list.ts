// One page of a list: filters, sort keys and a marker as one query on the store.
import type { Order, Predicate, Row, Scalar } from '../contracts/store.ts';
import { apiError } from '../domain/errors.ts';
import { type ListQuery, readFilterValue, tagFilters } from '../domain/input/query.ts';
import { notFound } from './authorize.ts';
import type { Commands, Viewer } from './commands/commands.ts';
import type { Services } from './context.ts';

export interface Page {
  readonly rows: readonly Row[];
  readonly next: boolean;
  readonly previous: boolean;
}

export async function listPage(
  services: Services,
  commands: Commands,
  query: ListQuery,
  scope: Predicate | undefined,
  viewer: Viewer,
): Promise<Page> {
  const conditions = filterPredicates(commands, query, viewer);
  if (scope) conditions.push(scope);
  const order = orderOf(commands, query);
  if (query.marker !== undefined) conditions.push(await afterMarker(services, commands, query, order));
  const rows = await services.store.select({
    table: commands.resource.table.name,
    ...(conditions.length > 0 ? { where: { and: conditions } } : {}),
    order: query.reverse ? order.map(([c, d]) => [c, d === 'asc' ? 'desc' : 'asc'] as const) : order,
    ...(query.limit > 0 ? { limit: query.limit } : {}),
  });
  if (query.reverse) rows.reverse();
  const full = query.limit > 0 && rows.length >= query.limit;
  return { rows, next: query.limitGiven && (full || query.reverse), previous: query.limitGiven && (full || !query.reverse) };
}

function orderOf(commands: Commands, query: ListQuery): Order {
  const order = query.sort.filter(([key]) => commands.resource.table.columns[key] !== undefined);
  return order.some(([key]) => key === 'id') ? order : [...order, ['id', 'asc']];
}

function filterPredicates(commands: Commands, query: ListQuery, viewer: Viewer): Predicate[] {
  const out: Predicate[] = [];
  for (const [name, values] of query.filters) {
    if ((tagFilters as readonly string[]).includes(name)) out.push(tagPredicate(name, values));
    else if (commands.filters?.[name]) out.push(commands.filters[name](values, viewer));
    else out.push({ in: [name, values.map(v => readFilterValue(commands.resource, name, v))] });
  }
  return out;
}

function hasTag(tag: string): Predicate {
  return { exists: { table: 'tags', on: [['object_id', 'id']], where: { eq: ['tag', tag] } } };
}

/** `tags` and `not-tags` mean all of them, the `-any` forms one of them. */
function tagPredicate(name: string, values: readonly string[]): Predicate {
  const each = values.flatMap(v => v.split(',')).map(hasTag);
  const joined: Predicate = name.endsWith('-any') ? { or: each } : { and: each };
  return name.startsWith('not-') ? { not: joined } : joined;
}

/** Everything behind the marker in the order asked for; nulls sort first ascending, as in the store. */
async function afterMarker(services: Services, commands: Commands, query: ListQuery, order: Order): Promise<Predicate> {
  const marker = await services.store.get(commands.resource.table.name, { id: query.marker as string });
  if (!marker) throw notFound(commands.resource, query.marker as string);
  if (query.limit === 0) throw apiError('HTTPBadRequest', { message: 'A marker needs a limit' });
  const steps: Predicate[] = order.map(([column, direction], i) => ({
    and: [
      ...order.slice(0, i).map(([c]): Predicate => ({ eq: [c, marker[c] as Scalar] })),
      beyond(column, (direction === 'desc') !== query.reverse, marker[column] as Scalar),
    ],
  }));
  return { or: steps };
}

function beyond(column: string, descending: boolean, value: Scalar): Predicate {
  const isNull: Predicate = { eq: [column, null] };
  if (value === null) return descending ? { in: [column, []] } : { not: isNull };
  const comparable = typeof value === 'boolean' ? Number(value) : value;
  return descending ? { or: [{ lt: [column, comparable] }, isNull] } : { gt: [column, comparable] };
}
