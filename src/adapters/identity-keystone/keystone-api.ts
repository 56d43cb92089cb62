// The two requests to Keystone v3 that validation needs. Whatever keeps Keystone from answering is IdentityUnavailable.
import { IdentityUnavailable } from '../../contracts/identity.ts';

export interface ServiceUser {
  readonly username: string;
  readonly password: string;
  readonly projectName: string;
  readonly userDomainName: string;
  readonly projectDomainName: string;
}

export interface IssuedToken {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

export interface KeystoneApi {
  logIn(user: ServiceUser): Promise<IssuedToken>;
  /** The status of Keystone's answer, and what it said when that is 200. `expired`: of a token that has ended, too, for as long as Keystone knows it. */
  show(subject: string, token: string, options: { readonly expired: boolean }): Promise<{ status: number; document?: unknown }>;
}

/** With the version: `http://127.0.0.1:5000/v3`. Throws when it is no such URL. */
export function keystoneUrl(given: string): string {
  const url = URL.parse(given);
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash || url.username || url.password)
    throw new Error(`not the URL of a Keystone: ${JSON.stringify(given)}`);
  const path = url.pathname.replace(/\/+$/, '');
  return `${url.origin}${path.endsWith('/v3') ? path : `${path}/v3`}`;
}

/** `url` is with the version. An answer may take `timeoutMs`; one that never came because the connection broke is asked for once more. */
export function connectKeystone(url: string, timeoutMs: number): KeystoneApi {
  const tokens = `${url}/auth/tokens`;
  return {
    async logIn(user) {
      const headers = { 'content-type': 'application/json' };
      const reply = await ask(`${tokens}?nocatalog`, { method: 'POST', headers, body: JSON.stringify({ auth: authOf(user) }) }, timeoutMs);
      const id = reply.headers.get('x-subject-token');
      const document = await bodyOf(reply);
      if (reply.status !== 201 || id === null)
        throw new IdentityUnavailable(`Keystone answers ${reply.status} to the service user ${user.username}`);
      const expires = (document as { token?: { expires_at?: string } } | undefined)?.token?.expires_at;
      return { id, expiresAt: Date.parse(expires ?? '') };
    },
    async show(subject, token, { expired }) {
      // Without the last of them Keystone does not show tokens with access rules.
      const headers = {
        'x-auth-token': token,
        'x-subject-token': subject,
        accept: 'application/json',
        'openstack-identity-access-rules': '1',
      };
      const reply = await ask(`${tokens}?nocatalog${expired ? '&allow_expired=1' : ''}`, { method: 'GET', headers }, timeoutMs);
      const document = await bodyOf(reply);
      return reply.status === 200 ? { status: 200, document } : { status: reply.status };
    },
  };
}

function authOf({ username, password, projectName, userDomainName, projectDomainName }: ServiceUser): unknown {
  return {
    identity: { methods: ['password'], password: { user: { name: username, password, domain: { name: userDomainName } } } },
    scope: { project: { name: projectName, domain: { name: projectDomainName } } },
  };
}

async function ask(url: string, request: RequestInit, timeoutMs: number): Promise<Response> {
  for (let again = true; ; again = false) {
    try {
      return await fetch(url, { ...request, redirect: 'error', signal: AbortSignal.timeout(timeoutMs) });
    } catch (error) {
      const late = error instanceof Error && error.name === 'TimeoutError';
      // Both requests may be repeated, and a kept connection that Keystone has closed is found out only by using it.
      if (again && !late) continue;
      throw new IdentityUnavailable(`Keystone does not answer at ${new URL(url).origin}: ${late ? 'time is over' : reasonOf(error)}`, {
        cause: error,
      });
    }
  }
}

/** Read to the end, so that the connection can be used again; undefined when it is not JSON. */
async function bodyOf(reply: Response): Promise<unknown> {
  try {
    const text = await reply.text();
    return text === '' ? undefined : JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw new IdentityUnavailable(`Keystone ended its answer: ${reasonOf(error)}`, { cause: error });
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
