// Identity without Keystone: validates its own tokens, and serves as much of the v3 API as clients need to log in and look up.
import { randomUUID } from 'node:crypto';
import type { Caller, IdentityApi, IdentityReply, IdentityRequest } from '../../contracts/identity.ts';
import type { Log } from '../../contracts/log.ts';
import type { Clock } from '../../engine/clock.ts';
import { authenticate } from './authenticate.ts';
import type { Directory } from './directory.ts';
import { tokenDocument, type Urls, versionDocument } from './documents.ts';
import { errorReply, expecting, forbidden, KeystoneError, methodNotAllowed, notOffered, unauthorized } from './keystone-error.ts';
import { Revocations } from './revocations.ts';
import { checkAccess, isAdmin, type Route, roleNames, routes } from './routes.ts';
import { StateFile } from './state-file.ts';
import { type Claims, generationOf, openToken, signToken } from './token.ts';

export interface BuiltinIdentityOptions {
  /** The identity file; revocations are kept beside it in `<path>.revoked.<number>`. */
  readonly path: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Of the API server as clients reach it, http://127.0.0.1:9696; it goes into the catalog. */
  readonly baseUrl: string;
  /** Where the API is mounted, default /identity. */
  readonly mount?: string;
  /** Other processes use the same files: what they revoke counts here at once. */
  readonly shared?: boolean;
  /** Default 24 hours. */
  readonly tokenLifetimeMs?: number;
}

const usualLifetimeMs = 24 * 3600_000;
/** Keystone's max_request_body_size. */
const maxBody = 114_688;
/** Parts of Keystone's v3 API that exist there and not here. */
const knownElsewhere =
  /^(groups|credentials|policies|application_credentials|limits|registered_limits|role_inferences|OS-[\w-]+|auth\/OS-[\w-]+|ec2tokens|s3tokens)(\/|$)/;

/** Rejects with StateRefused when the file cannot be used. */
export async function openBuiltinIdentity(options: BuiltinIdentityOptions): Promise<BuiltinIdentity> {
  const { path, clock, log } = options;
  const base = new URL(options.baseUrl);
  if (!/^https?:$/.test(base.protocol) || base.pathname !== '/' || base.search || base.username)
    throw new Error(`not a base URL: ${options.baseUrl}`);
  const file = await StateFile.open({ path, clock, log });
  const lifetimeMs = options.tokenLifetimeMs ?? usualLifetimeMs;
  const revocations = await Revocations.open({ path: `${path}.revoked`, log, lifetimeMs }, clock.now());
  return new BuiltinIdentity({ ...options, baseUrl: base.origin }, file, revocations);
}

/** What a token is used for means nothing here. */
export class BuiltinIdentity implements IdentityApi {
  readonly authUri: string;
  private readonly options: BuiltinIdentityOptions;
  private readonly mount: string;
  private readonly urls: Urls;
  private readonly file: StateFile;
  private readonly revocations: Revocations;
  private readonly known = new WeakMap<Directory, Map<string, Known>>();

  constructor(options: BuiltinIdentityOptions, file: StateFile, revocations: Revocations) {
    this.options = options;
    this.mount = options.mount ?? '/identity';
    this.urls = { base: options.baseUrl, identity: options.baseUrl + this.mount };
    this.authUri = this.urls.identity;
    this.file = file;
    this.revocations = revocations;
  }

  async validate(token: string): Promise<Caller | undefined> {
    if (this.options.shared) await this.revocations.refresh(this.options.clock.now());
    const directory = await this.file.current();
    const known = this.callersOf(directory);
    const found = known.get(token);
    if (found) return this.isInForce(found.claims) ? found.caller : undefined;
    const claims = this.validClaims(token, directory);
    if (!claims) return undefined;
    const caller = callerOf(claims, directory);
    if (known.size >= mostKnown) known.clear();
    known.set(token, { claims, caller });
    return caller;
  }

  /** Tokens that were good as the directory is now. Time and revocation are looked at whenever one is used. */
  private callersOf(directory: Directory): Map<string, Known> {
    const known = this.known.get(directory) ?? new Map<string, Known>();
    this.known.set(directory, known);
    return known;
  }

  async handle(request: IdentityRequest): Promise<IdentityReply> {
    const reply = await this.answer(request).catch(error => this.failure(error, request));
    const headers = { vary: 'X-Auth-Token', 'x-openstack-request-id': `req-${randomUUID()}`, ...reply.headers };
    return request.method === 'HEAD' ? { status: reply.status, headers } : { ...reply, headers };
  }

  private failure(error: unknown, request: IdentityRequest): IdentityReply {
    if (error instanceof KeystoneError) {
      // Not the user's name: people type their password there.
      if (error.status === 401 && request.method === 'POST') this.options.log.info('log-in refused');
      return errorReply(error, this.authUri);
    }
    this.options.log.error('identity request failed', { method: request.method, path: request.path, error });
    const message = 'An unexpected error prevented the server from fulfilling your request.';
    return errorReply(new KeystoneError(500, message), this.authUri);
  }

  private async answer(request: IdentityRequest): Promise<IdentityReply> {
    const reading = request.method === 'GET' || request.method === 'HEAD';
    const [version, ...rest] = this.segments(request.path);
    if (version === undefined) {
      if (!reading) throw methodNotAllowed();
      return json(300, { versions: { values: [versionDocument(this.urls)] } });
    }
    if (version !== 'v3') throw new KeystoneError(404, `Could not find version: ${version}.`);
    if (rest.length === 0) {
      if (!reading) throw methodNotAllowed();
      return json(200, { version: versionDocument(this.urls) });
    }
    if (this.options.shared) await this.revocations.refresh(this.options.clock.now());
    const directory = await this.file.current();
    if (rest.join('/') === 'auth/tokens') return this.tokens(request, directory);
    return this.resource(request, { directory, segments: rest, reading });
  }

  /** The decoded path below the mount; a slash at its end does not matter. */
  private segments(path: string): string[] {
    if (path !== this.mount && !path.startsWith(`${this.mount}/`)) throw resourceNotFound();
    const segments = path.slice(this.mount.length).split('/').slice(1);
    if (segments.at(-1) === '') segments.pop();
    try {
      return segments.map(decodeURIComponent);
    } catch {
      throw resourceNotFound();
    }
  }

  private async tokens(request: IdentityRequest, directory: Directory): Promise<IdentityReply> {
    switch (request.method) {
      case 'POST':
        return this.issue(request, directory);
      case 'GET':
      case 'HEAD': {
        const subject = this.subject(request, directory, request.method === 'GET' ? 'identity:validate_token' : 'identity:check_token');
        return this.tokenReply(200, subject, { request, directory });
      }
      case 'DELETE': {
        const { claims } = this.subject(request, directory, 'identity:revoke_token');
        await this.revocations.revoke(claims, this.options.clock.now());
        return { status: 204, headers: {} };
      }
      default:
        throw methodNotAllowed();
    }
  }

  private async issue(request: IdentityRequest, directory: Directory): Promise<IdentityReply> {
    const claims = await authenticate(parseBody(request), {
      directory,
      now: this.options.clock.now(),
      lifetimeMs: this.options.tokenLifetimeMs ?? usualLifetimeMs,
      validate: token => this.validClaims(token, directory),
    });
    return this.tokenReply(201, { token: signToken(claims, directory.key), claims }, { request, directory });
  }

  /** The token that the request is about: one's own, or any for an administrator. */
  private subject(request: IdentityRequest, directory: Directory, action: string): { token: string; claims: Claims } {
    const caller = this.caller(request, directory);
    const token = request.headers['x-subject-token'];
    if (!token) throw new KeystoneError(404, 'No token in the request');
    const claims = this.validClaims(token, directory);
    const roles = roleNames({ directory, claims: caller });
    const mayAsk = roles.includes('admin') || roles.includes('service') || claims?.user_id === caller.user_id;
    if (claims && !mayAsk) throw forbidden(action);
    if (!claims) throw new KeystoneError(404, 'Failed to validate token');
    return { token, claims };
  }

  private tokenReply(
    status: number,
    { token, claims }: { token: string; claims: Claims },
    about: { request: IdentityRequest; directory: Directory },
  ): IdentityReply {
    const withCatalog = !about.request.query.has('nocatalog');
    const reply = json(status, tokenDocument(claims, { directory: about.directory, urls: this.urls, withCatalog }));
    return { ...reply, headers: { ...reply.headers, 'x-subject-token': token } };
  }

  private resource(
    request: IdentityRequest,
    about: { directory: Directory; segments: readonly string[]; reading: boolean },
  ): IdentityReply {
    const { directory, segments, reading } = about;
    const claims = this.caller(request, directory);
    const match = findRoute(segments);
    const known = match ?? knownElsewhere.test(segments.join('/'));
    if (!known && !findRoute(segments.slice(0, -1)) && !findRoute(segments.slice(0, 1))) throw resourceNotFound();
    if (!match || !reading) {
      // Only who would be let in is told that there is nothing behind the door.
      if (!isAdmin({ directory, claims })) throw new KeystoneError(403, 'You are not authorized to perform the requested action.');
      throw /^(GET|HEAD|POST|PUT|PATCH|DELETE)$/.test(request.method) ? notOffered() : methodNotAllowed();
    }
    const asked = { directory, urls: this.urls, claims, query: request.query, ids: match.ids };
    checkAccess(match.route, asked);
    return json(200, match.route.answer(asked));
  }

  private caller(request: IdentityRequest, directory: Directory): Claims {
    const token = request.headers['x-auth-token'];
    const claims = token ? this.validClaims(token, directory) : undefined;
    if (!claims) throw unauthorized();
    return claims;
  }

  private isInForce(claims: Claims): boolean {
    return claims.expires > this.options.clock.now() && !this.revocations.isRevoked(claims);
  }

  /** The claims of a token that is good now: signed, in time, not revoked, and all that it names is still there. */
  private validClaims(token: string, directory: Directory): Claims | undefined {
    const claims = openToken(token, directory.key);
    if (!claims || !this.isInForce(claims)) return undefined;
    const user = directory.user(claims.user_id);
    if (!directory.alive(user) || generationOf(user.password_hash) !== claims.generation) return undefined;
    return directory.rolesIn(user.id, claims.scope) ? claims : undefined;
  }
}

interface Known {
  readonly claims: Claims;
  readonly caller: Caller;
}

/** Tokens that are remembered; then they are looked at anew. */
const mostKnown = 1000;

function findRoute(segments: readonly string[]): { route: Route; ids: string[] } | undefined {
  for (const route of routes) {
    const pattern = route.path.split('/');
    if (pattern.length === segments.length && pattern.every((p, i) => p === ':' || p === segments[i])) {
      return { route, ids: segments.filter((_, i) => pattern[i] === ':') };
    }
  }
  return undefined;
}

function callerOf(claims: Claims, directory: Directory): Caller {
  const { scope } = claims;
  const user = directory.user(claims.user_id)!;
  const project = scope.kind === 'project' ? directory.project(scope.id) : undefined;
  return {
    user_id: user.id,
    user_name: user.name,
    user_domain_id: user.domain_id,
    user_domain_name: directory.domain(user.domain_id)!.name,
    project_id: project?.id ?? null,
    project_name: project?.name ?? null,
    project_domain_id: project?.domain_id ?? null,
    project_domain_name: project ? directory.domain(project.domain_id)!.name : null,
    domain_id: scope.kind === 'domain' ? scope.id : null,
    system_scope: scope.kind === 'system' ? 'all' : null,
    roles: (directory.rolesIn(user.id, scope) ?? []).map(role => role.name),
    expires_at: new Date(claims.expires).toISOString(),
    audit_id: claims.audit_ids[0]!,
  };
}

function parseBody(request: IdentityRequest): unknown {
  const { body = '' } = request;
  if (Buffer.byteLength(body) > maxBody) throw new KeystoneError(413, 'Request is too large.');
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (body !== '' && type !== undefined && type !== 'application/json') throw expecting('application/json', 'Content-Type header');
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    throw expecting('valid JSON', 'request body');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw expecting('valid JSON object', 'request body');
  return parsed;
}

function json(status: number, body: object): IdentityReply {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}

function resourceNotFound(): KeystoneError {
  return new KeystoneError(
    404,
    'The requested URL was not found on the server. If you entered the URL manually please check your spelling and try again.',
  );
}
