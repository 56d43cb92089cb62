// Which web pages of other origins may use the API from a browser: the `[cors]` options, and what they make of a request.
import type { IncomingHttpHeaders } from 'node:http';

export interface CorsConfig {
  /** `allowed_origin`: `https://console.example:8443`, or `*`. None: no page of another origin. */
  readonly allowedOrigin: readonly string[];
  readonly allowCredentials: boolean;
  readonly exposeHeaders: readonly string[];
  /** Seconds that a browser may remember a preflight. */
  readonly maxAge: number;
  readonly allowMethods: readonly string[];
  readonly allowHeaders: readonly string[];
}

export const defaultCors: CorsConfig = {
  allowedOrigin: [],
  allowCredentials: true,
  exposeHeaders: ['X-Auth-Token', 'X-Subject-Token', 'X-Service-Token', 'X-OpenStack-Request-ID', 'OpenStack-Volume-microversion'],
  maxAge: 3600,
  allowMethods: ['GET', 'PUT', 'POST', 'DELETE', 'PATCH'],
  allowHeaders: ['X-Auth-Token', 'X-Identity-Status', 'X-Roles', 'X-Service-Catalog', 'X-User-Id', 'X-Tenant-Id', 'X-OpenStack-Request-ID'],
};

/** Headers that a page may send whatever is configured. */
const simple = ['accept', 'accept-language', 'content-type', 'cache-control', 'content-language', 'expires', 'last-modified', 'pragma'];

type Headers = Readonly<Record<string, string>>;

/** What an answer to any request but a preflight carries. */
export function corsHeaders(cors: CorsConfig, origin: string | undefined): Headers {
  const allowed = allowedOrigin(cors, origin);
  if (allowed === undefined) return cors.allowedOrigin.length > 0 ? { vary: 'Origin' } : {};
  return {
    ...common(cors, allowed),
    ...(cors.exposeHeaders.length > 0 ? { 'access-control-expose-headers': cors.exposeHeaders.join(',') } : {}),
  };
}

/** What the answer to OPTIONS carries: nothing where the page may not do what it asks about. */
export function preflightHeaders(cors: CorsConfig, headers: IncomingHttpHeaders): Headers {
  const allowed = allowedOrigin(cors, headers.origin);
  const method = headers['access-control-request-method'];
  const wanted = (headers['access-control-request-headers'] ?? '')
    .split(',')
    .map(h => h.trim())
    .filter(h => h !== '');
  const may = new Set([...simple, ...cors.allowHeaders.map(h => h.toLowerCase())]);
  if (allowed === undefined || method === undefined || !cors.allowMethods.includes(method)) return {};
  if (wanted.some(h => !may.has(h.toLowerCase()))) return {};
  return {
    ...common(cors, allowed),
    ...(cors.maxAge > 0 ? { 'access-control-max-age': String(cors.maxAge) } : {}),
    'access-control-allow-methods': method,
    ...(wanted.length > 0 ? { 'access-control-allow-headers': wanted.join(',') } : {}),
  };
}

function allowedOrigin(cors: CorsConfig, origin: string | undefined): string | undefined {
  if (origin === undefined) return undefined;
  if (cors.allowedOrigin.includes(origin)) return origin;
  return cors.allowedOrigin.includes('*') ? '*' : undefined;
}

function common(cors: CorsConfig, origin: string): Headers {
  return {
    vary: 'Origin',
    'access-control-allow-origin': origin,
    ...(cors.allowCredentials ? { 'access-control-allow-credentials': 'true' } : {}),
  };
}
