// How one answer differs from another: status, type and text of an error, keys and values.
import { parseIp } from '../../../src/domain/net/ip.ts';
import type { Answer, Json } from '../recorded.ts';
import { canonical, idOf, isList, isMembers, type Members } from './json.ts';

export type Found = readonly [where: string, recorded: Json | undefined, seen: Json | undefined];

/** `<subnet1>` → the network that it is in. */
export type Subnets = ReadonlyMap<Json, Json>;

/** Lists whose order means something. */
const ordered = new Set(['dns_nameservers']);

export function compareAnswers(recorded: Answer, seen: Answer, subnets: Subnets): Found[] {
  if (recorded.status !== seen.status) return [['status', statusOf(recorded), statusOf(seen)]];
  const found: Found[] = recorded.ctype === seen.ctype ? [] : [['content type', recorded.ctype, seen.ctype]];
  const errors = [errorOf(recorded.body), errorOf(seen.body)] as const;
  if (!errors[0] || !errors[1]) return [...found, ...inside(recorded.body, seen.body, '', subnets)];
  for (const key of ['type', 'message', 'detail']) {
    const [a, b] = [errors[0][key], errors[1][key]];
    if (unordered(a) !== unordered(b)) found.push([`error ${key}`, a, b]);
  }
  return found;
}

/** `404 PortNotFound`. */
export function statusOf({ status, body }: Answer): string {
  const type = errorOf(body)?.['type'];
  return typeof type === 'string' ? `${status} ${type}` : String(status);
}

function errorOf(body: Json): Members | undefined {
  const error = isMembers(body) ? body['NeutronError'] : undefined;
  return isMembers(error) ? error : undefined;
}

/** Python prints the members of a set in an order that is another in each process; a database finds rows in any. */
function unordered(text: Json | undefined): string {
  return String(text)
    .replace(/\{('\w+'(?:, '\w+')+)\}/g, (_, words: string) => `{${words.split(', ').sort().join(', ')}}`)
    .replace(/<\w+>(?:,<\w+>)+/g, ids => ids.split(',').sort().join());
}

function inside(recorded: Json, seen: Json, path: string, subnets: Subnets): Found[] {
  if (isList(recorded) && isList(seen)) return lists(recorded, seen, path, subnets);
  if (isMembers(recorded) && isMembers(seen)) {
    return [...new Set([...Object.keys(recorded), ...Object.keys(seen)])].flatMap((key): Found[] => {
      const [a, b] = [recorded[key], seen[key]];
      if (a === undefined || b === undefined) return [[`${b === undefined ? 'lacks' : 'has'} ${path}.${key}`, a, b]];
      return inside(a, b, `${path}.${key}`, subnets);
    });
  }
  return canonical(recorded) === canonical(seen) || sameMeaning(recorded, seen, path, subnets) ? [] : [[`value ${path}`, recorded, seen]];
}

function sameMeaning(recorded: Json, seen: Json, path: string, subnets: Subnets): boolean {
  // Revisions.ts says whether it rises when it has to.
  if (path.endsWith('.revision_number')) return Number.isInteger(recorded) && Number.isInteger(seen);
  // A port without an address of its own gets one from any of its network's subnets with room; of the network they are as many.
  if (path.endsWith('ixed_ips[].subnet_id')) return subnets.has(recorded) && subnets.get(recorded) === subnets.get(seen);
  if (path.endsWith('.subnet_ip_availability[].used_ips')) return Number.isInteger(recorded) && Number.isInteger(seen);
  return bothChosen(recorded, seen);
}

/** An address that the server took at random may be one that the requests speak of; a port's name for the resolver is made of it. */
function bothChosen(recorded: Json, seen: Json): boolean {
  const [a, b] = [recorded, seen].map(value => String(value).replace(/^host-(?:<ip>|[\da-f-]+)(?=\.|$)/, 'host-<ip>'));
  if (a === b) return true;
  const chosen = /^<ip[46]>$/;
  const texts = [recorded, seen].map(String);
  return texts.some(text => chosen.test(text)) && texts.every(text => chosen.test(text) || parseIp(text) !== undefined);
}

function lists(recorded: readonly Json[], seen: readonly Json[], path: string, subnets: Subnets): Found[] {
  if (recorded.length !== seen.length) return [[`length ${path}`, recorded.length, seen.length]];
  const [a, b] = pairs(recorded, seen, ordered.has(path.split('.').at(-1) ?? ''));
  return a.flatMap((value, i) => inside(value, b[i] ?? null, `${path}[]`, subnets));
}

/** What belongs together in two lists of one length: objects by their ids, where these tell them apart. */
function pairs(recorded: readonly Json[], seen: readonly Json[], inOrder: boolean): readonly [readonly Json[], readonly Json[]] {
  if (inOrder) return [recorded, seen];
  const byId = new Map(seen.map(value => [idOf(value), value]));
  const partners = recorded.map(value => byId.get(idOf(value)));
  const distinct = byId.size === seen.length && new Set(recorded.map(idOf)).size === seen.length && !byId.has(undefined);
  if (distinct && !partners.includes(undefined)) return [recorded, partners as Json[]];
  const known = keysOfAll([...recorded, ...seen]);
  return [sorted(recorded, known), sorted(seen, known)];
}

/** An attribute that one side alone has does not change the order. */
function keysOfAll(values: readonly Json[]): readonly string[] | undefined {
  const keys = values.map(value => (isMembers(value) ? Object.keys(value) : undefined));
  return keys.slice(1).reduce((common, more) => common?.filter(key => more?.includes(key)), keys[0]);
}

function sorted(values: readonly Json[], known: readonly string[] | undefined): Json[] {
  const orderOf = (value: Json): Json =>
    known && isMembers(value) ? Object.fromEntries(known.map(key => [key, value[key] ?? null])) : value;
  return values
    .map(value => ({ value, text: canonical(orderOf(value)) }))
    .sort((a, b) => (a.text < b.text ? -1 : 1))
    .map(({ value }) => value);
}
