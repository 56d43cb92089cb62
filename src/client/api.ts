// A client of the Networking API that logs in with a password at Keystone v3 and renews its token when that expires.

export interface Credentials {
  /** `http://127.0.0.1:9696/identity/v3`. */
  readonly auth_url: string;
  readonly username: string;
  readonly password: string;
  readonly project_name: string;
  readonly user_domain_name: string;
  readonly project_domain_name: string;
}

export class ApiError extends Error {
  readonly status: number;
  /** `PortNotFound`; empty when the answer was not Neutron's. */
  readonly type: string;
  constructor(status: number, type: string, message: string) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.type = type;
  }
}

/** The API could not be reached at all. */
export class ApiUnreachable extends Error {}

type Headers = Readonly<Record<string, string>>;

export type Body = { readonly [key: string]: unknown };

export class ApiClient {
  private readonly credentials: Credentials;
  private readonly url: string;
  private token: Promise<string> | undefined;

  /** `url` is the endpoint without the version: `http://127.0.0.1:9696`. */
  constructor(url: string, credentials: Credentials) {
    this.url = url.replace(/\/+$/, '');
    this.credentials = credentials;
  }

  /** `path` begins behind `/v2.0`: `/ports?name=x`. The answer is undefined for 204. Rejects with ApiError. */
  async request<T = Body>(method: string, path: string, body?: Body, headers: Headers = {}): Promise<T> {
    let reply = await this.send(method, path, body, headers);
    if (reply.status === 401) {
      this.token = undefined;
      reply = await this.send(method, path, body, headers);
    }
    const text = await reply.text();
    if (!reply.ok) throw refusal(reply.status, text);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  get<T = Body>(path: string): Promise<T> {
    return this.request<T>('GET', path);
  }

  post<T = Body>(path: string, body: Body): Promise<T> {
    return this.request<T>('POST', path, body);
  }

  put<T = Body>(path: string, body: Body): Promise<T> {
    return this.request<T>('PUT', path, body);
  }

  async delete(path: string): Promise<void> {
    await this.request('DELETE', path);
  }

  private async send(method: string, path: string, body: Body | undefined, more: Headers): Promise<Response> {
    this.token ??= this.logIn();
    let token: string;
    try {
      token = await this.token;
    } catch (error) {
      this.token = undefined;
      throw error;
    }
    const headers = { ...more, 'x-auth-token': token, accept: 'application/json', ...(body ? { 'content-type': 'application/json' } : {}) };
    return reach(`${this.url}/v2.0${path}`, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
  }

  private async logIn(): Promise<string> {
    const { auth_url, username, password, project_name, user_domain_name, project_domain_name } = this.credentials;
    const auth = {
      identity: { methods: ['password'], password: { user: { name: username, password, domain: { name: user_domain_name } } } },
      scope: { project: { name: project_name, domain: { name: project_domain_name } } },
    };
    const headers = { 'content-type': 'application/json' };
    const reply = await reach(`${auth_url}/auth/tokens`, { method: 'POST', headers, body: JSON.stringify({ auth }) });
    const token = reply.headers.get('x-subject-token');
    if (!reply.ok || token === null) throw refusal(reply.status, await reply.text());
    await reply.body?.cancel();
    return token;
  }
}

async function reach(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    throw new ApiUnreachable(`no answer from ${new URL(url).origin}: ${cause}`, { cause: error });
  }
}

/** Neutron's error body `{NeutronError: {type, message, detail}}`, Keystone's `{error: {code, title, message}}`, or neither. */
function refusal(status: number, text: string): ApiError {
  try {
    const body = JSON.parse(text) as {
      NeutronError?: { type?: string; message?: string } | string;
      error?: { title?: string; message?: string };
    };
    if (typeof body.NeutronError === 'string') return new ApiError(status, '', body.NeutronError);
    if (body.NeutronError) return new ApiError(status, body.NeutronError.type ?? '', body.NeutronError.message ?? '');
    if (body.error) return new ApiError(status, body.error.title ?? '', body.error.message ?? '');
  } catch {
    // Not JSON: some proxy's page.
  }
  return new ApiError(status, '', `HTTP ${status} ${text.slice(0, 200)}`);
}
