// From a query string to what a list asks for. Pure: nothing is looked up here.
import type { Resource } from '../../model/kit/resource.ts';
import type { SpecialName } from '../../model/kit/types.ts';
import { apiError, badRequest } from '../errors.ts';
import { readEthertype, readPort, readProtocol, readRemotePrefix } from '../security-groups.ts';
import { pyRepr } from './python.ts';
import { readBool, readCidr, readIpProtocol } from './values.ts';

export interface ListQuery {
  readonly filters: ReadonlyMap<string, readonly string[]>;
  /** Empty: all fields. */
  readonly fields: readonly string[];
  readonly sort: readonly (readonly [key: string, direction: 'asc' | 'desc'])[];
  /** 0: no limit. */
  readonly limit: number;
  readonly marker: string | undefined;
  readonly reverse: boolean;
}

const control = new Set(['fields', 'sort_key', 'sort_dir', 'limit', 'marker', 'page_reverse']);
export const tagFilters = ['tags', 'tags-any', 'not-tags', 'not-tags-any'] as const;
export type TagFilter = (typeof tagFilters)[number];

/** An object has fifty tags at most, so nobody needs to ask for more. */
const mostTags = 50;

/** Caps that keep one request from costing much. */
export interface QueryCaps {
  readonly maxFilterValues: number;
  /** `pagination_max_limit`; 0 means none. */
  readonly maxLimit: number;
}

export function readQuery(resource: Resource, pairs: readonly (readonly [string, string])[], caps: QueryCaps): ListQuery {
  const given = new Map<string, string[]>();
  for (const [key, value] of pairs) {
    const list = given.get(key);
    if (list) list.push(value);
    else given.set(key, [value]);
  }
  if (pairs.length > caps.maxFilterValues) throw bad(`Too many query parameters: the most is ${caps.maxFilterValues}`);
  const filters = readFilters(resource, given);
  const limit = readLimit(given.get('limit')?.at(-1), caps.maxLimit);
  const sort = readSort(resource, named(given.get('sort_key')), named(given.get('sort_dir')));
  const marker = given.get('marker')?.at(-1);
  return {
    filters,
    fields: named(given.get('fields')),
    sort,
    limit,
    marker: marker === '' ? undefined : marker,
    reverse: given.get('page_reverse')?.at(-1)?.toLowerCase() === 'true',
  };
}

const named = (values: readonly string[] = []): string[] => values.filter(v => v !== '');

function readFilters(resource: Resource, given: ReadonlyMap<string, string[]>): Map<string, readonly string[]> {
  const out = new Map<string, readonly string[]>();
  const unknown: string[] = [];
  for (const [key, values] of given) {
    if (control.has(key)) continue;
    const name = key === 'tenant_id' ? 'project_id' : key;
    const isTag = resource.taggable && (tagFilters as readonly string[]).includes(name);
    if (!isTag && !resource.fields[name]?.filter) unknown.push(key);
    else out.set(name, unique([...(out.get(name) ?? []), ...(isTag ? readTagFilter(name, values) : readValues(resource, name, values))]));
  }
  if (unknown.length > 0) throw bad(`${pyRepr(unknown)} is invalid attribute for filtering`);
  return out;
}

const unique = (values: readonly string[]): string[] => [...new Set(values)];

/** Values that cannot be read are refused before names that are not known, as in Neutron. */
function readValues(resource: Resource, name: string, values: readonly string[]): readonly string[] {
  readFilterValues(resource, name, values);
  return values;
}

function readTagFilter(name: string, values: readonly string[]): string[] {
  const tags = unique(values.flatMap(v => v.split(',')));
  if (tags.length > mostTags) throw bad(`Too many values of the filter '${name}': the most is ${mostTags}`);
  return tags;
}

function readSort(resource: Resource, keys: readonly string[], dirs: readonly string[]): (readonly [string, 'asc' | 'desc'])[] {
  if (keys.length !== dirs.length) throw bad('The number of sort_keys and sort_dirs must be same');
  const wrong = keys.filter(k => !resource.fields[k === 'tenant_id' ? 'project_id' : k]?.sort);
  if (wrong.length > 0) throw bad(`${pyRepr(wrong)} is invalid attribute for sort_keys`);
  const wrongDirs = dirs.filter(d => d !== 'asc' && d !== 'desc');
  if (wrongDirs.length > 0) throw bad(`${pyRepr(wrongDirs)} is invalid value for sort_dirs, valid value is 'asc' and 'desc'`);
  const seen = new Set<string>();
  return keys.flatMap((key, i) => {
    const dir = dirs[i] === 'desc' ? 'desc' : 'asc';
    const column = key === 'tenant_id' ? 'project_id' : key;
    // A second time the same key orders nothing.
    if (seen.has(column)) return [];
    seen.add(column);
    return [[column, dir] as const];
  });
}

function readLimit(text: string | undefined, max: number): number {
  if (text === undefined) return max;
  // As Python reads numbers: blanks around, a sign, underscores between digits.
  const n = /^\s*[+-]?\d+(?:_\d+)*\s*$/.test(text) ? Number(text.replaceAll('_', '')) : undefined;
  if (n === undefined || n < 0 || n > Number.MAX_SAFE_INTEGER)
    throw badRequest('limit', `Limit must be an integer 0 or greater and not '${text}'`);
  if (max > 0 && (n === 0 || n > max)) return max;
  return n;
}

/** Filter values as the column holds them. */
export function readFilterValues(resource: Resource, name: string, texts: readonly string[]): (string | number | boolean | null)[] {
  return texts.map(text => readFilterValue(resource, name, text)).filter(value => value !== undefined);
}

/** Undefined: nothing has such a value. */
function readFilterValue(resource: Resource, name: string, text: string): string | number | boolean | null | undefined {
  const type = resource.fields[name]?.type;
  const inner = type?.kind === 'optional' ? type.of : type;
  if (inner?.kind === 'bool') return readBool(text);
  if (inner?.kind === 'cidr') return readCidr(text);
  if (inner?.kind === 'enum' && inner.convert === 'protocol') return String(readIpProtocol(text));
  const special = inner?.kind === 'special' ? specialFilters[inner.name] : undefined;
  if (special) return special(text);
  if (
    inner?.kind === 'int' ||
    (inner?.kind === 'enum' && inner.convert === 'int') ||
    (inner?.kind === 'special' && inner.column === 'int')
  ) {
    const n = /^[+-]?\d{1,15}$/.test(text) ? Number(text) : undefined;
    // What nobody sets, or may be null, Neutron does not read either: it compares.
    if (n === undefined && (type?.kind === 'optional' || (!resource.fields[name]?.post && !resource.fields[name]?.put))) return undefined;
    if (n === undefined) throw apiError('InvalidInput', { error_message: `'${text}' is not an integer` });
    return n;
  }
  return text;
}

/** Values that Neutron brings into the form of the column before it compares. */
const specialFilters: Partial<Readonly<Record<SpecialName, (text: string) => string | number | null | undefined>>> = {
  sg_protocol: readProtocol,
  sg_port: readPort,
  sg_ethertype: readEthertype,
  // An empty one is that of no rule.
  sg_remote_prefix: text => readRemotePrefix(text) ?? undefined,
};

function bad(message: string): Error {
  return apiError('HTTPBadRequest', { message });
}
