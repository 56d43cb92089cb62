// Sends a recorded sequence to a Weft of its own, as the users that it names, and says what it answered.
import { createHash } from 'node:crypto';
import { type Account, type Admin, ensureAccount } from './identity-admin.ts';
import { NormalForm, shapeOf } from './normal-form.ts';
import type { Answer, Json, RecordedRequest } from './recorded.ts';

export interface People {
  readonly tokens: Readonly<Record<RecordedRequest['who'], string | undefined>>;
  /** `P1` → its id. */
  readonly refs: Readonly<Record<string, string>>;
  readonly labels: ReadonlyMap<string, string>;
  /** Their ids. */
  readonly users: readonly string[];
}

const roles = { admin: ['P1', 'admin'], member: ['P1', 'member'], reader: ['P1', 'reader'], other: ['P2', 'member'] } as const;

/** Who the sequences speak of: three in one project, one in another. */
export async function makePeople(admin: Admin, prefix = 'recorded'): Promise<People> {
  const tokens: Record<string, string | undefined> = { none: undefined, badtoken: 'x'.repeat(32) };
  const refs: Record<string, string> = {};
  const labels = new Map<string, string>();
  const users: string[] = [];
  for (const [who, [project, role]] of Object.entries(roles)) {
    const account: Account = { username: `${prefix}-${who}`, password: 'recorded', project: `${prefix}-${project}` };
    const made = await ensureAccount(admin, account, [role]);
    tokens[who] = await admin.logIn(account);
    refs[project] = made.project;
    users.push(made.user);
    labels.set(made.user, `<user-${who}>`);
    for (const id of [made.project, withDashes(made.project)]) labels.set(id, `<${project}>`);
  }
  return { tokens: tokens as People['tokens'], refs, labels, users };
}

const withDashes = (hex: string): string => hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

/** `made` is told the path of each object that came to be. */
export async function replay(requests: readonly RecordedRequest[], url: string, people: People, made: string[] = []): Promise<Answer[]> {
  const refs: Record<string, string> = { ...people.refs };
  const labels = new Map(people.labels);
  const raw: Answer[] = [];
  for (const request of requests) {
    const resolved = resolve(request, refs, labels);
    const answer = await send(resolved, url, people.tokens);
    if (answer.status < 300) made.push(...bind(request, answer.body, refs, labels).map(id => `${resolved.path}/${id}`));
    raw.push(answer);
  }
  const form = new NormalForm(requests, { labels, baseUrl: url });
  return raw.map((answer, i) => {
    const request = requests[i];
    const body = form.of(request?.shape ? shapeOf(answer.body) : answer.body);
    return { ...answer, body, bound: request?.bind !== undefined && answer.status < 300 };
  });
}

/** What failed to be made has an id all the same, always the same one. */
function resolve(request: RecordedRequest, refs: Readonly<Record<string, string>>, labels: Map<string, string>): RecordedRequest {
  const text = JSON.stringify(request).replace(/\$\{(\w+)\}/g, (_, name: string) => {
    const id = refs[name] ?? withDashes(createHash('md5').update(name).digest('hex'));
    if (!(name in refs)) labels.set(id, `<missing ${name}>`);
    return id;
  });
  return JSON.parse(text) as RecordedRequest;
}

/** The ids of what it has made. */
function bind(request: RecordedRequest, body: Json, refs: Record<string, string>, labels: Map<string, string>): string[] {
  const answer = body as Readonly<Record<string, { readonly id?: string } | readonly { readonly id?: string }[] | undefined>> | null;
  const made = [answer?.[request.bulk ?? request.key ?? ''] ?? []].flat();
  return [request.bind ?? []].flat().flatMap((name, i) => {
    const id = made[i]?.id;
    if (id === undefined) return [];
    refs[name] = id;
    labels.set(id, `<${name}>`);
    return [id];
  });
}

async function send({ who, method, path, body }: RecordedRequest, url: string, tokens: People['tokens']): Promise<Answer> {
  const token = tokens[who];
  const content = body !== undefined && /^(POST|PUT|PATCH)$/.test(method) ? contentOf(body) : undefined;
  const headers = {
    accept: 'application/json',
    ...(token === undefined ? {} : { 'x-auth-token': token }),
    ...(content === undefined ? {} : { 'content-type': 'application/json' }),
  };
  const target = path.startsWith('@') ? `${url}${path.slice(1)}` : `${url}/v2.0${path}`;
  const reply = await fetch(target, { method, headers, redirect: 'manual', ...(content === undefined ? {} : { body: content }) });
  const text = await reply.text();
  const ctype = (reply.headers.get('content-type') ?? '').split(';')[0] ?? '';
  return { status: reply.status, ctype, body: parse(text), bound: false };
}

/** `{"__raw__": "text"}` is sent as that text: it is not JSON. */
function contentOf(body: Json): string {
  const raw = (body as { readonly __raw__?: string } | null)?.__raw__;
  return raw ?? JSON.stringify(body);
}

function parse(text: string): Json {
  if (text === '') return null;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return { __text__: text };
  }
}
