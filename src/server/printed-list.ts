// Objects as text: those that were printed before and are the same still are not read again, and a list of nothing else is not even put together.
import type { Exists, Predicate, Row } from '../contracts/store.ts';
import type { ListQuery } from '../domain/input/query.ts';
import type { Commands, Steady } from './commands/commands.ts';
import type { Among } from './commands/load.ts';
import type { RequestContext } from './context.ts';
import { seenQuery } from './find.ts';
import { giveWay } from './give-way.ts';
import { atOnce, directions, rowsOf, type Selection } from './list.ts';
import type { Mask } from './mask.ts';
import type { ListAnswer } from './pipeline.ts';
import { type Contents, Texts } from './printed.ts';
import { kindOf, kindsOf, type PrintOptions, printRows, printWhere, type SteadyCommands } from './printed-rows.ts';

export const hasSteady = (commands: Commands): commands is SteadyCommands => commands.steady !== undefined;

interface ListOptions extends PrintOptions {
  readonly selection: Selection;
}

export async function printedList(
  ctx: RequestContext,
  commands: SteadyCommands,
  query: ListQuery,
  options: ListOptions,
): Promise<ListAnswer> {
  const { selection, mask } = options;
  const { key } = commands.resource;
  const isQuiet = await nothingOfOthers(ctx, commands.steady);
  const columns = new Set([key, 'revision_number', ...mask.columns, ...selection.order.map(([column]) => column)]);
  const rows = await rowsOf(ctx, selection, [...columns]);
  const contents = { ids: rows.map(r => String(r[key])), revisions: rows.map(r => Number(r.revision_number)) };
  const page = isQuiet ? pageOf(commands, options, contents) : undefined;
  const kept = page && ctx.pages.get(page.kind, page.name, contents);
  if (kept) return { objects: kept, keys: contents.ids, ...directions(rows.length, query) };
  const printed = await known(ctx, commands, rows, mask, isQuiet ? none : await moving(ctx, commands, contents.ids));
  await printMissing(ctx, commands, contents.ids, printed, options);
  // What has gone meanwhile is not there.
  const there = contents.ids.filter(id => printed.has(id));
  const objects = Texts.list(there.map(id => printed.get(id) as Uint8Array));
  if (page && isWholeOf(ctx, commands, rows, mask, printed)) ctx.pages.keep(page.kind, page.name, contents, objects);
  return { objects, keys: there, ...directions(rows.length, query) };
}

/** The object as it was printed, where it is still the same; undefined where that is not known, or the caller does not see it. */
export async function printedObject(
  ctx: RequestContext,
  commands: SteadyCommands,
  id: string,
  { mask }: PrintOptions,
): Promise<Texts | undefined> {
  // What is hidden may be for the row to tell.
  if (!ctx.printed.has(kindOf(commands, mask.always ?? ''), id)) return undefined;
  const { key } = commands.resource;
  const { table, where } = seenQuery(ctx, commands, [id]);
  const columns = [key, 'revision_number', ...mask.columns];
  const [row] = await ctx.store.select({ table, where: { and: [where as Predicate, { not: showsOthers(commands.steady) }] }, columns });
  const [hidden] = row ? mask.hidden([row]) : [];
  if (!row || hidden === undefined) return undefined;
  const text = ctx.printed.get(kindOf(commands, hidden), id, Number(row.revision_number));
  return text && Texts.one(text);
}

/** Prints the object of a row, and keeps that. */
export async function printObject(ctx: RequestContext, commands: SteadyCommands, row: Row, options: PrintOptions): Promise<Texts> {
  const [text] = (await printRows(ctx, commands, [row], options)).values();
  return Texts.one(text as Uint8Array);
}

const none: ReadonlySet<string> = new Set();

/** No object of the resource shows anything of others now. */
async function nothingOfOthers({ store }: RequestContext, { others }: Steady): Promise<boolean> {
  const answers = await store.selectAll(others.map(other => ({ ...anyOf(other), limit: 1 })));
  return answers.every(rows => rows.length === 0);
}

const anyOf = ({ table, on, where }: Exists) => ({ table, ...(where ? { where } : {}), columns: on.map(([theirs]) => theirs) });

const showsOthers = ({ others }: Steady): Predicate => ({ or: others.map((exists): Predicate => ({ exists })) });

/** Those that show something of others now. */
async function moving(ctx: RequestContext, { resource, steady }: SteadyCommands, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const { table, key } = resource;
  const where: Predicate = { and: [{ in: [key, ids] }, showsOthers(steady)] };
  const rows = await ctx.store.select({ table: table.name, where, columns: [key] });
  return new Set(rows.map(r => String(r[key])));
}

/** What was asked for, as far as it tells the objects and their order: a text is used only for the very same ones. */
function pageOf(
  commands: Commands,
  { mask, selection }: ListOptions,
  { ids }: Contents,
): { readonly kind: string; readonly name: string } | undefined {
  if (ids.length === 0 || ids.length > mostOnPage) return undefined;
  return { kind: `${commands.resource.name} ${mask.name}`, name: JSON.stringify([selection.conditions, selection.order, selection.limit]) };
}

/** Longer lists are answered in pieces. */
const mostOnPage = 5000;

/** Each text is the one that is kept of that revision. */
function isWholeOf(
  ctx: RequestContext,
  commands: Commands,
  rows: readonly Row[],
  mask: Mask,
  printed: ReadonlyMap<string, Uint8Array>,
): boolean {
  const { key } = commands.resource;
  const kinds = kindsOf(commands, mask, rows);
  return rows.every((row, i) => {
    const [id, kind] = [String(row[key]), kinds[i]];
    const text = kind === undefined ? undefined : ctx.printed.get(kind, id, Number(row.revision_number));
    return text !== undefined && text === printed.get(id);
  });
}

async function known(
  ctx: RequestContext,
  commands: SteadyCommands,
  rows: readonly Row[],
  mask: Mask,
  moving: ReadonlySet<string>,
): Promise<Map<string, Uint8Array>> {
  const { key } = commands.resource;
  const kinds = kindsOf(commands, mask, rows);
  const found = new Map<string, Uint8Array>();
  for (const [i, row] of rows.entries()) {
    const [id, kind] = [String(row[key]), kinds[i]];
    const text = kind === undefined || moving.has(id) ? undefined : ctx.printed.get(kind, id, Number(row.revision_number));
    if (text !== undefined) found.set(id, text);
  }
  return found;
}

/**
 * The rows are read again, under the same conditions: what is kept is of the revision that was read first. Where one query tells nearly all of
 * them from the others, it need not name them.
 */
async function printMissing(
  ctx: RequestContext,
  commands: SteadyCommands,
  ids: readonly string[],
  printed: Map<string, Uint8Array>,
  options: ListOptions,
): Promise<void> {
  const { table, conditions, order, reverse } = options.selection;
  const { key } = commands.resource;
  const missing = ids.filter(id => !printed.has(id));
  const isMost = order.length === 1 && missing.length * 2 > ids.length;
  const isRising = (order[0]?.[1] === 'asc') !== reverse;
  for (let from = 0; from < missing.length; from += atOnce) {
    if (from > 0) await giveWay(ctx);
    const some = missing.slice(from, from + atOnce);
    const which = isMost ? within(key, isRising ? some : some.toReversed()) : [{ in: [key, some] } as const];
    const among = isMost && some.length > few && missing.length <= atOnce ? settled(commands, options.selection) : undefined;
    const texts = await printWhere(ctx, commands, { table, where: { and: [...conditions, ...which] }, among }, options);
    for (const [id, text] of texts) printed.set(id, text);
  }
}

/** Rows that are told apart by their names: a long statement for many. */
const few = 100;

/**
 * What tells all rows of a whole list, now and later: what was asked for cannot be changed of an object. Of others an object might come to be
 * missing between two reads.
 */
function settled({ resource: { table, key, fields } }: Commands, { conditions, limit }: Selection): Among | undefined {
  const isSettled = (name: string): boolean => name === key || (fields[name]?.post === true && fields[name].put !== true);
  const whole = limit === 0 && conditions.every(p => 'in' in p && table.columns[p.in[0]] !== undefined && isSettled(p.in[0]));
  return whole ? { table: table.name, key, where: { and: conditions } } : undefined;
}

/** From the first of them to the last. */
const within = (key: string, ids: readonly string[]): Predicate[] => [
  { gte: [key, ids[0] as string] },
  { lte: [key, ids.at(-1) as string] },
];
