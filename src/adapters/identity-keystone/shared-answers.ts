// What Keystone said about good tokens, in memcached, for several servers and for the next start. memcached asks nobody who he is: what is
// in it is sealed with a secret that these servers have and with the token itself, so that it tells nothing without the token and nobody else can
// write an answer. One that is away, slow or full of something else is as one that knows nothing.
import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { Client } from 'memjs';
import type { Log } from '../../contracts/log.ts';
import type { Answer } from './answers.ts';

export interface MemcachedOptions {
  /** `host:port`, or `[address]:port` */
  readonly servers: readonly string[];
  /** The same for all servers that share. */
  readonly secret: string;
  readonly log: Log;
}

export interface SharedAnswers extends Disposable {
  get(token: string): Promise<Answer | undefined>;
  set(token: string, answer: Answer, now: number): Promise<void>;
}

/** Seconds. */
const timeout = 0.5;
/** After a failure nobody waits for memcached for this long. */
const pauseMs = 5000;
/** In this form of what is sealed. */
const form = 'weft tokens 1';

export function openSharedAnswers({ servers, secret, log }: MemcachedOptions): SharedAnswers {
  const silent = { log: () => {} };
  const client = Client.create(servers.join(','), {
    timeout,
    conntimeout: timeout,
    retries: 1,
    failover: false,
    keepAlive: true,
    logger: silent,
  });
  const seal = sealer(secret);
  let away = { until: 0, told: false };

  /** Undefined where memcached does not answer, which is told once. */
  const tried = async <T>(ask: () => Promise<T>): Promise<T | undefined> => {
    if (performance.now() < away.until) return undefined;
    try {
      const answer = await ask();
      if (away.told) log.info('memcached answers again');
      away = { until: 0, told: false };
      return answer;
    } catch (error) {
      if (!away.told) log.warning('memcached does not answer; going on without it', { servers, error });
      away = { until: performance.now() + pauseMs, told: true };
      return undefined;
    }
  };

  return {
    async get(token) {
      const kept = await tried(() => client.get(seal.keyOf(token)));
      return kept?.value ? seal.open(token, kept.value) : undefined;
    },
    async set(token, answer, now) {
      const expires = Math.ceil((answer.until - now) / 1000);
      if (expires > 0) await tried(() => client.set(seal.keyOf(token), seal.close(token, answer), { expires }));
    },
    [Symbol.dispose]() {
      client.close();
    },
  };
}

const cipher = 'aes-256-gcm';
const [nonceBytes, tagBytes] = [12, 16];

function sealer(secret: string) {
  const keyFor = (token: string): Buffer => Buffer.from(hkdfSync('sha256', secret, createHash('sha256').update(token).digest(), form, 32));
  return {
    keyOf: (token: string): string => `weft/tokens/${createHmac('sha256', secret).update(`${form} ${token}`).digest('base64url')}`,
    close(token: string, answer: Answer): Buffer {
      const nonce = randomBytes(nonceBytes);
      const sealing = createCipheriv(cipher, keyFor(token), nonce);
      const sealed = Buffer.concat([sealing.update(JSON.stringify(answer)), sealing.final()]);
      return Buffer.concat([nonce, sealing.getAuthTag(), sealed]);
    },
    /** Undefined: it is not ours. */
    open(token: string, kept: Buffer): Answer | undefined {
      if (kept.length <= nonceBytes + tagBytes) return undefined;
      const opening = createDecipheriv(cipher, keyFor(token), kept.subarray(0, nonceBytes));
      opening.setAuthTag(kept.subarray(nonceBytes, nonceBytes + tagBytes));
      try {
        return JSON.parse(
          Buffer.concat([opening.update(kept.subarray(nonceBytes + tagBytes)), opening.final()]).toString('utf8'),
        ) as Answer;
      } catch {
        return undefined;
      }
    },
  };
}
