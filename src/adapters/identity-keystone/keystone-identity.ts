// Identity by a real Keystone v3: it is asked about every token that was not asked about lately, with a service user's token of ours.
import { type Caller, type Identity, IdentityUnavailable } from '../../contracts/identity.ts';
import type { Log } from '../../contracts/log.ts';
import type { Clock } from '../../engine/clock.ts';
import { Answers, keyOf } from './answers.ts';
import { connectKeystone, type KeystoneApi, keystoneUrl, type ServiceUser } from './keystone-api.ts';
import { Line } from './line.ts';
import { ServiceToken } from './service-token.ts';
import { callerOf } from './token-document.ts';

export interface KeystoneIdentityOptions {
  /** `http://127.0.0.1:5000`, with or without `/v3`. */
  readonly url: string;
  /** Its role must let it validate tokens: `service` or `admin`. */
  readonly user: ServiceUser;
  readonly clock: Clock;
  readonly log: Log;
  /** What a 401 names; default `url`. */
  readonly authUri?: string;
  /** How long an answer about a good token is believed, which is how long a revoked one may still be used. */
  readonly maxAgeMs?: number;
  /** How many answers are kept, of good tokens and of others. */
  readonly maxAnswers?: number;
  /** For one answer, and as long again for one's turn to ask. */
  readonly timeoutMs?: number;
  /** How many are asked at a time. */
  readonly maxQuestions?: number;
}

const defaults = { maxAgeMs: 60_000, maxAnswers: 10_000, timeoutMs: 10_000, maxQuestions: 100 };
/** A token that is not good does not become so; the time only bounds what a mistake of Keystone's costs. */
const refusedMs = 10_000;
/** What can be a token at all: anything else could not be asked about in a header. */
const tokenForm = /^[\x21-\x7e]{1,8192}$/;

export function openKeystoneIdentity(options: KeystoneIdentityOptions): Identity {
  const { user, clock, log } = options;
  const settings = { ...defaults, ...options };
  const url = keystoneUrl(options.url);
  const api = connectKeystone(url, settings.timeoutMs);
  const service = new ServiceToken({ api, user, clock, log });
  // Apart, so that tokens that somebody makes up do not push out the good ones.
  const good = new Answers(settings.maxAnswers);
  const refused = new Answers(settings.maxAnswers);
  const line = new Line(settings.maxQuestions, settings.timeoutMs);
  const asking = new Map<string, Promise<Caller | undefined>>();

  const ask = async (token: string, key: string): Promise<Caller | undefined> => {
    const caller = await line.inTurn(() => askKeystone(token, { api, service, log }));
    const now = clock.now();
    const ends = caller ? Date.parse(caller.expires_at) : Number.POSITIVE_INFINITY;
    if (ends <= now) return undefined;
    (caller ? good : refused).set(key, { caller, until: Math.min(ends, now + (caller ? settings.maxAgeMs : refusedMs)) });
    return caller;
  };

  return {
    authUri: options.authUri ?? url.replace(/\/v3$/, ''),
    async validate(token) {
      if (!tokenForm.test(token)) return undefined;
      const key = keyOf(token);
      const known = good.get(key, clock.now()) ?? refused.get(key, clock.now());
      if (known) return known.caller;
      const running = asking.get(key);
      if (running) return running;
      const question = ask(token, key).finally(() => asking.delete(key));
      asking.set(key, question);
      return question;
    },
  };
}

interface Doors {
  readonly api: KeystoneApi;
  readonly service: ServiceToken;
  readonly log: Log;
}

async function askKeystone(subject: string, { api, service, log }: Doors): Promise<Caller | undefined> {
  for (let again = true; ; again = false) {
    const own = await service.get();
    const { status, document } = await api.show(subject, own);
    if (status === 404) return undefined;
    if (status === 401) service.refuse(own);
    // Ours may have been revoked or forgotten (new keys, a new database); a fresh one that is refused too is another matter.
    if (status === 401 && again) continue;
    const caller = status === 200 ? callerOf(document) : undefined;
    if (caller) return caller;
    log.error('Keystone does not tell about a token', { status });
    throw new IdentityUnavailable(
      status === 200 ? 'Keystone says nothing that is known about a token' : `Keystone answers ${status} about a token`,
    );
  }
}
