// POST /v3/auth/tokens: reads what Keystone reads from the body, checks the credentials, and decides the scope.
import type { Directory, Named } from './directory.ts';
import { expecting, KeystoneError, unauthorized } from './keystone-error.ts';
import { nobodysHash, verifyPassword } from './password.ts';
import type { User } from './state.ts';
import { type Claims, generationOf, newAuditId, type Scope } from './token.ts';

export interface AuthenticateOptions {
  readonly directory: Directory;
  readonly now: number;
  readonly lifetimeMs: number;
  /** The claims of a token that is valid now. */
  readonly validate: (token: string) => Claims | undefined;
}

/** Rejects with KeystoneError: 400 for the form, 401 for everything else, without saying what was wrong. */
export async function authenticate(body: unknown, options: AuthenticateOptions): Promise<Claims> {
  const request = readRequest(body);
  const { directory, now, lifetimeMs } = options;
  let parent: Claims | undefined;
  let user: User | undefined;
  for (const method of request.methods) {
    const who = method === 'token' ? byToken() : await byPassword(directory, request.password!);
    // Several methods must agree on one user.
    if (user && user.id !== who.id) throw unauthorized();
    user = who;
  }
  if (!user || !directory.alive(user)) throw unauthorized();

  function byToken(): User {
    parent = options.validate(request.token!);
    const found = parent && directory.user(parent.user_id);
    if (!found) throw unauthorized();
    return found;
  }

  const scope = chooseScope(request.scope, user, directory);
  const audit = newAuditId();
  return {
    user_id: user.id,
    scope,
    methods: [...new Set([...request.methods, ...(parent?.methods ?? [])])],
    issued: now,
    // A token made from another one does not live longer than that one.
    expires: Math.min(now + lifetimeMs, parent?.expires ?? Number.POSITIVE_INFINITY),
    audit_ids: parent ? [audit, parent.audit_ids.at(-1)!] : [audit],
    generation: generationOf(user.password_hash),
  };
}

async function byPassword(directory: Directory, given: { user: Named; password: string }): Promise<User> {
  const user = directory.findUser(given.user);
  const ok = await verifyPassword(given.password, user?.password_hash ?? nobodysHash);
  if (!user || !ok) throw unauthorized();
  return user;
}

type WantedScope = 'default' | 'unscoped' | { project: Named } | { domain: Named } | 'system';

function chooseScope(wanted: WantedScope, user: User, directory: Directory): Scope {
  if (wanted === 'unscoped') return { kind: 'unscoped' };
  if (wanted === 'default') {
    const scope: Scope | undefined = user.default_project_id === null ? undefined : { kind: 'project', id: user.default_project_id };
    return scope && directory.rolesIn(user.id, scope) ? scope : { kind: 'unscoped' };
  }
  const scope = namedScope(wanted, directory);
  if (!scope || !directory.rolesIn(user.id, scope)) throw unauthorized();
  return scope;
}

function namedScope(wanted: Exclude<WantedScope, 'default' | 'unscoped'>, directory: Directory): Scope | undefined {
  if (wanted === 'system') return { kind: 'system' };
  if ('domain' in wanted) {
    const domain = directory.findDomain(wanted.domain);
    return domain && { kind: 'domain', id: domain.id };
  }
  const project = directory.findProject(wanted.project);
  return project && { kind: 'project', id: project.id };
}

interface AuthRequest {
  readonly methods: readonly string[];
  readonly password?: { readonly user: Named; readonly password: string };
  readonly token?: string;
  readonly scope: WantedScope;
}

function readRequest(body: unknown): AuthRequest {
  const auth = object(body, '')?.['auth'];
  if (auth === undefined || auth === null) throw expecting('auth', 'request body');
  const identity = object(object(auth, 'auth')!['identity'], 'identity');
  if (!identity) throw new KeystoneError(400, "'identity' is a required property");
  const methods = identity['methods'];
  if (methods === undefined) throw invalid('identity', "'methods' is a required property");
  if (!Array.isArray(methods)) throw invalid('identity/methods', `${show(methods)} is not of type 'array'`);
  for (const [i, method] of methods.entries()) text(method, `identity/methods/${i}`);
  if (methods.some(method => method !== 'password' && method !== 'token')) {
    throw new KeystoneError(401, 'Attempted to authenticate with an unsupported method.');
  }
  const password = methods.includes('password') ? { password: readPassword(identity['password']) } : {};
  const token = methods.includes('token') ? { token: readToken(identity['token']) } : {};
  // As Keystone: one that is named twice is asked once.
  return { methods: [...new Set<string>(methods)], ...password, ...token, scope: readScope((auth as Record<string, unknown>)['scope']) };
}

function readPassword(value: unknown): { user: Named; password: string } {
  const at = 'identity/password';
  const method = object(value, at);
  if (!method) throw expecting('password', 'identity');
  const user = object(method['user'], `${at}/user`);
  if (!user) throw expecting('user', 'password');
  const named = readNamed(user, `${at}/user`);
  if (named.id === undefined && !named.domain) throw expecting('domain', 'user');
  const password = text(user['password'], `${at}/user/password`);
  if (password === undefined) throw expecting('password', 'user');
  return { user: named, password };
}

function readToken(value: unknown): string {
  const method = object(value, 'identity/token');
  if (!method) throw expecting('token', 'identity');
  const id = text(method['id'], 'identity/token/id');
  if (id === undefined) throw invalid('identity/token', "'id' is a required property");
  return id;
}

function readScope(value: unknown): WantedScope {
  if (value === undefined || value === null) return 'default';
  // Old clients say {"unscoped": {}}.
  if (value === 'unscoped' || (typeof value === 'object' && 'unscoped' in value)) return 'unscoped';
  const scope = object(value, 'scope')!;
  const kinds = ['project', 'domain', 'system', 'OS-TRUST:trust'].filter(kind => scope[kind] !== undefined);
  if (kinds.length !== 1) throw expecting('project, domain, OS-TRUST:trust or system', 'scope');
  if (kinds[0] === 'OS-TRUST:trust') throw unauthorized();
  if (kinds[0] === 'system') {
    if (object(scope['system'], 'scope/system')!['all'] !== true) throw expecting('all', 'system');
    return 'system';
  }
  const kind = kinds[0] as 'project' | 'domain';
  const named = readNamed(object(scope[kind], `scope/${kind}`)!, `scope/${kind}`);
  if (kind === 'domain') return { domain: named };
  if (named.id === undefined && !named.domain) throw expecting('domain', 'project');
  return { project: named };
}

function readNamed(fields: Record<string, unknown>, at: string): Named {
  const id = text(fields['id'], `${at}/id`);
  const name = text(fields['name'], `${at}/name`);
  if (id === undefined && name === undefined) {
    throw new KeystoneError(400, `Invalid input for field ${at}: id or name must be present.`);
  }
  const domain = object(fields['domain'], `${at}/domain`);
  return { id, name, ...(domain ? { domain: readNamed({ id: domain['id'], name: domain['name'] }, `${at}/domain`) } : {}) };
}

/** Undefined when it is not there; throws when it is something else. */
function object(value: unknown, at: string): Record<string, unknown> | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(at, `${show(value)} is not of type 'object'`);
  return value as Record<string, unknown>;
}

function text(value: unknown, at: string): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string') throw invalid(at, `${show(value)} is not of type 'string'`);
  return value;
}

function invalid(at: string, why: string): KeystoneError {
  return new KeystoneError(400, `Invalid input for field '${at}': ${why}`);
}

/** The kind of what was sent, never its content: it may be a password in the wrong place. */
function show(value: unknown): string {
  return value === null ? 'None' : Array.isArray(value) ? 'a list' : `a ${typeof value}`;
}
