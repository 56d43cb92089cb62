// A client of the API as tests use it: requests, creates that must succeed, and refusals by status, type and message.
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
  return {
    request,
    project: String(personOf(token)?.project_id),
    async make(path, name, attributes) {
      const answer = await request('POST', path, { [name]: attributes });
      if (answer.status !== 201) throw new Error(`POST ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
      return answer.body[name] as Made;
    },
    async list(path) {
      const answer = await request('GET', path);
      if (answer.status !== 200) throw new Error(`GET ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
      return Object.entries(answer.body).find(([key]) => !key.endsWith('_links'))?.[1] as Made[];
    },
    async refused(method, path, body) {
      const answer = await request(method, path, body);
      const error = (answer.body.NeutronError ?? {}) as { type?: string; message?: string };
      return [answer.status, error.type ?? '', error.message ?? ''];
    },
  };
}

function parse(text: string): Body {
  try {
    return text === '' ? {} : (JSON.parse(text) as Body);
  } catch {
    return { text };
  }
}
