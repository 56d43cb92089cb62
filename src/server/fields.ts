// Lists of which some attributes are asked for: what nobody asked for is not read.
import type { Row } from '../contracts/store.ts';
import type { ListQuery } from '../domain/input/query.ts';
import { plainColumns } from './columns.ts';
import type { ApiObject, Commands, Wanted } from './commands/commands.ts';
import type { RequestContext } from './context.ts';
import { giveWay } from './give-way.ts';
import { directions, rowsOf, type Selection } from './list.ts';
import { maskFor } from './mask.ts';
import type { ListAnswer } from './pipeline.ts';
import { Texts } from './printed.ts';

/** The columns that answer a list by themselves. */
interface Narrow {
  readonly columns: readonly string[];
  readonly show: (row: Row) => ApiObject;
}

/** `tenant_id` is the older name. */
const nameOf = (field: string): string => (field === 'tenant_id' ? 'project_id' : field);

/** Where all that is asked for are columns, of which the caller sees each of every object or of none; undefined otherwise. */
export function narrowed(ctx: RequestContext, { resource, derived }: Commands, fields: readonly string[]): Narrow | undefined {
  if (fields.length === 0 || !derived) return undefined;
  const mask = maskFor(ctx.policy, ctx.caller, resource);
  const names = [...new Set(fields.map(nameOf))].filter(name => Object.hasOwn(resource.fields, name) && mask.shows(name) !== false);
  if (names.some(name => mask.shows(name) === undefined || derived.includes(name))) return undefined;
  const plain = plainColumns(resource, names);
  if (!plain) return undefined;
  const [byNewName, byOldName] = [fields.includes('project_id'), fields.includes('tenant_id') && names.includes('project_id')];
  if (!byOldName) return { columns: names, show: plain };
  const show = (row: Row): ApiObject => {
    const { project_id, ...rest } = plain(row);
    return { ...rest, ...(byNewName ? { project_id } : {}), tenant_id: project_id };
  };
  return { columns: names, show };
}

/** Rows that are printed before others get their turn. */
const printedAtOnce = 5000;

export async function narrowList(
  ctx: RequestContext,
  { resource }: Commands,
  query: ListQuery,
  selection: Selection,
  { columns, show }: Narrow,
): Promise<ListAnswer> {
  const rows = await rowsOf(ctx, selection, [...new Set([resource.key, ...columns, ...selection.order.map(([column]) => column)])]);
  const texts: Uint8Array[] = [];
  for (let from = 0; from < rows.length; from += printedAtOnce) {
    if (from > 0) await giveWay(ctx);
    texts.push(Buffer.from(JSON.stringify(rows.slice(from, from + printedAtOnce).map(show)).slice(1, -1)));
  }
  return { objects: Texts.list(texts), keys: rows.map(r => String(r[resource.key])), ...directions(rows.length, query) };
}

/** What a list with these fields takes: those, and whatever policy may compare; undefined: all. */
export function wantedOf(ctx: RequestContext, { resource }: Commands, fields: readonly string[]): Wanted | undefined {
  if (fields.length === 0) return undefined;
  const { compares } = maskFor(ctx.policy, ctx.caller, resource);
  const names = new Set([...fields, ...compares].map(nameOf));
  return name => names.has(name);
}

/** Undefined: all. */
export function columnsOf(
  { resource, sources }: Commands,
  selection: Selection,
  wanted: Wanted | undefined,
): readonly string[] | undefined {
  if (!wanted || !sources) return undefined;
  const asked = Object.keys(resource.table.columns).filter(wanted);
  return [...new Set([resource.key, ...sources, ...asked, ...selection.order.map(([column]) => column)])];
}
