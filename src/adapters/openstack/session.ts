// Requests to a service of the catalog with a token of a service user.
import { CloudUnavailable } from '../../contracts/cloud.ts';
import type { ServiceAccount } from '../../contracts/service-account.ts';
import type { Clock } from '../../engine/clock.ts';
import { type Http, type HttpReply, type HttpRequest, openHttp } from './http.ts';
import { type Grant, ServiceLogin } from './service-login.ts';

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

interface Endpoint {
  readonly interface?: unknown;
  readonly region?: unknown;
  readonly region_id?: unknown;
  readonly url?: unknown;
}

export class Session {
  private readonly options: SessionOptions;
  private readonly http: Http;
  private readonly login: ServiceLogin;

  constructor(options: SessionOptions) {
    const { account, clock, end } = options;
    this.options = options;
    this.http = openHttp(account, end);
    this.login = new ServiceLogin({ account, clock, http: this.http, catalog: true });
  }

  /** `path` is below the service's endpoint. Throws CloudUnavailable; any answer but a 401 is the caller's to judge. */
  async request(path: string, request: HttpRequest): Promise<HttpReply> {
    for (let again = true; ; again = false) {
      const grant = await this.login.get();
      const url = new URL(`${this.endpointOf(grant).replace(/\/+$/, '')}${path}`);
      const headers = { ...request.headers, 'x-auth-token': grant.token };
      const reply = await this.http(url, { ...request, headers }).catch((error: unknown) => {
        // It may have moved: the catalog says where to.
        this.login.forget(grant);
        throw error;
      });
      if (reply.status !== 401) return reply;
      this.login.forget(grant);
      if (!again) throw new CloudUnavailable(`${url.origin} does not take the token of the service user`);
    }
  }

  private endpointOf(grant: Grant): string {
    const { serviceType, account, endpoint } = this.options;
    if (endpoint !== undefined) return endpoint;
    const services = (Array.isArray(grant.catalog) ? grant.catalog : []) as { type?: unknown; endpoints?: readonly Endpoint[] }[];
    const found = services
      .filter(s => s.type === serviceType)
      .flatMap(s => s.endpoints ?? [])
      .find(
        e => e.interface === account.endpoint_type && (account.region_name === '' || (e.region_id ?? e.region) === account.region_name),
      );
    if (typeof found?.url === 'string' && URL.canParse(found.url)) return found.url;
    // It may be there in the next one.
    this.login.forget(grant);
    const region = account.region_name === '' ? '' : ` in the region ${account.region_name}`;
    throw new CloudUnavailable(`the catalog has no ${account.endpoint_type} endpoint of ${serviceType}${region}`);
  }
}
