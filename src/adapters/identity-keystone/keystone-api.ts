// The two requests to Keystone v3 that validation needs. Whatever keeps Keystone from answering is IdentityUnavailable.
import { CloudUnavailable } from '../../contracts/cloud.ts';
import { IdentityUnavailable } from '../../contracts/identity.ts';
import type { ServiceAccount } from '../../contracts/service-account.ts';
import { authOf } from '../openstack/account.ts';
import { type HttpReply, type HttpRequest, openHttp } from '../openstack/http.ts';

export interface IssuedToken {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

export interface KeystoneApi {
  logIn(): Promise<IssuedToken>;
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

/** What a service user is called in words to an operator. */
export const nameOf = ({ username, user_id, application_credential_id, application_credential_name }: ServiceAccount): string =>
  username || user_id || application_credential_name || application_credential_id;

/** An answer may take `timeoutMs`; one that never came because a kept connection was gone is asked for once more. */
export function connectKeystone(account: ServiceAccount, timeoutMs: number): KeystoneApi {
  const tokens = `${keystoneUrl(account.auth_url)}/auth/tokens?nocatalog`;
  const http = openHttp({ ...account, timeout: timeoutMs / 1000 }, new AbortController().signal);
  const ask = async (url: string, request: HttpRequest): Promise<HttpReply> => {
    try {
      return await http(new URL(url), request);
    } catch (error) {
      if (!(error instanceof CloudUnavailable)) throw error;
      throw new IdentityUnavailable(`Keystone does not answer: ${error.message}`, { cause: error });
    }
  };
  return {
    async logIn() {
      const { status, headers, json } = await ask(tokens, { method: 'POST', body: authOf(account) });
      const id = headers['x-subject-token'];
      if (status !== 201 || typeof id !== 'string')
        throw new IdentityUnavailable(`Keystone answers ${status} to the service user ${nameOf(account)}`);
      const expires = (json as { token?: { expires_at?: string } } | undefined)?.token?.expires_at;
      return { id, expiresAt: Date.parse(expires ?? '') };
    },
    async show(subject, token, { expired }) {
      // Without the last of them Keystone does not show tokens with access rules.
      const headers = { 'x-auth-token': token, 'x-subject-token': subject, 'openstack-identity-access-rules': '1' };
      const { status, json } = await ask(`${tokens}${expired ? '&allow_expired=1' : ''}`, { method: 'GET', headers });
      return status === 200 ? { status, document: json } : { status };
    },
  };
}
