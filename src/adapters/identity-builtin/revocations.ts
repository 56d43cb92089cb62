// Tokens revoked before their time. Bounded: a user who revokes very many has all tokens up to then revoked instead.
import { readFile, rename, writeFile } from 'node:fs/promises';
import type { Log } from '../../contracts/log.ts';
import { StateRefused } from './state.ts';
import type { Claims } from './token.ts';

interface OfUser {
  /** Audit id → when the token would have expired, milliseconds since the epoch. */
  readonly tokens: Map<string, number>;
  /** Every token issued at this time or before is void. */
  upTo: number;
}

const perUser = 200;

export class Revocations {
  private readonly path: string;
  private readonly log: Log;
  private readonly users = new Map<string, OfUser>();
  private writing: Promise<void> = Promise.resolve();

  private constructor(path: string, log: Log) {
    this.path = path;
    this.log = log;
  }

  /** A file that cannot be read is an error: starting without it would bring revoked tokens back to life. */
  static async open(path: string, log: Log): Promise<Revocations> {
    const revocations = new Revocations(path, log);
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return revocations;
      throw error;
    }
    try {
      revocations.load(JSON.parse(text));
    } catch (error) {
      throw new StateRefused(`${path} is damaged (${error instanceof Error ? error.message : error})`);
    }
    return revocations;
  }

  isRevoked(claims: Claims): boolean {
    const user = this.users.get(claims.user_id);
    return user !== undefined && (claims.issued <= user.upTo || claims.audit_ids.some(id => user.tokens.has(id)));
  }

  /** The token and all that were made from it. Resolves when that is on disk. */
  async revoke(claims: Claims, now: number): Promise<void> {
    const user = this.users.get(claims.user_id) ?? { tokens: new Map(), upTo: 0 };
    this.users.set(claims.user_id, user);
    for (const [id, expires] of user.tokens) if (expires <= now) user.tokens.delete(id);
    if (user.tokens.size >= perUser) {
      this.log.warning('very many revoked tokens: all tokens of the user are void now', { user_id: claims.user_id });
      user.tokens.clear();
      user.upTo = now;
    } else {
      user.tokens.set(claims.audit_ids[0]!, claims.expires);
    }
    this.writing = this.writing.catch(() => {}).then(() => this.write());
    await this.writing;
  }

  private load(json: unknown): void {
    for (const [user_id, value] of Object.entries(json as Record<string, { tokens: Record<string, number>; upTo: number }>)) {
      this.users.set(user_id, { tokens: new Map(Object.entries(value.tokens)), upTo: value.upTo });
    }
  }

  private async write(): Promise<void> {
    const json = Object.fromEntries([...this.users].map(([id, { tokens, upTo }]) => [id, { tokens: Object.fromEntries(tokens), upTo }]));
    await writeFile(`${this.path}.new`, JSON.stringify(json), { mode: 0o600, flush: true });
    await rename(`${this.path}.new`, this.path);
  }
}
