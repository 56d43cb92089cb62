// Identity by a real Keystone v3: it is asked about every token that was not asked about lately, with a service user's token of ours.
import { type Caller, type Identity, IdentityUnavailable, type TokenUse } from '../../contracts/identity.ts';
import type { Log } from '../../contracts/log.ts';
import type { ServiceAccount } from '../../contracts/service-account.ts';
import type { Clock } from '../../engine/clock.ts';
import { keystoneUrl } from '../openstack/service-login.ts';
import { isAllowed } from './access-rules.ts';
import { type Answer, Answers, keyOf } from './answers.ts';
import { connectKeystone, type KeystoneApi } from './keystone-api.ts';
import { Line } from './line.ts';
import type { SharedAnswers } from './shared-answers.ts';
import { type Said, saidBy } from './token-document.ts';

export interface KeystoneIdentityOptions {
  /** Keystone is asked at its `auth_url`, with or without `/v3`. Its role must let it validate tokens: `service` or `admin`. */
  readonly account: ServiceAccount;
  readonly clock: Clock;
  readonly log: Log;
  /** What a 401 names; default `auth_url`. */
  readonly authUri?: string;
  /** How long an answer about a good token is believed, which is how long a revoked one may still be used. */
  readonly maxAgeMs?: number;
  /** How many answers are kept, of good tokens and of others. */
  readonly maxAnswers?: number;
  /** For one answer, and as long again for one's turn to ask. */
  readonly timeoutMs?: number;
  /** How many are asked at a time. */
  readonly maxQuestions?: number;
  /** What the servers know together. */
  readonly shared?: SharedAnswers;
  /** `service_type`: which access rules of application credentials mean us. */
  readonly serviceType?: string;
  /** `service_token_roles`: a service with one of them may go on with a user's token that has ended or is bound by access rules. */
  readonly serviceRoles?: readonly string[];
  /** `service_token_roles_required`: a service token without such a role is refused. */
  readonly serviceRolesRequired?: boolean;
}

const defaults = {
  ...{ maxAgeMs: 60_000, maxAnswers: 10_000, timeoutMs: 10_000, maxQuestions: 100 },
  ...{ serviceType: 'network', serviceRoles: ['service'], serviceRolesRequired: false },
};
/** A token that is not good does not become so; the time only bounds what a mistake of Keystone's costs. */
const refusedMs = 10_000;
/** What can be a token at all: anything else could not be asked about in a header. */
const tokenForm = /^[\x21-\x7e]{1,8192}$/;

export function openKeystoneIdentity(options: KeystoneIdentityOptions): Identity {
  const { account, clock, log } = options;
  const settings = { ...defaults, ...options };
  const api = connectKeystone({ account, clock, log, timeoutMs: settings.timeoutMs });
  const line = new Line(settings.maxQuestions, settings.timeoutMs);
  const known = new Known(settings.maxAnswers, options.shared);
  const asking = new Map<string, Promise<Said | undefined>>();

  const ask = async (token: string, expired: boolean): Promise<Said | undefined> => {
    const shared = expired ? undefined : await known.together(token, clock.now());
    if (shared) return shared;
    const said = await line.inTurn(() => askKeystone(token, expired, api, log));
    const now = clock.now();
    const ends = said && !expired ? Date.parse(said.caller.expires_at) : Number.POSITIVE_INFINITY;
    if (ends <= now) return undefined;
    known.set(token, expired, { said, until: Math.min(ends, now + (said ? settings.maxAgeMs : refusedMs)) }, now);
    return said;
  };

  /** One question about a token at a time. */
  const about = async (token: string, expired = false): Promise<Said | undefined> => {
    if (!tokenForm.test(token)) return undefined;
    const answer = known.get(token, expired, clock.now());
    if (answer) return answer.said;
    const key = `${expired} ${keyOf(token)}`;
    const question = asking.get(key) ?? ask(token, expired).finally(() => asking.delete(key));
    asking.set(key, question);
    return question;
  };

  let warned = false;
  /** Undefined: not a token of a service. */
  const serviceOf = async (token: string): Promise<Passing | undefined> => {
    const said = await about(token);
    if (!said) return undefined;
    const isService = settings.serviceRoles.some(role => said.caller.roles.includes(role));
    if (isService) return { mayGoOn: true, frees: said.rules === undefined };
    if (settings.serviceRolesRequired) return undefined;
    if (!warned)
      log.warning('a service token without one of service_token_roles is taken, and frees of nothing', { user: said.caller.user_name });
    warned = true;
    return { mayGoOn: false, frees: false };
  };

  return {
    authUri: options.authUri ?? keystoneUrl(account.auth_url).replace(/\/v3$/, ''),
    async validate(token: string, { serviceToken, ...request }: TokenUse): Promise<Caller | undefined> {
      const passedOn = serviceToken === undefined ? undefined : await serviceOf(serviceToken);
      if (serviceToken !== undefined && !passedOn) return undefined;
      const said = await about(token, passedOn?.mayGoOn);
      // What a service passes on is not what the user has asked for.
      if (said?.rules && !passedOn?.frees && !isAllowed(said.rules, settings.serviceType, request)) return undefined;
      return said?.caller;
    },
  };
}

/** What the token of a service does for the one that it passes on. */
interface Passing {
  /** It may have ended. */
  readonly mayGoOn: boolean;
  /** Of its access rules. Anybody has a token of his own: only a service's does, and none that is bound by rules itself. */
  readonly frees: boolean;
}

/** What is known of tokens: here, and with other servers. */
class Known {
  private readonly good: Answers;
  /** Apart, so that tokens that somebody makes up do not push out the good ones. */
  private readonly refused: Answers;
  private readonly shared: SharedAnswers | undefined;

  constructor(most: number, shared: SharedAnswers | undefined) {
    this.good = new Answers(most);
    this.refused = new Answers(most);
    this.shared = shared;
  }

  get(token: string, expired: boolean, now: number): Answer | undefined {
    const key = placeOf(token, expired);
    return this.good.get(key, now) ?? this.refused.get(key, now);
  }

  set(token: string, expired: boolean, answer: Answer, now: number): void {
    (answer.said ? this.good : this.refused).set(placeOf(token, expired), answer);
    if (answer.said && !expired) void this.shared?.set(token, answer, now);
  }

  /** What another server was told. */
  async together(token: string, now: number): Promise<Said | undefined> {
    const answer = await this.shared?.get(token);
    if (!answer?.said || answer.until <= now) return undefined;
    this.good.set(placeOf(token, false), answer);
    return answer.said;
  }
}

const placeOf = (token: string, expired: boolean): string => (expired ? `${keyOf(token)} expired` : keyOf(token));

async function askKeystone(subject: string, expired: boolean, api: KeystoneApi, log: Log): Promise<Said | undefined> {
  const { status, document } = await api.show(subject, { expired });
  if (status === 404) return undefined;
  const said = status === 200 ? saidBy(document) : undefined;
  if (said) return said;
  log.error('Keystone does not tell about a token', { status });
  throw new IdentityUnavailable(
    status === 200 ? 'Keystone says nothing that is known about a token' : `Keystone answers ${status} about a token`,
  );
}
