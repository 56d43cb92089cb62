// The token of a service user: got when first needed, renewed before it ends, by one log-in at a time, and not asked for again at once where
// Keystone does not give one.
import { CloudUnavailable } from '../../contracts/cloud.ts';
import type { ServiceAccount } from '../../contracts/service-account.ts';
import type { Clock } from '../../engine/clock.ts';
import { authOf } from './account.ts';
import type { Http } from './http.ts';

export interface Grant {
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly until: number;
  /** Where it was asked for. */
  readonly catalog: unknown;
}

export interface ServiceLoginOptions {
  readonly account: ServiceAccount;
  readonly http: Http;
  readonly clock: Clock;
  readonly catalog: boolean;
  /** Told of each log-in that failed. */
  readonly failed?: (error: unknown, user: string) => void;
}

/** A token that ends sooner than this could end on its way. */
const renewBeforeMs = 30_000;
/** For so long everybody hears that a log-in has failed; twice as long each time that Keystone refuses it: it locks out who tries too often. */
const pauseMs = 1000;
const longestPauseMs = 30_000;

/** With the version: `http://127.0.0.1:5000/v3`. Throws when it is no such URL. */
export function keystoneUrl(given: string): string {
  const url = URL.parse(given);
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash || url.username || url.password)
    throw new Error(`not the URL of a Keystone: ${JSON.stringify(given)}`);
  return `${url.origin}${url.pathname.replace(/\/+$/, '').replace(/\/(v3|v2\.0)$/, '')}/v3`;
}

/** What a service user is called in words to an operator. */
const nameOf = ({ username, user_id, application_credential_id, application_credential_name }: ServiceAccount): string =>
  username || user_id || application_credential_name || application_credential_id;

class Refused extends CloudUnavailable {}

export class ServiceLogin {
  private readonly options: ServiceLoginOptions;
  private readonly url: URL;
  private current: Grant | undefined;
  private asking: Promise<Grant> | undefined;
  private failure: { readonly error: unknown; readonly until: number } | undefined;
  private refusals = 0;

  constructor(options: ServiceLoginOptions) {
    this.options = options;
    this.url = new URL(`${keystoneUrl(options.account.auth_url)}/auth/tokens${options.catalog ? '' : '?nocatalog'}`);
  }

  /** Rejects with CloudUnavailable. */
  async get(): Promise<Grant> {
    const { current, failure } = this;
    const now = this.options.clock.now();
    if (current && current.until - now > renewBeforeMs) return current;
    // A clock that was set back must not keep us from asking.
    if (failure && now < failure.until && failure.until - now <= longestPauseMs) throw failure.error;
    this.asking ??= this.logIn().finally(() => {
      this.asking = undefined;
    });
    return this.asking;
  }

  /** It is not good, or not for what it was for. Another one that came meanwhile stays. */
  forget(grant: Grant): void {
    if (this.current === grant) this.current = undefined;
  }

  private async logIn(): Promise<Grant> {
    const { account, clock, failed } = this.options;
    try {
      this.current = await this.ask();
      this.failure = undefined;
      this.refusals = 0;
      return this.current;
    } catch (error) {
      this.refusals = error instanceof Refused ? this.refusals + 1 : 0;
      const pause = Math.min(longestPauseMs, pauseMs * 2 ** Math.max(0, this.refusals - 1));
      this.failure = { error, until: clock.now() + pause };
      failed?.(error, nameOf(account));
      throw error;
    }
  }

  private async ask(): Promise<Grant> {
    const { account, http } = this.options;
    const at = `Keystone at ${this.url.origin}`;
    const { status, headers, json } = await http(this.url, { method: 'POST', body: authOf(account) });
    const token = headers['x-subject-token'];
    if (status !== 201 || typeof token !== 'string') {
      const said = `${at} answers ${status} to the service user ${nameOf(account)}`;
      throw status >= 400 && status < 500 ? new Refused(said) : new CloudUnavailable(said);
    }
    const { expires_at = '', catalog } = (json as { token?: { expires_at?: string; catalog?: unknown } } | undefined)?.token ?? {};
    const until = Date.parse(expires_at);
    if (Number.isNaN(until)) throw new CloudUnavailable(`${at} gave a token without an end`);
    return { token, until, catalog };
  }
}
