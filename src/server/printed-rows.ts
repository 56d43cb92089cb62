// Rows as the texts of their objects: put together of columns that the database has printed and of what is shown beside them, or printed whole.
import type { Predicate, Row } from '../contracts/store.ts';
import { printableColumns } from './columns.ts';
import type { ApiObject, Commands, Steady } from './commands/commands.ts';
import type { Among } from './commands/load.ts';
import type { RequestContext } from './context.ts';
import { giveWay } from './give-way.ts';
import type { Mask } from './mask.ts';
import { textOf, utf8 } from './printed.ts';

export type SteadyCommands = Commands & { readonly steady: Steady };

export interface PrintOptions {
  /** Callers from whom the same is hidden are shown the same. */
  readonly mask: Mask;
  readonly show: (rows: readonly Row[]) => Promise<Record<string, unknown>[]>;
}

/** Objects that are printed before others get their turn. */
const printedAtOnce = 2000;

/** By key. */
type Printed = Map<string, Uint8Array>;

/** Prints the objects of rows that are read for this, and keeps what is steady. */
export async function printWhere(
  ctx: RequestContext,
  commands: SteadyCommands,
  of: { readonly table: string; readonly where: Predicate; readonly among?: Among | undefined },
  options: PrintOptions,
): Promise<Printed> {
  const { resource, sources } = commands;
  const { among, ...query } = of;
  const { mask } = options;
  const shown = mask.always === undefined ? undefined : printableColumns(resource)?.filter(name => mask.shows(name));
  if (!shown || shown.length === 0 || !sources) return printRows(ctx, commands, await ctx.store.select(query), options);
  const columns = [...new Set([resource.key, 'revision_number', ...sources])];
  const rows = await ctx.store.select({ ...query, columns, printed: shown });
  const texts = await printBeside(
    ctx,
    commands,
    rows.filter(row => row.printed !== null),
    { mask, among },
  );
  const others = rows.filter(row => row.printed === null).map(row => String(row[resource.key]));
  if (others.length === 0) return texts;
  const whole = await ctx.store.select({ ...query, where: { and: [query.where, { in: [resource.key, others] }] } });
  for (const [id, text] of await printRows(ctx, commands, whole, options)) texts.set(id, text);
  return texts;
}

/** Of a mask that takes the same from every object. */
async function printBeside(
  ctx: RequestContext,
  commands: SteadyCommands,
  rows: readonly Row[],
  { mask, among }: { readonly mask: Mask; readonly among: Among | undefined },
): Promise<Printed> {
  const { resource, steady } = commands;
  const kind = kindOf(commands, mask.always ?? '');
  const besides = await steady.beside(ctx, rows, among);
  const shown = mask.apply(besides, []);
  const isOwned = resource.fields.project_id !== undefined && mask.shows('project_id') === true;
  const texts: Printed = new Map();
  for (const [i, row] of rows.entries()) {
    if (i % printedAtOnce === printedAtOnce - 1) await giveWay(ctx);
    const id = String(row[resource.key]);
    const beside = besides[i] as ApiObject;
    const isSteady = steady.isSteady(ctx, row, beside);
    const seen = shown[i] as ApiObject;
    if (isOwned) seen.tenant_id = row.project_id;
    const text = utf8(joined(String(row.printed), JSON.stringify(seen)));
    texts.set(id, text);
    if (isSteady) ctx.printed.keep(kind, id, Number(row.revision_number), text);
  }
  return texts;
}

/** Members of an object, and an object that has others. */
const joined = (members: string, others: string): string => (others === '{}' ? `{${members}}` : `{${members},${others.slice(1)}`);

/** Prints the objects of rows, and keeps what is steady. */
export async function printRows(
  ctx: RequestContext,
  commands: SteadyCommands,
  rows: readonly Row[],
  { mask, show }: PrintOptions,
): Promise<Printed> {
  const { key } = commands.resource;
  const objects = await show(rows);
  const kinds = kindsOf(commands, mask, rows);
  const texts: Printed = new Map();
  for (const [i, object] of objects.entries()) {
    if (i % printedAtOnce === printedAtOnce - 1) await giveWay(ctx);
    const row = rows[i] as Row;
    const [id, kind] = [String(row[key]), kinds[i]];
    const text = textOf(object);
    texts.set(id, text);
    if (kind !== undefined && commands.steady.isSteady(ctx, row, object)) ctx.printed.keep(kind, id, Number(row.revision_number), text);
  }
  return texts;
}

/** By row, of which kind its text is; undefined where the row alone does not tell what of the object is hidden: it is printed anew each time. */
export function kindsOf(commands: Commands, mask: Mask, rows: readonly Row[]): readonly (string | undefined)[] {
  const kinds = new Map<string, string>();
  return mask.hidden(rows).map(hidden => {
    if (hidden === undefined) return undefined;
    const kind = kinds.get(hidden) ?? kindOf(commands, hidden);
    kinds.set(hidden, kind);
    return kind;
  });
}

export const kindOf = ({ resource }: Commands, hidden: string): string => `${resource.name} ${hidden}`;
