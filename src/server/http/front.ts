// What comes before the API: which of the server's parts a URL belongs to, and who calls.
import type { IncomingHttpHeaders } from 'node:http';
import type { TlsOptions } from 'node:tls';
import type { Caller, Identity, IdentityApi } from '../../contracts/identity.ts';
import type { LogFields } from '../../contracts/log.ts';
import { apiError } from '../../domain/errors.ts';
import type { RequestContext, Services } from '../context.ts';
import { takesJson } from './accept.ts';
import { type Api, buildApi } from './api.ts';
import { isReadAt, readBody } from './body.ts';
import { preflightHeaders } from './cors.ts';
import { openApiDocument, versions } from './discovery.ts';
import { type HealthCheck, type HealthOptions, healthReply } from './healthcheck.ts';
import { LogOf } from './log-of.ts';
import { baseOf } from './place.ts';
import { errorReply, type Reply, unauthorized } from './reply.ts';

/** Characters; what clients build of long filters is half of it (OSSA-2014-038). */
export const longestUrl = 16_384;

export interface RawRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array | undefined;
  /** The other end of the connection, and the port of ours. */
  readonly peer: string;
  readonly port: number;
  /** The connection is one of TLS. */
  readonly secure: boolean;
  /** Whose token it has; asked of the identity once for a request. */
  readonly caller: () => Promise<Caller | undefined>;
}

export interface FrontOptions {
  readonly services: Services;
  readonly api: Api;
  readonly identity: Identity & Partial<Pick<IdentityApi, 'handle'>>;
  /** This process ends: clients are told to come back on another connection. */
  readonly isLeaving?: () => boolean;
  /** Without them it is healthy, since it answers. */
  readonly health?: HealthOptions;
  /** Over TLS, as node:tls has it. */
  readonly tls?: TlsOptions | undefined;
}

/** What requests are known by in the log. */
export interface RequestNames {
  readonly request_id: string;
  /** Of the client, who may have sent one request for another. */
  readonly global_request_id?: string;
}

/** As the log tells of who calls. */
export const whoIs = (caller: Caller | undefined): LogFields =>
  caller ? { user_id: caller.user_id, ...(caller.project_id === null ? {} : { project_id: caller.project_id }) } : {};

export interface Front {
  answer(request: RawRequest, names: RequestNames): Promise<Reply>;
  /** How many bytes of its body are worth keeping. */
  worth(request: RawRequest): Promise<number>;
}

const answering: HealthCheck = { name: 'answering', look: async () => ({ available: true, reason: 'OK', details: '' }) };

/** Of what is sent to the built-in identity, which then refuses it by a limit of its own. */
const longestLogIn = 131_072;

export function buildFront({ services, api, identity, ...options }: FrontOptions): Front {
  const health = options.health ?? { checks: [answering], detailed: false, now: () => services.clock.now() };
  const { config } = services;
  const handlers = { '': buildApi(api, ''), '/networking': buildApi(api, '/networking') } as const;

  const openApi = openApiDocument(api);

  return { answer, worth };

  async function worth(request: RawRequest): Promise<number> {
    const path = pathOf(request.url);
    if (isIdentity(path)) return longestLogIn;
    if (!path.slice(prefixOf(path).length).startsWith('/v2.0/')) return 0;
    // Where nobody can say whose token it is, the answer will tell.
    return (await request.caller().catch(() => undefined)) ? Number.POSITIVE_INFINITY : 0;
  }

  async function answer(request: RawRequest, names: RequestNames): Promise<Reply> {
    const { method, url, headers } = request;
    if (url.length > longestUrl) throw apiError('HTTPBadRequest', { message: `The URL is longer than ${longestUrl} characters.` });
    const path = pathOf(url);
    if (method === 'OPTIONS') return { status: 200, headers: preflightHeaders(config.cors, headers) };
    if (isIdentity(path)) return identityReply(request, path);
    if (path === '/healthcheck') return healthReply(health, { method, accept: headers.accept ?? '', port: request.port });
    const base = (): string => baseOf(headers, request, config.proxy);
    const prefix = prefixOf(path);
    const rest = path.slice(prefix.length);
    if (rest === '' || rest === '/') return method === 'GET' ? versions(base(), prefix) : errorReply(apiError('HTTPMethodNotAllowed'));
    if (!rest.startsWith('/v2.0/')) throw apiError('HTTPNotFound');
    if (rest === '/v2.0/openapi.json' && method === 'GET') return openApi(`${base()}${prefix}/v2.0`);
    const caller = await request.caller();
    if (!caller) return unauthorized(identity.authUri);
    if (method === 'PATCH' || method === 'HEAD') throw apiError('HTTPMethodNotAllowed');
    return handlers[prefix](apiRequest(request, rest, base, contextOf(caller, names)));
  }

  function contextOf(caller: Caller, names: RequestNames): RequestContext {
    const { policy } = services;
    const is = (rule: string): boolean => policy.allows(rule, caller, {});
    const isAdmin = is('context_is_admin');
    return {
      ...services,
      policy,
      caller,
      requestId: names.request_id,
      isAdmin,
      isPrivileged: isAdmin || is('context_is_advsvc') || is('service_api'),
      log: new LogOf(services.log, () => ({ ...names, ...whoIs(caller) })),
    };
  }

  async function identityReply(request: RawRequest, path: string): Promise<Reply> {
    if (!identity.handle) throw apiError('HTTPNotFound');
    const headers: Record<string, string | undefined> = {};
    for (const [k, v] of Object.entries(request.headers)) headers[k] = Array.isArray(v) ? v[0] : v;
    const reply = await identity.handle({
      method: request.method,
      path,
      query: new URLSearchParams(queryOf(request.url)),
      headers,
      ...(request.body === undefined ? {} : { body: new TextDecoder().decode(request.body) }),
    });
    return { status: reply.status, headers: reply.headers, ...(reply.body === undefined ? {} : { text: reply.body }) };
  }
}

function apiRequest(
  request: RawRequest,
  rest: string,
  base: () => string,
  ctx: RequestContext,
): Parameters<ReturnType<typeof buildApi>>[0] {
  const accept = request.headers.accept ?? '';
  const path = segments(rest.slice('/v2.0/'.length));
  // The one answer that is a page for whoever asks for one is that to an unknown extension.
  if (path[0] !== 'extensions' && !takesJson(accept)) throw apiError('HTTPNotAcceptable', { message: notAcceptable });
  return {
    method: request.method,
    path,
    query: readPairs(queryOf(request.url)),
    body: isReadAt(request.method, path) ? readBody(request.method, request.body) : undefined,
    ifMatch: request.headers['if-match'],
    accept,
    base,
    rawPath: pathOf(request.url),
    ctx,
  };
}

export const isIdentity = (path: string): boolean => path === '/identity' || path.startsWith('/identity/');
const prefixOf = (path: string): '' | '/networking' => (path === '/networking' || path.startsWith('/networking/') ? '/networking' : '');

function readPairs(query: string): [string, string][] {
  if (plainQuery.test(query))
    return query === ''
      ? []
      : query
          .split('&')
          .filter(part => part !== '')
          .map(pairOf);
  const pairs = [...new URLSearchParams(query)];
  // What is not UTF-8 has become replacement characters.
  if (pairs.some(pair => pair.join().includes('\u{FFFD}')) && !/%EF%BF%BD/i.test(query))
    throw apiError('HTTPBadRequest', { message: 'The query of the URL is not UTF-8.' });
  return pairs;
}

/** Of which nothing is encoded. */
const plainQuery = /^[\w.~:/?@!$'()*,;=&-]*$/;

function pairOf(part: string): [string, string] {
  const at = part.indexOf('=');
  return at < 0 ? [part, ''] : [part.slice(0, at), part.slice(at + 1)];
}

const notAcceptable = 'The server could not comply with the request since it is either malformed or otherwise incorrect.';

/** Of a URL that comes whole, as a proxy is sent it. */
export function pathAndQuery(url: string): string {
  return url.startsWith('/') ? url : url.replace(/^https?:\/\/[^/?]*\/?/i, '/');
}

export function pathOf(url: string): string {
  const end = url.indexOf('?');
  return end < 0 ? url : url.slice(0, end);
}

function queryOf(url: string): string {
  const start = url.indexOf('?');
  return start < 0 ? '' : url.slice(start + 1);
}

/** Decoded segments; one trailing slash and a `.json` suffix do not count. */
function segments(rest: string): string[] {
  const trimmed = rest.endsWith('.json') ? rest.slice(0, -'.json'.length) : rest;
  const parts = trimmed.split('/');
  if (parts.length > 1 && parts.at(-1) === '') parts.pop();
  if (!trimmed.includes('%')) return parts;
  try {
    return parts.map(decodeURIComponent);
  } catch {
    throw apiError('HTTPNotFound');
  }
}
