// What validation asks of Keystone v3. Whatever keeps Keystone from answering is IdentityUnavailable.
import { CloudUnavailable } from '../../contracts/cloud.ts';
import { IdentityUnavailable } from '../../contracts/identity.ts';
import type { Log } from '../../contracts/log.ts';
import type { ServiceAccount } from '../../contracts/service-account.ts';
import type { Clock } from '../../engine/clock.ts';
import { openHttp } from '../openstack/http.ts';
import { keystoneUrl, ServiceLogin } from '../openstack/service-login.ts';

export interface KeystoneApi {
  /**
   * The status of Keystone's answer about a token, and what it said when that is 200; a token of ours that it does not take is replaced once.
   * `expired`: of a token that has ended, too, for as long as Keystone knows it.
   */
  show(subject: string, options: { readonly expired: boolean }): Promise<{ status: number; document?: unknown }>;
}

export interface KeystoneApiOptions {
  readonly account: ServiceAccount;
  readonly clock: Clock;
  readonly log: Log;
  /** An answer may take so long; one that never came because a kept connection was gone is asked for once more. */
  readonly timeoutMs: number;
}

export function connectKeystone({ account, clock, log, timeoutMs }: KeystoneApiOptions): KeystoneApi {
  const tokens = `${keystoneUrl(account.auth_url)}/auth/tokens?nocatalog`;
  const http = openHttp({ ...account, timeout: timeoutMs / 1000 }, new AbortController().signal);
  const failed = (error: unknown, user: string): void => log.error('no token for the service user', { user, error });
  const login = new ServiceLogin({ account, clock, http, catalog: false, failed });
  const ask = async (subject: string, expired: boolean): Promise<{ status: number; document?: unknown }> => {
    for (let again = true; ; again = false) {
      const own = await login.get();
      // Without the last of them Keystone does not show tokens with access rules.
      const headers = { 'x-auth-token': own.token, 'x-subject-token': subject, 'openstack-identity-access-rules': '1' };
      const { status, json } = await http(new URL(`${tokens}${expired ? '&allow_expired=1' : ''}`), { method: 'GET', headers });
      if (status === 401) login.forget(own);
      // Ours may have been revoked or forgotten (new keys, a new database); a fresh one that is refused too is another matter.
      if (status !== 401 || !again) return status === 200 ? { status, document: json } : { status };
    }
  };
  return {
    async show(subject, { expired }) {
      try {
        return await ask(subject, expired);
      } catch (error) {
        if (!(error instanceof CloudUnavailable)) throw error;
        throw new IdentityUnavailable(`Keystone cannot be asked: ${error.message}`, { cause: error });
      }
    },
  };
}
