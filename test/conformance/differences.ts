// How an answer differs from the recorded one, said in one line each: `member POST /ports status 201 → 400`.
import { parseIp } from '../../src/domain/net/ip.ts';
import type { Answer, Json, RecordedRequest, Step } from './recorded.ts';

export interface Difference {
  readonly seed: number;
  readonly step: number;
  /** What docs/conformance.md may name. */
  readonly text: string;
}

type Found = readonly [where: string, recorded: Json | undefined, seen: Json | undefined];

/** Lists whose order means something. */
const ordered = new Set(['dns_nameservers']);
const longest = 160;

/** What follows only from an object that exists on one side alone is not told again. */
export function differences(seed: number, steps: readonly Step[], answers: readonly Answer[]): Difference[] {
  const oneSided = new Set<string>();
  return steps.flatMap(({ request, answer: recorded }, step) => {
    const seen = answers[step];
    if (!seen) return [];
    const follows = namesIn(request).some(name => oneSided.has(name));
    if (recorded.bound !== seen.bound) for (const name of [request.bind ?? []].flat()) oneSided.add(name);
    if (follows) return [];
    return compare(recorded, seen).map(found => ({
      seed,
      step,
      text: `${request.who} ${request.method} ${place(request)} ${inWords(found)}`,
    }));
  });
}

function namesIn({ path, body }: RecordedRequest): string[] {
  return [...JSON.stringify([path, body ?? null]).matchAll(/\$\{(\w+)\}/g)].map(match => match[1] ?? '');
}

/** The path without query and ids. */
function place({ path }: RecordedRequest): string {
  return (path.split('?')[0] ?? '').replace(/\$\{\w+\}|[0-9a-f]{8}-[0-9a-f-]{27}/g, 'ID');
}

function inWords([where, recorded, seen]: Found): string {
  return `${where} ${short(recorded)} → ${short(seen)}`;
}

function short(value: Json | undefined): string {
  if (value === undefined) return '(none)';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}

function compare(recorded: Answer, seen: Answer): Found[] {
  // Where the real one broke, it is only asked that Weft does not.
  if (recorded.status >= 500) return seen.status >= 500 ? [['status', recorded.status, seen.status]] : [];
  if (recorded.status !== seen.status) return [['status', recorded.status, seen.status]];
  const found: Found[] = recorded.ctype === seen.ctype ? [] : [['content type', recorded.ctype, seen.ctype]];
  const errors = [errorOf(recorded.body), errorOf(seen.body)] as const;
  if (!errors[0] || !errors[1]) return [...found, ...inside(recorded.body, seen.body, '')];
  for (const key of ['type', 'message', 'detail'])
    if (errors[0][key] !== errors[1][key]) found.push([`error ${key}`, errors[0][key], errors[1][key]]);
  return found;
}

type Members = Readonly<Record<string, Json>>;
const isMembers = (value: Json | undefined): value is Members => typeof value === 'object' && value !== null && !Array.isArray(value);

function errorOf(body: Json): Members | undefined {
  const error = isMembers(body) ? body['NeutronError'] : undefined;
  return isMembers(error) ? error : undefined;
}

function inside(recorded: Json, seen: Json, path: string): Found[] {
  if (Array.isArray(recorded) && Array.isArray(seen)) return lists(recorded as readonly Json[], seen as readonly Json[], path);
  if (isMembers(recorded) && isMembers(seen)) {
    return [...new Set([...Object.keys(recorded), ...Object.keys(seen)])].flatMap((key): Found[] => {
      const [a, b] = [recorded[key], seen[key]];
      if (a === undefined || b === undefined) return [[`${b === undefined ? 'lacks' : 'has'} ${path}.${key}`, a, b]];
      return inside(a, b, `${path}.${key}`);
    });
  }
  return canonical(recorded) === canonical(seen) || bothChosen(recorded, seen) ? [] : [[`value ${path}`, recorded, seen]];
}

/** An address that the server took at random may be one that the requests speak of; a port's name for the resolver is made of it. */
function bothChosen(recorded: Json, seen: Json): boolean {
  const [a, b] = [recorded, seen].map(value => String(value).replace(/^host-(?:<ip>|[\da-f-]+)(?=\.|$)/, 'host-<ip>'));
  if (a === b) return true;
  const chosen = /^<ip[46]>$/;
  const texts = [recorded, seen].map(String);
  return texts.some(text => chosen.test(text)) && texts.every(text => chosen.test(text) || parseIp(text) !== undefined);
}

function lists(recorded: readonly Json[], seen: readonly Json[], path: string): Found[] {
  if (recorded.length !== seen.length) return [[`length ${path}`, recorded.length, seen.length]];
  const [a, b] = pairs(recorded, seen, ordered.has(path.split('.').at(-1) ?? ''));
  return a.flatMap((value, i) => inside(value, b[i] ?? null, `${path}[]`));
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

const idOf = (value: Json): Json | undefined => (isMembers(value) ? value['id'] : undefined);

function sorted(values: readonly Json[], known: readonly string[] | undefined): Json[] {
  const orderOf = (value: Json): Json =>
    known && isMembers(value) ? Object.fromEntries(known.map(key => [key, value[key] ?? null])) : value;
  return values
    .map(value => ({ value, text: canonical(orderOf(value)) }))
    .sort((a, b) => (a.text < b.text ? -1 : 1))
    .map(({ value }) => value);
}

/** As text, whatever the order of its keys. */
function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(one => canonical(one as Json)).join()}]`;
  if (!isMembers(value)) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, one]) => `${JSON.stringify(key)}:${canonical(one)}`).join()}}`;
}
