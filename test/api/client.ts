// A client of the API as tests use it: requests, creates that must succeed, and refusals by status, type and message.
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { personOf } from './people.ts';

export type Body = Record<string, unknown>;
export type Made = Body & { readonly id: string };

export interface Answer {
  readonly status: number;
  /** The parsed body; null where that is what was answered, an empty object where nothing was. */
  readonly body: Body;
  readonly headers: Headers;
}

export interface Api {
  request(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Creates one object and answers it; fails the test on any other status than 201. */
  make(path: string, name: string, attributes: Body): Promise<Made>;
  /** The objects of a list; fails the test on any other status than 200. */
  list(path: string): Promise<Made[]>;
  /** The same, asked exactly once: for tests of what a list costs. */
  listOnce(path: string): Promise<Made[]>;
  /** The error type and message of a refused request. */
  refused(method: string, path: string, body?: unknown): Promise<readonly [status: number, type: string, message: string]>;
  readonly project: string;
}

export function client(url: string, token: string): Api {
  const request = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> => {
    const payload = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) };
    const response = await fetch(`${url}${path.startsWith('/') ? path : `/v2.0/${path}`}`, {
      method,
      headers: { 'x-auth-token': token, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...payload,
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: parse(text) };
  };
  const listOnce = async (path: string): Promise<Made[]> => {
    const answer = await request('GET', path);
    if (answer.status !== 200) throw new Error(`GET ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return listed(answer.body);
  };
  return {
    request,
    project: String(personOf(token)?.project_id),
    async make(path, name, attributes) {
      const answer = await request('POST', path, { [name]: attributes });
      if (answer.status !== 201) throw new Error(`POST ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
      return answer.body[name] as Made;
    },
    listOnce,
    async list(path) {
      const objects = await listOnce(path);
      // Long ones cost too much time.
      if (objects.length > 0 && objects.length <= 200 && !path.includes('fields=')) await sameAsRead(request, path, objects);
      return objects;
    },
    async refused(method, path, body) {
      const answer = await request(method, path, body);
      const error = (answer.body.NeutronError ?? {}) as { type?: string; message?: string };
      return [answer.status, error.type ?? '', error.message ?? ''];
    },
  };
}

const listed = (body: Body): Made[] => Object.entries(body).find(([key]) => !key.endsWith('_links'))?.[1] as Made[];

/**
 * A server may answer a list with what it printed before. Asked for every attribute by name it reads anew, and must answer the same; whatever
 * a test does to objects, their lists show it. Others may change them meanwhile, so once is not enough to tell.
 */
async function sameAsRead(request: Api['request'], path: string, first: readonly Made[]): Promise<void> {
  const names = [...new Set(first.flatMap(o => Object.keys(o)))];
  const read = `${path}${path.includes('?') ? '&' : '?'}${names.map(name => `fields=${encodeURIComponent(name)}`).join('&')}`;
  for (let objects = first, tries = 3; ; tries--) {
    const now = listed((await request('GET', read)).body);
    if (isDeepStrictEqual(now, objects)) return;
    if (tries === 0) assert.deepEqual(objects, now, `GET ${path} and what is read anew`);
    objects = listed((await request('GET', path)).body);
  }
}

function parse(text: string): Body {
  try {
    return text === '' ? {} : (JSON.parse(text) as Body);
  } catch {
    return { text };
  }
}
