// One page of a list: filters, sort keys and a marker as one query on the store.
import type { Order, Predicate, Row, Scalar } from '../contracts/store.ts';
import { type ListQuery, readFilterValues, type TagFilter, tagFilters } from '../domain/input/query.ts';
import type { ColumnDef, TableDef } from '../model/kit/table.ts';
import type { ApiObject, Commands } from './commands/commands.ts';
import type { RequestContext } from './context.ts';
import { find, findAll, viewerOf, visible } from './find.ts';
import { giveWay } from './give-way.ts';
import { hiddenFrom } from './mask.ts';

/** Whether a page has neighbours. */
export interface Directions {
  readonly next: boolean;
  readonly previous: boolean;
}

/** The rows of a page, before they are read. */
export interface Selection {
  readonly table: string;
  readonly conditions: readonly Predicate[];
  readonly order: Order;
  /** 0: all. */
  readonly limit: number;
  /** The order is that from the end of the list to its beginning. */
  readonly reverse: boolean;
}

export async function selectionOf(ctx: RequestContext, commands: Commands, query: ListQuery): Promise<Selection> {
  const { limit, reverse } = query;
  const hidden = hiddenFrom(ctx.policy, ctx.caller, commands.resource);
  const conditions = filterPredicates(ctx, commands, query, hidden);
  const scope = visible(ctx, commands);
  if (scope) conditions.push(scope);
  const order = orderOf(commands, query, hidden);
  // As in Neutron: a marker means nothing without a limit.
  if (query.marker !== undefined && limit > 0) {
    const marker = commands.forgivesMarkers
      ? (await findAll(ctx, commands, [query.marker])).get(query.marker)
      : await find(ctx, commands, query.marker);
    if (marker) conditions.push(...beyondMarker(commands.resource.table, marker, reverse ? turned(order) : order));
  }
  return { table: commands.resource.table.name, conditions, order: reverse ? turned(order) : order, limit, reverse };
}

/** As in Neutron: there are pages in both directions, unless this one is not full, and so the last in its own. */
export function directions(length: number, { limit, reverse }: ListQuery): Directions {
  const full = length >= limit;
  return { next: limit > 0 && (full || reverse), previous: limit > 0 && (full || !reverse) };
}

/** So many rows are read and shown before others get their turn; up to so many, a list costs a constant number of queries. */
export const atOnce = 10_000;

/** In the order of the list; of these columns, or of all. All at once where another order could change meanwhile; by id, which cannot, in pieces. */
export async function rowsOf(ctx: RequestContext, selection: Selection, columns?: readonly string[]): Promise<Row[]> {
  const { table, conditions, order, limit, reverse } = selection;
  const select = (more: readonly Predicate[], most: number): Promise<Row[]> =>
    ctx.store.select({
      table,
      where: { and: [...conditions, ...more] },
      order,
      ...(most > 0 ? { limit: most } : {}),
      ...(columns ? { columns } : {}),
    });
  const rows = order.length > 1 ? await select([], limit) : await inPieces(ctx, select, order[0] as Order[number], limit);
  return reverse ? rows.reverse() : rows;
}

async function inPieces(
  ctx: RequestContext,
  select: (more: readonly Predicate[], most: number) => Promise<Row[]>,
  [key, direction]: Order[number],
  limit: number,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (;;) {
    const last = rows.at(-1);
    const wanted = limit > 0 ? Math.min(atOnce, limit - rows.length) : atOnce;
    const found = await select(last ? [beyond(key, direction === 'desc', last[key] as Scalar)] : [], wanted);
    for (const row of found) rows.push(row);
    if (found.length < wanted || rows.length === limit) return rows;
    await giveWay(ctx);
  }
}

/** What is asked for, as far as the caller sees it, made unique by what names a member. */
function orderOf(commands: Commands, query: ListQuery, hidden: ReadonlySet<string>): Order {
  const order = query.sort.filter(([key]) => (commands.resource.table.columns[key]?.type ?? 'json') !== 'json' && !hidden.has(key));
  const unique = commands.resource.key;
  return order.some(([column]) => column === unique) ? order : [...order, [unique, 'asc']];
}

const turned = (order: Order): Order => order.map(([column, direction]) => [column, direction === 'asc' ? 'desc' : 'asc']);

/** An attribute that the caller does not see has no value that he could ask for: a filter must not tell what an answer hides. */
function filterPredicates(ctx: RequestContext, commands: Commands, query: ListQuery, hidden: ReadonlySet<string>): Predicate[] {
  const viewer = viewerOf(ctx);
  return [...query.filters].map(([name, values]) => {
    if (hidden.has(name)) return { or: [] };
    if (isTagFilter(name)) return tagPredicate(name, values);
    const own = commands.filters?.[name];
    return own ? own(values, viewer, query.filters) : { in: [name, readFilterValues(commands.resource, name, values)] };
  });
}

function isTagFilter(name: string): name is TagFilter {
  return (tagFilters as readonly string[]).includes(name);
}

const hasTag = (where: Predicate): Predicate => ({ exists: { table: 'tags', on: [['object_id', 'id']], where, first: true } });

/** `tags` and `not-tags` mean all of them, the `-any` forms one of them. */
function tagPredicate(name: TagFilter, tags: readonly string[]): Predicate {
  const joined: Predicate = name.endsWith('-any')
    ? hasTag({ in: ['tag', tags] })
    : { and: tags.map((tag): Predicate => hasTag({ eq: ['tag', tag] })) };
  return name.startsWith('not-') ? { not: joined } : joined;
}

/** Everything behind the marker in the order given; nulls sort first ascending, as in the store. */
function beyondMarker(table: TableDef, marker: Row, order: Order): Predicate[] {
  const steps = order.map(([column, direction], i): Predicate => {
    const equal = order.slice(0, i).map(([c]): Predicate => ({ eq: [c, marker[c] as Scalar] }));
    return { and: [...equal, beyond(column, direction === 'desc', marker[column] as Scalar)] };
  });
  return [...notBefore(table, marker, order[0] as Order[number]), { or: steps }];
}

/** Where a walk by the first key goes on: said by itself, since databases find no place in an index by alternatives. */
function notBefore({ columns }: TableDef, marker: Row, [name, direction]: Order[number]): Predicate[] {
  const { type, nullable = false } = columns[name] as ColumnDef;
  if (nullable || type === 'bool') return [];
  const bound = [name, marker[name] as string | number] as const;
  return [direction === 'asc' ? { gte: bound } : { lte: bound }];
}

const never = (column: string): Predicate => ({ in: [column, []] });

function beyond(column: string, descending: boolean, value: Scalar): Predicate {
  const isNull: Predicate = { eq: [column, null] };
  if (value === null) return descending ? never(column) : { not: isNull };
  if (typeof value === 'boolean') {
    const other: Predicate = value === descending ? { eq: [column, !value] } : never(column);
    return descending ? { or: [other, isNull] } : other;
  }
  return descending ? { or: [{ lt: [column, value] }, isNull] } : { gt: [column, value] };
}

/** The attributes that `fields` asks for; none asked for means all. */
export function trim(object: ApiObject, fields: readonly string[]): ApiObject {
  if (fields.length === 0) return object;
  const out: ApiObject = {};
  for (const name of fields) if (Object.hasOwn(object, name)) out[name] = object[name];
  return out;
}
