// The token with which we ask Keystone about others': got when first needed, renewed before it ends, and by one log-in at a time.
import { IdentityUnavailable } from '../../contracts/identity.ts';
import type { Log } from '../../contracts/log.ts';
import type { Clock } from '../../engine/clock.ts';
import type { IssuedToken, KeystoneApi } from './keystone-api.ts';

/** A token that ends sooner than this could end on its way. */
const renewBeforeMs = 30_000;
/** After a log-in that failed everybody hears so for this long: Keystone locks out users who try too often. */
const pauseMs = 1000;

export class ServiceToken {
  private readonly options: { api: KeystoneApi; user: string; clock: Clock; log: Log };
  private current: IssuedToken | undefined;
  private asking: Promise<IssuedToken> | undefined;
  private failed: { readonly error: unknown; readonly at: number } | undefined;

  constructor(options: { api: KeystoneApi; user: string; clock: Clock; log: Log }) {
    this.options = options;
  }

  /** Rejects with IdentityUnavailable. */
  async get(): Promise<string> {
    const { clock } = this.options;
    if (this.current && !(this.current.expiresAt - clock.now() < renewBeforeMs)) return this.current.id;
    if (this.failed && clock.now() - this.failed.at < pauseMs) throw this.failed.error;
    this.asking ??= this.logIn().finally(() => {
      this.asking = undefined;
    });
    return (await this.asking).id;
  }

  /** Keystone says that this token is not good. Another one that came meanwhile stays. */
  refuse(id: string): void {
    if (this.current?.id === id) this.current = undefined;
  }

  private async logIn(): Promise<IssuedToken> {
    const { api, user, clock, log } = this.options;
    try {
      const token = await api.logIn();
      if (Number.isNaN(token.expiresAt)) throw new IdentityUnavailable('Keystone gave a token without an end');
      this.current = token;
      this.failed = undefined;
      return token;
    } catch (error) {
      this.failed = { error, at: clock.now() };
      log.error('no token for the service user', { user, error });
      throw error;
    }
  }
}
