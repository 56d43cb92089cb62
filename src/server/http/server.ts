// The HTTP server: limits, tokens, request ids, JSON in and out. Everything else is behind `Api`.
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { type Caller, type Identity, type IdentityApi, IdentityUnavailable } from '../../contracts/identity.ts';
import { type ApiError, apiError } from '../../domain/errors.ts';
import type { RequestContext, Services } from '../context.ts';
import { type Api, buildApi } from './api.ts';
import { versions } from './discovery.ts';
import { jsonBody } from './json.ts';
import { asApiError, errorReply, type Reply, unauthorized } from './reply.ts';

/** Characters; what clients build of long filters is half of it (OSSA-2014-038). */
const longestUrl = 16_384;

export interface HttpOptions {
  readonly services: Services;
  readonly api: Api;
  readonly identity: Identity & Partial<Pick<IdentityApi, 'handle'>>;
}

export function buildHttpServer({ services, api, identity }: HttpOptions): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: services.config.maxRequestBody,
    routerOptions: { maxParamLength: 2048 },
    requestTimeout: 120_000,
    http: { maxHeaderSize: 4 * longestUrl },
    frameworkErrors: (error, _request, reply) => void refuse(error, reply),
    forceCloseConnections: true,
    return503OnClosing: true,
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));
  const handlers = { '': buildApi(api, ''), '/networking': buildApi(api, '/networking') } as const;

  app.route({
    method: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'],
    url: '/*',
    exposeHeadRoute: false,
    handler: async (request, reply) => {
      const requestId = `req-${services.newId()}`;
      const started = services.clock.now();
      const answer = await answerTo(request, requestId);
      services.log.info(`${request.method} ${pathOf(request.url)} ${answer.status}`, {
        request_id: requestId,
        ms: services.clock.now() - started,
      });
      return send(reply, answer, requestId);
    },
  });
  app.setErrorHandler((error: FrameworkError, _request, reply) => refuse(error, reply));
  app.setNotFoundHandler((_request, reply) => refuse(apiError('HTTPNotFound'), reply));
  return app;

  /** What the web framework refuses before a request is ours: its body, its URL, its method. */
  function refuse(error: FrameworkError, reply: FastifyReply): Promise<FastifyReply> {
    const requestId = `req-${services.newId()}`;
    const known = knownError(error);
    if (known.status >= 500) services.log.error('request failed', { request_id: requestId, error });
    return send(reply, errorReply(known), requestId);
  }

  async function answerTo(request: FastifyRequest, requestId: string): Promise<Reply> {
    try {
      return await route(request, requestId);
    } catch (error) {
      if (error instanceof IdentityUnavailable)
        return errorReply(apiError('HTTPServiceUnavailable', { message: 'The identity service is unavailable.' }));
      const known = asApiError(error);
      if (known.status >= 500 && known.status !== 501) services.log.error('request failed', { request_id: requestId, error });
      return errorReply(known);
    }
  }

  async function route(request: FastifyRequest, requestId: string): Promise<Reply> {
    if (request.url.length > longestUrl) throw apiError('HTTPBadRequest', { message: `The URL is longer than ${longestUrl} characters.` });
    const path = pathOf(request.url);
    const origin = originOf(request);
    if (path === '/identity' || path.startsWith('/identity/')) return identityReply(request, path);
    if (path === '/' || path === '/networking' || path === '/networking/') {
      return request.method === 'GET'
        ? versions(origin, path.startsWith('/networking') ? '/networking' : '')
        : errorReply(apiError('HTTPMethodNotAllowed'));
    }
    const prefix = path.startsWith('/networking/') ? '/networking' : '';
    const rest = path.slice(prefix.length);
    if (!rest.startsWith('/v2.0/')) throw apiError('HTTPNotFound');
    const token = request.headers['x-auth-token'];
    const caller = typeof token === 'string' && token !== '' ? await identity.validate(token) : undefined;
    if (!caller) return unauthorized(identity.authUri);
    if (request.method === 'PATCH' || request.method === 'HEAD' || request.method === 'OPTIONS') throw apiError('HTTPMethodNotAllowed');
    return handlers[prefix]({
      method: request.method,
      path: segments(rest.slice('/v2.0/'.length)),
      query: [...new URLSearchParams(queryOf(request.url))],
      body: parseBody(request.body),
      ifMatch: header(request, 'if-match'),
      accept: header(request, 'accept') ?? '',
      origin,
      rawPath: path,
      ctx: contextOf(caller, requestId),
    });
  }

  function contextOf(caller: Caller, requestId: string): RequestContext {
    const isAdmin = services.policy.allows('context_is_admin', caller, {});
    return {
      ...services,
      caller,
      requestId,
      isAdmin,
      isPrivileged: isAdmin || caller.roles.includes('advsvc') || caller.roles.includes('service'),
      log: services.log.child({ request_id: requestId }),
    };
  }

  async function identityReply(request: FastifyRequest, path: string): Promise<Reply> {
    if (!identity.handle) throw apiError('HTTPNotFound');
    const headers: Record<string, string | undefined> = {};
    for (const [k, v] of Object.entries(request.headers)) headers[k] = Array.isArray(v) ? v[0] : v;
    const reply = await identity.handle({
      method: request.method,
      path,
      query: new URLSearchParams(queryOf(request.url)),
      headers,
      ...(typeof request.body === 'string' ? { body: request.body } : {}),
    });
    return { status: reply.status, headers: reply.headers, ...(reply.body === undefined ? {} : { text: reply.body }) };
  }
}

type FrameworkError = Error & { readonly statusCode?: number };

function knownError(error: FrameworkError): ApiError {
  if (error.statusCode === 413) return apiError('HTTPRequestEntityTooLarge', { message: 'Request is too large.' });
  if (error.statusCode !== undefined && error.statusCode < 500) return apiError('HTTPBadRequest', { message: error.message });
  return asApiError(error);
}

function pathOf(url: string): string {
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
  try {
    return parts.map(decodeURIComponent);
  } catch {
    throw apiError('HTTPNotFound');
  }
}

function header(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(',') : value;
}

/** As the client sees it: behind a proxy that says so, by its words. */
function originOf(request: FastifyRequest): string {
  const proto = header(request, 'x-forwarded-proto')?.split(',')[0]?.trim();
  const scheme = proto === 'https' ? 'https' : 'http';
  const host = header(request, 'x-forwarded-host')?.split(',')[0]?.trim() ?? header(request, 'host') ?? 'localhost';
  return `${scheme}://${/^[\w.:[\]-]+$/.test(host) ? host : 'localhost'}`;
}

function parseBody(body: unknown): unknown {
  if (typeof body !== 'string' || body === '') return undefined;
  try {
    const value: unknown = JSON.parse(body);
    if (!isDeep(value)) return value;
  } catch {
    // Not JSON at all.
  }
  throw apiError('HTTPBadRequest', { message: 'Body contains invalid data' });
}

/** No request nests deeper than a few levels; what goes through values by recursion relies on it. */
const deepest = 64;

function isDeep(value: unknown): boolean {
  let level: readonly unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > deepest) return true;
    level = level.flatMap(v => (typeof v === 'object' && v !== null ? Object.values(v) : []));
  }
  return false;
}

async function send(reply: FastifyReply, answer: Reply, requestId: string): Promise<FastifyReply> {
  reply.code(answer.status).header('x-openstack-request-id', requestId);
  for (const [k, v] of Object.entries(answer.headers ?? {})) reply.header(k, v);
  if (answer.text !== undefined) return reply.send(answer.text);
  if (answer.json === undefined) return reply.send();
  return reply.header('content-type', 'application/json').send(jsonBody(answer.json));
}
