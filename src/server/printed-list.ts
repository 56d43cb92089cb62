// A list as text: objects that were printed before and are the same still are not read again.
import type { Predicate, Row } from '../contracts/store.ts';
import type { ListQuery } from '../domain/input/query.ts';
import type { Commands, Steady } from './commands/commands.ts';
import type { RequestContext } from './context.ts';
import { giveWay } from './give-way.ts';
import { atOnce, directions, rowsOf, type Selection } from './list.ts';
import type { Mask } from './mask.ts';
import type { ListAnswer } from './pipeline.ts';
import { Texts } from './printed.ts';

type SteadyCommands = Commands & { readonly steady: Steady };

export const hasSteady = (commands: Commands): commands is SteadyCommands => commands.steady !== undefined;

export interface PrintOptions {
  readonly selection: Selection;
  /** Callers from whom the same is hidden are shown the same. */
  readonly mask: Mask;
  readonly show: (rows: readonly Row[]) => Promise<Record<string, unknown>[]>;
}

export async function printedList(
  ctx: RequestContext,
  commands: SteadyCommands,
  query: ListQuery,
  options: PrintOptions,
): Promise<ListAnswer> {
  const { selection } = options;
  const { key } = commands.resource;
  const columns = new Set([
    key,
    'revision_number',
    ...commands.steady.columns,
    ...options.mask.columns,
    ...selection.order.map(([column]) => column),
  ]);
  const rows = await rowsOf(ctx, selection, [...columns]);
  const keys = rows.map(r => String(r[key]));
  const printed = await known(ctx, commands, rows, options.mask);
  const missing = keys.filter(k => !printed.has(k));
  for (let from = 0; from < missing.length; from += atOnce) {
    if (from > 0) await giveWay(ctx);
    const some = missing.slice(from, from + atOnce);
    for (const [k, text] of await print(ctx, commands, some, options)) printed.set(k, text);
  }
  // What has gone meanwhile is not there.
  const there = keys.filter(k => printed.has(k));
  return { objects: new Texts(there.map(k => printed.get(k) as Uint8Array)), keys: there, ...directions(rows.length, query) };
}

/** Objects that are printed before others get their turn. */
const printedAtOnce = 2000;

/** Undefined where the row alone does not tell what of the object is hidden: it is printed anew each time. */
const nameOf = ({ resource }: Commands, key: string, hidden: string | undefined): string | undefined =>
  hidden === undefined ? undefined : `${resource.name} ${key} ${hidden}`;

async function known(ctx: RequestContext, commands: SteadyCommands, rows: readonly Row[], mask: Mask): Promise<Map<string, Uint8Array>> {
  const { key } = commands.resource;
  const moving = await commands.steady.moving(ctx, rows);
  const hidden = mask.hidden(rows);
  const found = new Map<string, Uint8Array>();
  for (const [i, row] of rows.entries()) {
    const id = String(row[key]);
    const name = moving.has(id) ? undefined : nameOf(commands, id, hidden[i]);
    const text = name === undefined ? undefined : ctx.printed.get(name, Number(row.revision_number));
    if (text !== undefined) found.set(id, text);
  }
  return found;
}

/** By key. The rows are read again, under the same conditions: what is kept is of the revision that was read first. */
async function print(
  ctx: RequestContext,
  commands: SteadyCommands,
  keys: readonly string[],
  { selection, mask, show }: PrintOptions,
): Promise<Map<string, Uint8Array>> {
  const { key } = commands.resource;
  const where: Predicate = { and: [...selection.conditions, { in: [key, keys] }] };
  const rows = await ctx.store.select({ table: selection.table, where });
  const objects = await show(rows);
  const hidden = mask.hidden(rows);
  const texts = new Map<string, Uint8Array>();
  for (const [i, object] of objects.entries()) {
    if (i % printedAtOnce === printedAtOnce - 1) await giveWay(ctx);
    const row = rows[i] as Row;
    const id = String(row[key]);
    const text = Buffer.from(JSON.stringify(object));
    texts.set(id, text);
    const name = commands.steady.isSteady(ctx, object) ? nameOf(commands, id, hidden[i]) : undefined;
    if (name !== undefined) ctx.printed.keep(name, Number(row.revision_number), text);
  }
  return texts;
}
