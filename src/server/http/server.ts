// The HTTP server: limits, request ids, the log of requests, answers as bytes. What they are about is behind `front`.
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { type Caller, IdentityUnavailable } from '../../contracts/identity.ts';
import { StoreBusy } from '../../contracts/store.ts';
import { traced } from '../../contracts/trace.ts';
import { ApiError, apiError } from '../../domain/errors.ts';
import { routes } from '../metrics/route.ts';
import { corsHeaders } from './cors.ts';
import {
  buildFront,
  type FrontOptions,
  isIdentity,
  longestUrl,
  pathAndQuery,
  pathOf,
  type RawRequest,
  type RequestNames,
  whoIs,
} from './front.ts';
import { hasBody, keepFirst } from './intake.ts';
import { jsonBody } from './json.ts';
import { placeOf } from './place.ts';
import { asApiError, errorReply, type Reply } from './reply.ts';

export function buildHttpServer(options: FrontOptions): FastifyInstance {
  const { services } = options;
  const { config, log } = services;
  const limits = { maxHeaderSize: 4 * longestUrl, ...patience(config.clientSocketTimeout) };
  const app: FastifyInstance = fastify({
    logger: false,
    bodyLimit: config.maxRequestBody,
    routerOptions: { maxParamLength: 2048 },
    requestTimeout: limits.requestTimeout,
    ...(options.tls ? { https: { ...limits, ...options.tls } } : { http: limits }),
    rewriteUrl: ({ url = '/' }) => pathAndQuery(url),
    frameworkErrors: (error, request, reply) => void refuse(error, request, reply),
    forceCloseConnections: 'idle',
    return503OnClosing: false,
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  const front = buildFront(options);
  const routeOf = routes(options.api.resources);
  const raws = new WeakMap<FastifyRequest, RawRequest>();
  const callers = new WeakMap<FastifyRequest, Caller>();
  app.addHook('preParsing', async (request, _reply, payload) => {
    if (!hasBody(request)) return payload;
    const raw = rawOf(request);
    // What a client says of its body's type does not count, and need not make sense.
    if (!isIdentity(pathOf(raw.url))) delete request.raw.headers['content-type'];
    return keepFirst(payload, await front.worth(raw), request.headers);
  });

  app.route({
    method: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'],
    url: '/*',
    exposeHeadRoute: false,
    handler: async (request, reply) => {
      const names = namesOf(request);
      const started = services.clock.now();
      const answer = await inSpan(request, names, () => answerTo(request, names));
      log.info(`${request.method} ${pathOf(request.url)} ${answer.status}`, {
        ...names,
        ...whoIs(callers.get(request)),
        client: placeOf(request.headers, { peer: request.ip, secure: false }, config.proxy).client,
        ms: services.clock.now() - started,
      });
      measure(request, answer, services.clock.now() - started);
      return send(request, reply, answer, names);
    },
  });
  app.setErrorHandler((error: FrameworkError, request, reply) => refuse(error, request, reply));
  app.setNotFoundHandler((request, reply) => refuse(apiError('HTTPNotFound'), request, reply));
  return app;

  function inSpan(request: FastifyRequest, names: RequestNames, work: () => Promise<Reply>): Promise<Reply> {
    if (!services.tracer) return work();
    const { method, url, headers } = request;
    const route = routeOf(pathOf(url));
    const attributes = { 'http.request.method': method, 'http.route': route, 'weft.request_id': names.request_id };
    const { traceparent } = headers;
    const from = typeof traceparent === 'string' ? { traceparent } : {};
    return traced(services.tracer, `${method} ${route}`, { kind: 'server', attributes, ...from }, async span => {
      const answer = await work();
      span.set({ 'http.response.status_code': answer.status });
      if (answer.status >= 500) span.fail();
      return answer;
    });
  }

  function measure({ method, url }: FastifyRequest, { status }: Reply, ms: number): void {
    if (!services.metrics) return;
    const labels = { method, route: routeOf(pathOf(url)) };
    services.metrics.count('weft_http_requests_total', { ...labels, status: String(status) });
    services.metrics.observe('weft_http_request_duration_seconds', labels, ms / 1000);
  }

  function remember(request: FastifyRequest, caller: Caller | undefined): Caller | undefined {
    if (caller) callers.set(request, caller);
    return caller;
  }

  function namesOf(request: FastifyRequest): RequestNames {
    const theirs = request.headers['x-openstack-request-id'];
    const request_id = `req-${services.newId()}`;
    return typeof theirs === 'string' && wellFormed.test(theirs) ? { request_id, global_request_id: theirs } : { request_id };
  }

  /** What the web framework refuses before a request is ours: its body, its URL, its method. */
  function refuse(error: FrameworkError, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const names = namesOf(request);
    const known = knownError(error);
    if (known.status >= 500) log.error('request failed', { ...names, error });
    return send(request, reply, errorReply(known), names);
  }

  function rawOf(request: FastifyRequest): RawRequest {
    const known = raws.get(request);
    if (known) return known;
    const { method, url, headers, ip } = request;
    let caller: ReturnType<RawRequest['caller']> | undefined;
    const raw: RawRequest = {
      ...{ method, url, headers, peer: ip, port: request.socket.localPort ?? 0, secure: options.tls !== undefined },
      get body() {
        return request.body as Uint8Array | undefined;
      },
      caller: () => (caller ??= callerOf(headers, { method, path: pathOf(url) }).then(found => remember(request, found))),
    };
    raws.set(request, raw);
    return raw;
  }

  async function callerOf(headers: FastifyRequest['headers'], request: { method: string; path: string }): Promise<Caller | undefined> {
    const { 'x-auth-token': token, 'x-service-token': serviceToken } = headers;
    if (typeof token !== 'string' || token === '') return options.identity.everybody;
    return options.identity.validate(token, typeof serviceToken === 'string' ? { ...request, serviceToken } : request);
  }

  async function answerTo(request: FastifyRequest, names: RequestNames): Promise<Reply> {
    try {
      return await front.answer(rawOf(request), names);
    } catch (error) {
      if (error instanceof IdentityUnavailable)
        return errorReply(apiError('HTTPServiceUnavailable', { message: 'The identity service is unavailable.' }));
      if (error instanceof StoreBusy) {
        log.warning('the database could not be used', { ...names, error });
        return errorReply(apiError('HTTPServiceUnavailable', { message: 'The database is busy or unavailable; try again.' }));
      }
      // What the catalog knows is an answer, whatever its status.
      if (!(error instanceof ApiError)) log.error('request failed', { ...names, error });
      return errorReply(asApiError(error));
    }
  }

  async function send(request: FastifyRequest, reply: FastifyReply, answer: Reply, names: RequestNames): Promise<FastifyReply> {
    const cors = request.method === 'OPTIONS' ? {} : corsHeaders(config.cors, request.headers.origin);
    // Who does not read it for so long does not get it.
    reply.raw.setTimeout(config.clientSocketTimeout * 1000);
    if (options.isLeaving?.()) reply.header('connection', 'close');
    reply.code(answer.status).headers({ 'x-openstack-request-id': names.request_id, ...cors, ...answer.headers });
    // Of a string the framework would say what it is encoded in, also where that goes without saying.
    if (answer.text !== undefined) return reply.send(Buffer.from(answer.text));
    if (answer.json === undefined) return reply.send();
    return reply.header('content-type', 'application/json').send(jsonBody(answer.json));
  }
}

/** A request id that a client may give its requests; anything else does not get into the log. */
const wellFormed = /^req-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** How long somebody may take for the head of a request, and for all of it: Node.js refuses to start where that is less. */
function patience(seconds: number) {
  const headersTimeout = seconds * 1000;
  return { headersTimeout, requestTimeout: Math.max(120_000, headersTimeout), connectionsCheckingInterval: Math.min(5000, seconds * 500) };
}

type FrameworkError = Error & { readonly statusCode?: number };

function knownError(error: FrameworkError): ApiError {
  if (error.statusCode === 413) return apiError('HTTPRequestEntityTooLarge', { message: 'Request is too large.' });
  if (error.statusCode !== undefined && error.statusCode < 500) return apiError('HTTPBadRequest', { message: error.message });
  return asApiError(error);
}
