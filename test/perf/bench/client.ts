// What the benchmark asks a server by: connections that stay, and a user's token.
import { Connection, type Reply } from './connection.ts';

export type Data = Readonly<Record<string, unknown>>;

export interface Target {
  readonly name: string;
  /** Without the version. */
  readonly url: string;
  readonly token: string;
}

export class Api implements Disposable {
  private readonly target: Target;
  private readonly connections: Connection[];

  constructor(target: Target, clients: number) {
    this.target = target;
    this.connections = Array.from({ length: clients }, () => new Connection(target.url, target.token));
  }

  [Symbol.dispose](): void {
    for (const connection of this.connections) connection[Symbol.dispose]();
  }

  /** Of one client, each of which asks one thing after the other. */
  ask(client: number, method: string, path: string, body?: object): Promise<Reply> {
    const connection = this.connections[client];
    if (!connection) throw new Error(`no client ${client}`);
    return connection.ask(method, `/v2.0/${path}`, body);
  }

  /** For what is not measured: any other status ends the run. */
  async must(client: number, status: number, method: string, path: string, body?: object): Promise<Data> {
    const reply = await this.ask(client, method, path, body);
    if (reply.status === status) return dataOf(reply);
    throw new Error(`${this.target.name}: ${method} ${path} answered ${reply.status}: ${reply.body.toString('utf8', 0, 400)}`);
  }

  /** Shares the items out among the clients. */
  async each<T>(items: readonly T[], work: (item: T, client: number) => Promise<unknown>): Promise<void> {
    let next = 0;
    const one = async (_: Connection, client: number): Promise<void> => {
      while (next < items.length) await work(items[next++] as T, client);
    };
    await Promise.all(this.connections.map(one));
  }
}

export function dataOf({ body }: Reply): Data {
  return body.length === 0 ? {} : (JSON.parse(body.toString('utf8')) as Data);
}

/** A token for a user of a Keystone v3. */
export interface User {
  readonly name: string;
  readonly password: string;
  readonly project: string;
  readonly domain: string;
  /** In place of the password. */
  readonly token?: string;
}

export async function logIn(authUrl: string, user: User): Promise<string> {
  const domain = { name: user.domain };
  const identity =
    user.token === undefined
      ? { methods: ['password'], password: { user: { name: user.name, password: user.password, domain } } }
      : { methods: ['token'], token: { id: user.token } };
  const auth = { identity, scope: { project: { name: user.project, domain } } };
  const answer = await fetch(`${authUrl.replace(/\/$/, '')}/auth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ auth }),
  });
  const token = answer.headers.get('x-subject-token');
  if (token === null) throw new Error(`${authUrl} answered ${answer.status}: ${(await answer.text()).slice(0, 200)}`);
  return token;
}
