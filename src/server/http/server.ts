// The HTTP server: limits, request ids, the log of requests, answers as bytes. What they are about is behind `front`.
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { IdentityUnavailable } from '../../contracts/identity.ts';
import { StoreBusy } from '../../contracts/store.ts';
import { type Tracer, traced } from '../../contracts/trace.ts';
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
import { Incoming } from './incoming.ts';
import { hasBody, keepFirst } from './intake.ts';
import { clientOf } from './place.ts';
import { asApiError, errorReply, type Reply } from './reply.ts';
import { write } from './write.ts';

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
  /** Those of which the body has to be looked at before it is there. */
  const early = new WeakMap<FastifyRequest, Incoming>();
  app.addHook('preParsing', (request, _reply, payload, done) => {
    if (!hasBody(request)) return done(null, payload);
    const raw = incoming(request);
    early.set(request, raw);
    // What a client says of its body's type does not count, and need not make sense.
    if (!isIdentity(pathOf(raw.url))) delete request.raw.headers['content-type'];
    front.worth(raw).then(worth => done(null, keepFirst(payload, worth, request.headers)), done);
  });

  app.route({
    method: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'],
    url: '/*',
    exposeHeadRoute: false,
    handler: async (request, reply) => {
      const names = namesOf(request);
      const raw = early.get(request) ?? incoming(request);
      const started = services.clock.now();
      const answer = services.tracer
        ? await inSpan(services.tracer, request, names, () => answerTo(raw, names))
        : await answerTo(raw, names);
      const ms = services.clock.now() - started;
      log.info(`${raw.method} ${pathOf(raw.url)} ${answer.status}`, {
        ...names,
        ...whoIs(raw.known),
        client: clientOf(raw.headers, raw, config.proxy),
        ms,
      });
      measure(request, answer, ms);
      send(request, reply, answer, names);
    },
  });
  app.setErrorHandler((error: FrameworkError, request, reply) => refuse(error, request, reply));
  app.setNotFoundHandler((request, reply) => refuse(apiError('HTTPNotFound'), request, reply));
  return app;

  function inSpan(tracer: Tracer, request: FastifyRequest, names: RequestNames, work: () => Promise<Reply>): Promise<Reply> {
    const { method, url, headers } = request;
    const route = routeOf(pathOf(url));
    const attributes = { 'http.request.method': method, 'http.route': route, 'weft.request_id': names.request_id };
    const { traceparent } = headers;
    const from = typeof traceparent === 'string' ? { traceparent } : {};
    return traced(tracer, `${method} ${route}`, { kind: 'server', attributes, ...from }, async span => {
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

  function namesOf(request: FastifyRequest): RequestNames {
    const theirs = request.headers['x-openstack-request-id'];
    const request_id = `req-${services.newId()}`;
    return typeof theirs === 'string' && wellFormed.test(theirs) ? { request_id, global_request_id: theirs } : { request_id };
  }

  /** What the web framework refuses before a request is ours: its body, its URL, its method. */
  function refuse(error: FrameworkError, request: FastifyRequest, reply: FastifyReply): void {
    const names = namesOf(request);
    const known = knownError(error);
    if (known.status >= 500) log.error('request failed', { ...names, error });
    send(request, reply, errorReply(known), names);
  }

  function incoming(request: FastifyRequest): Incoming {
    return new Incoming(request, options.tls !== undefined, options.identity);
  }

  async function answerTo(raw: RawRequest, names: RequestNames): Promise<Reply> {
    try {
      return await front.answer(raw, names);
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

  function send(request: FastifyRequest, reply: FastifyReply, answer: Reply, names: RequestNames): void {
    const cors = request.method === 'OPTIONS' ? {} : corsHeaders(config.cors, request.headers.origin);
    const closing = options.isLeaving?.() ? { connection: 'close' } : {};
    write(reply.raw, answer, { 'x-openstack-request-id': names.request_id, ...cors, ...closing, ...answer.headers });
    reply.hijack();
    // Who does not read what is left for so long does not get it.
    if (reply.raw.writableLength > 0 || !reply.raw.writableEnded) reply.raw.setTimeout(config.clientSocketTimeout * 1000);
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
