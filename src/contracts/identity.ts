// Who is asking. The API server turns a token into a Caller; policy decides from it. Adapters: built-in identity, Keystone.

/** What a valid token says. Ids and names are Keystone's; nothing in here is secret. */
export interface Caller {
  readonly user_id: string;
  readonly user_name: string;
  readonly user_domain_id: string;
  readonly user_domain_name: string;
  /** Null for an unscoped, domain-scoped or system-scoped token. */
  readonly project_id: string | null;
  readonly project_name: string | null;
  readonly project_domain_id: string | null;
  readonly project_domain_name: string | null;
  /** The scope of a domain-scoped token. */
  readonly domain_id: string | null;
  readonly system_scope: 'all' | null;
  /** Role names with the implied ones, in the scope of the token; empty when it has none. */
  readonly roles: readonly string[];
  /** ISO 8601 UTC. */
  readonly expires_at: string;
  /** Names the token in logs and audit records without giving it away. */
  readonly audit_id: string;
}

/** The request that comes with a token. */
export interface TokenUse {
  readonly method: string;
  /** As it is written in the URL, without the query: `/v2.0/networks`. */
  readonly path: string;
  /** Of the service that passes a user's token on (`X-Service-Token`). */
  readonly serviceToken?: string;
}

export interface Identity {
  /**
   * Undefined: not a token, expired, revoked, or its user or project is gone or disabled (answer 401).
   * Or it is good for other requests than this one. Rejects with IdentityUnavailable when the identity service cannot be asked (answer 503).
   */
  validate(token: string, use: TokenUse): Promise<Caller | undefined>;
  /** What a 401 names in `WWW-Authenticate: Keystone uri="…"`. */
  readonly authUri: string;
  /** Who comes without a token; without it nobody. */
  readonly everybody?: Caller | undefined;
}

/** One HTTP request to an identity API that is mounted in our own server. Free of any framework. */
export interface IdentityRequest {
  readonly method: string;
  /** Whole path with the mount, still percent-encoded, without the query: `/identity/v3/auth/tokens`. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Keys in lower case; of a repeated header, the first value. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The body as received, not parsed. */
  readonly body?: string | undefined;
}

export interface IdentityReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Absent for 204 and for HEAD. */
  readonly body?: string;
}

/** An identity that serves its own API too. Never rejects: what goes wrong inside is a 500 in Keystone's form. */
export interface IdentityApi extends Identity {
  handle(request: IdentityRequest): Promise<IdentityReply>;
}

/** The identity service did not answer. */
export class IdentityUnavailable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'IdentityUnavailable';
  }
}
