// A place where a server that tells Nova of its ports arrives: it gives a token and a catalog as Keystone does, and keeps what it is told.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { noAccount } from '../../src/contracts/service-account.ts';
import type { NovaConfig } from '../../src/server/context.ts';
import type { Body } from './client.ts';

export interface Post {
  readonly headers: IncomingMessage['headers'];
  readonly path: string;
  readonly events: readonly Body[];
  readonly at: number;
}

export interface Reply {
  readonly status: number;
  readonly body?: unknown;
}

export const listenerPassword = 'pa$$ of-nova';

export class NovaListener implements AsyncDisposable {
  /** Of all requests with events, also of those that were refused. */
  readonly posts: Post[] = [];
  /** Bodies of requests for a token. */
  readonly logins: Body[] = [];
  /** What a request is answered; undefined: nothing, and its connection is cut. */
  answer: (events: readonly Body[], post: Post) => Reply | undefined | Promise<Reply | undefined> = taken;
  login: () => Reply = () => ({ status: 201 });
  /** Where the catalog says that Placement is, which knows who `admin` is without asking. */
  placement = '';
  tokenOf = (n: number): string => `token-${n}`;
  /** Seconds that a token lasts. */
  lasts = 3600;
  private readonly server = createServer((request, response) => void this.serve(request, response));
  private tokens = 0;
  private readonly revoked = new Set<string>();

  static async start(port = 0): Promise<NovaListener> {
    const listener = new NovaListener();
    await new Promise<void>(resolve => listener.server.listen(port, '127.0.0.1', resolve));
    return listener;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** What was told and taken, in order. */
  get events(): Body[] {
    return this.posts.flatMap(post => post.events);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  config(more: Partial<NovaConfig> = {}): NovaConfig {
    const names = { username: 'neutron', user_domain_name: 'Default', project_name: 'service', project_domain_name: 'Default' };
    const account = { ...noAccount, ...names, auth_url: `${this.url}/v3`, password: listenerPassword, region_name: 'Two' };
    return { account: { ...account, endpoint_type: 'internal' }, status: true, data: true, interval: 0, ...more };
  }

  /** Tokens that were given are good no more. */
  revoke(): void {
    for (let n = 1; n <= this.tokens; n++) this.revoked.add(this.tokenOf(n));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    await new Promise(resolve => this.server.close(resolve));
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
    const body = JSON.parse(Buffer.concat(parts).toString('utf8') || '{}') as Body;
    const path = String(request.url);
    const reply = path.startsWith('/v3/') ? this.token(body, response) : await this.post(request, path, body);
    if (!reply) {
      request.socket.destroy();
      return;
    }
    response.writeHead(reply.status, { 'content-type': 'application/json' });
    response.end(reply.body === undefined ? '' : JSON.stringify(reply.body));
  }

  private token(body: Body, response: ServerResponse): Reply {
    this.logins.push(body);
    const reply = this.login();
    if (reply.status !== 201) return reply;
    response.setHeader('x-subject-token', this.tokenOf(++this.tokens));
    const expires_at = new Date(Date.now() + this.lasts * 1000).toISOString();
    const at = (kind: string, region: string, path: string) => ({ interface: kind, region, region_id: region, url: `${this.url}${path}` });
    const endpoints = [at('internal', 'One', '/one'), at('public', 'Two', '/public'), at('internal', 'Two', '/v2.1/')];
    const catalog = [
      { type: 'network', endpoints: [at('internal', 'Two', '/network')] },
      { type: 'compute', endpoints },
      { type: 'placement', endpoints: [{ interface: 'internal', region: 'Two', url: this.placement }] },
    ];
    const user = { id: 'neutron', name: 'neutron', domain: { id: 'default', name: 'Default' } };
    return { status: 201, body: { token: { expires_at, issued_at: new Date().toISOString(), methods: ['password'], user, catalog } } };
  }

  private async post(request: IncomingMessage, path: string, body: Body): Promise<Reply | undefined> {
    if (this.revoked.has(String(request.headers['x-auth-token']))) return { status: 401 };
    const events = (body.events ?? []) as Body[];
    const post = { headers: request.headers, path, events, at: performance.now() };
    const reply = await this.answer(events, post);
    if (reply && reply.status < 300) this.posts.push(post);
    return reply;
  }
}

/** As Nova answers where it knows all instances. */
export const taken = (events: readonly Body[]): Reply => ({
  status: 200,
  body: { events: events.map(event => ({ ...event, status: 'completed', code: 200 })) },
});
