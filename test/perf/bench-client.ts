// HTTP for the benchmark: one connection per client that stays open, every answer checked, nothing asked twice.
import { Agent, request as send } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly ms: number;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface Target {
  readonly name: string;
  /** Without the version. */
  readonly url: string;
  readonly token: string;
}

export interface Api extends Disposable {
  ask(method: string, path: string, body?: object): Promise<Answer>;
  /** For what is not measured: any other status ends the run. */
  must(status: number, method: string, path: string, body?: object): Promise<Answer['data']>;
}

export function connect({ name, url, token }: Target, connections: number): Api {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const ask = (method: string, path: string, body?: object): Promise<Answer> =>
    new Promise(resolve => {
      const began = performance.now();
      const headers = { accept: 'application/json', 'x-auth-token': token, ...(body ? { 'content-type': 'application/json' } : {}) };
      const failed = (): void => resolve({ status: 0, ms: performance.now() - began, data: {} });
      const request = send(`${url}/v2.0/${path}`, { method, agent, headers, timeout: 180_000 }, response => {
        const chunks: Buffer[] = [];
        response.on('data', chunk => chunks.push(chunk));
        response.on('error', failed);
        response.on('end', () => {
          const ms = performance.now() - began;
          resolve({ status: response.statusCode ?? 0, ms, data: parse(Buffer.concat(chunks).toString('utf8')) });
        });
      });
      request.on('error', failed);
      request.on('timeout', () => request.destroy(new Error('timeout')));
      request.end(body && JSON.stringify(body));
    });
  return {
    ask,
    async must(status, method, path, body) {
      const answer = await ask(method, path, body);
      if (answer.status === status) return answer.data;
      throw new Error(`${name}: ${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.data).slice(0, 400)}`);
    },
    [Symbol.dispose]: () => agent.destroy(),
  };
}

function parse(text: string): Answer['data'] {
  try {
    return text === '' ? {} : JSON.parse(text);
  } catch {
    return {};
  }
}

/** A token for a user of a Keystone v3. */
export async function logIn(authUrl: string, user: { name: string; password: string; project: string; domain: string }): Promise<string> {
  const domain = { name: user.domain };
  const auth = {
    identity: { methods: ['password'], password: { user: { name: user.name, password: user.password, domain } } },
    scope: { project: { name: user.project, domain } },
  };
  const answer = await fetch(`${authUrl.replace(/\/$/, '')}/auth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ auth }),
  });
  const token = answer.headers.get('x-subject-token');
  if (token === null) throw new Error(`${authUrl} answered ${answer.status}: ${(await answer.text()).slice(0, 200)}`);
  return token;
}
