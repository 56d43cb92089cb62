// Requests to a service of the catalog with a token of a service user: got when first needed, renewed before it ends or when it is refused.
import { CloudUnavailable } from '../../contracts/cloud.ts';
import type { ServiceAccount } from '../../contracts/service-account.ts';
import type { Clock } from '../../engine/clock.ts';
import { authOf } from './account.ts';
import { type Http, type HttpReply, type HttpRequest, openHttp } from './http.ts';

export interface SessionOptions {
  readonly account: ServiceAccount;
  /** `compute`, `placement`. */
  readonly serviceType: string;
  readonly clock: Clock;
  /** In place of the catalog's. */
  readonly endpoint?: string;
  /** Ends what is on its way. */
  readonly end: AbortSignal;
}

interface Grant {
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly until: number;
  /** Of the service. */
  readonly endpoint: string;
}

interface Endpoint {
  readonly interface?: unknown;
  readonly region?: unknown;
  readonly region_id?: unknown;
  readonly url?: unknown;
}

/** A token that ends sooner than this could end on its way. */
const renewBeforeMs = 60_000;

export class Session {
  private readonly options: SessionOptions;
  private readonly http: Http;
  private grant: Grant | undefined;
  private asking: Promise<Grant> | undefined;

  constructor(options: SessionOptions) {
    this.options = options;
    this.http = openHttp(options.account, options.end);
  }

  /** `path` is below the service's endpoint. Throws CloudUnavailable; any answer but a 401 is the caller's to judge. */
  async request(path: string, request: HttpRequest): Promise<HttpReply> {
    for (let again = true; ; again = false) {
      const grant = await this.granted();
      const url = new URL(`${grant.endpoint.replace(/\/+$/, '')}${path}`);
      const headers = { ...request.headers, 'x-auth-token': grant.token };
      const reply = await this.http(url, { ...request, headers }).catch((error: unknown) => {
        // It may have moved: the catalog says where to.
        this.forget(grant);
        throw error;
      });
      if (reply.status !== 401) return reply;
      this.forget(grant);
      if (!again) throw new CloudUnavailable(`${url.origin} does not take the token of the service user`);
    }
  }

  private async granted(): Promise<Grant> {
    const { grant } = this;
    if (grant && grant.until - this.options.clock.now() > renewBeforeMs) return grant;
    this.asking ??= this.logIn().finally(() => {
      this.asking = undefined;
    });
    return this.asking;
  }

  private forget(grant: Grant): void {
    if (this.grant === grant) this.grant = undefined;
  }

  private async logIn(): Promise<Grant> {
    const { account } = this.options;
    const url = new URL(`${versioned(account.auth_url)}/auth/tokens`);
    const { status, headers, json } = await this.http(url, { method: 'POST', body: authOf(account) });
    const token = headers['x-subject-token'];
    if (status !== 201 || typeof token !== 'string')
      throw new CloudUnavailable(`Keystone at ${url.origin} answers ${status} to the service user`);
    const said = (json as { token?: { expires_at?: string; catalog?: unknown } } | undefined)?.token;
    const until = Date.parse(said?.expires_at ?? '');
    if (Number.isNaN(until)) throw new CloudUnavailable(`Keystone at ${url.origin} gave a token without an end`);
    const grant = { token, until, endpoint: this.options.endpoint ?? this.endpointIn(said?.catalog) };
    this.grant = grant;
    return grant;
  }

  private endpointIn(catalog: unknown): string {
    const { serviceType, account } = this.options;
    const services = (Array.isArray(catalog) ? catalog : []) as { type?: unknown; endpoints?: readonly Endpoint[] }[];
    const found = services
      .filter(s => s.type === serviceType)
      .flatMap(s => s.endpoints ?? [])
      .find(
        e => e.interface === account.endpoint_type && (account.region_name === '' || (e.region_id ?? e.region) === account.region_name),
      );
    if (typeof found?.url === 'string' && URL.canParse(found.url)) return found.url;
    const region = account.region_name === '' ? '' : ` in the region ${account.region_name}`;
    throw new CloudUnavailable(`the catalog has no ${account.endpoint_type} endpoint of ${serviceType}${region}`);
  }
}

function versioned(auth_url: string): string {
  const url = auth_url.replace(/\/+$/, '');
  return url.endsWith('/v3') ? url : `${url.replace(/\/v2\.0$/, '')}/v3`;
}
