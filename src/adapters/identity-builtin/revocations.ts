// Tokens revoked before their time, in a file that several processes append to. Bounded: of a user who revokes very many, all tokens up to
// then are revoked instead.
import { appendFile, open, readFile, rename, stat, writeFile } from 'node:fs/promises';
import type { Log } from '../../contracts/log.ts';
import { StateRefused } from './state.ts';
import type { Claims } from './token.ts';

interface OfUser {
  /** Audit id → when the token would have expired, milliseconds since the epoch. */
  readonly tokens: Map<string, number>;
  /** Every token issued at this time or before is void. */
  upTo: number;
}

/** A line of the file: one token, or all of a user up to a time. */
type Line = readonly [user: string, audit_id: string, expires: number] | readonly [user: string, upTo: number];

const perUser = 200;

export class Revocations {
  private readonly path: string;
  private readonly log: Log;
  private readonly users = new Map<string, OfUser>();
  /** How much of which file has been read. */
  private seen = { ino: 0n, bytes: 0 };
  private reading: Promise<void> = Promise.resolve();

  private constructor(path: string, log: Log) {
    this.path = path;
    this.log = log;
  }

  /** A file that cannot be read is an error: starting without it would bring revoked tokens back to life. */
  static async open(path: string, log: Log): Promise<Revocations> {
    const revocations = new Revocations(path, log);
    await revocations.refresh();
    return revocations;
  }

  /** Forgets what has expired. For who is alone with the file: what others append meanwhile would be lost. */
  async compact(now: number): Promise<void> {
    if (this.seen.bytes === 0) return;
    const lines: Line[] = [];
    for (const [user, { tokens, upTo }] of this.users) {
      if (upTo > 0) lines.push([user, upTo]);
      for (const [id, expires] of tokens) if (expires > now) lines.push([user, id, expires]);
    }
    await writeFile(`${this.path}.new`, lines.map(line => `${JSON.stringify(line)}\n`).join(''), { mode: 0o600, flush: true });
    await rename(`${this.path}.new`, this.path);
    this.users.clear();
    this.seen = { ino: 0n, bytes: 0 };
    await this.refresh();
  }

  isRevoked(claims: Claims): boolean {
    const user = this.users.get(claims.user_id);
    return user !== undefined && (claims.issued <= user.upTo || claims.audit_ids.some(id => user.tokens.has(id)));
  }

  /** Learns what other processes have revoked. */
  refresh(): Promise<void> {
    this.reading = this.reading.catch(() => {}).then(() => this.read());
    return this.reading;
  }

  /** The token and all that were made from it. Resolves when that is on disk. */
  async revoke(claims: Claims, now: number): Promise<void> {
    const user = this.userOf(claims.user_id);
    for (const [id, expires] of user.tokens) if (expires <= now) user.tokens.delete(id);
    const tooMany = user.tokens.size >= perUser;
    if (tooMany) this.log.warning('very many revoked tokens: all tokens of the user are void now', { user_id: claims.user_id });
    const line: Line = tooMany ? [claims.user_id, now] : [claims.user_id, claims.audit_ids[0]!, claims.expires];
    this.take(line);
    await appendFile(this.path, `${JSON.stringify(line)}\n`, { mode: 0o600, flush: true });
  }

  private userOf(id: string): OfUser {
    const user = this.users.get(id) ?? { tokens: new Map(), upTo: 0 };
    this.users.set(id, user);
    return user;
  }

  private async read(): Promise<void> {
    const there = await stat(this.path, { bigint: true }).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (!there || (there.ino === this.seen.ino && Number(there.size) === this.seen.bytes)) return;
    const from = there.ino === this.seen.ino ? this.seen.bytes : 0;
    const bytes = from === 0 ? await readFile(this.path) : await tail(this.path, from);
    if (from === 0 && bytes[0] === 123) return this.takeEarlier(bytes.toString('utf8'), { ino: there.ino, bytes: bytes.length });
    // The line that is being written is read when it is there.
    const whole = bytes.subarray(0, bytes.lastIndexOf(10) + 1);
    this.seen = { ino: there.ino, bytes: from + whole.length };
    for (const text of whole.toString('utf8').split('\n')) if (text !== '') this.takeText(text);
  }

  /** One object, as it was written by one process alone. */
  private takeEarlier(text: string, seen: { ino: bigint; bytes: number }): void {
    try {
      for (const [id, { tokens, upTo }] of Object.entries(
        JSON.parse(text) as Record<string, { tokens: Record<string, number>; upTo: number }>,
      ))
        this.users.set(id, { tokens: new Map(Object.entries(tokens)), upTo });
    } catch (error) {
      throw new StateRefused(`${this.path} is damaged (${error instanceof Error ? error.message : error})`);
    }
    this.seen = seen;
  }

  private takeText(text: string): void {
    try {
      const line: unknown = JSON.parse(text);
      if (!isLine(line)) throw new Error('not a revocation');
      this.take(line);
    } catch (error) {
      throw new StateRefused(`${this.path} is damaged (${error instanceof Error ? error.message : error})`);
    }
  }

  private take([id, what, expires]: Line): void {
    const user = this.userOf(id);
    if (typeof what === 'string') user.tokens.set(what, expires as number);
    else {
      user.tokens.clear();
      user.upTo = Math.max(user.upTo, what);
    }
  }
}

function isLine(line: unknown): line is Line {
  if (!Array.isArray(line) || typeof line[0] !== 'string') return false;
  return line.length === 3 ? typeof line[1] === 'string' && Number.isFinite(line[2]) : line.length === 2 && Number.isFinite(line[1]);
}

async function tail(path: string, from: number): Promise<Buffer> {
  await using file = await open(path);
  const size = Number((await file.stat()).size);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.max(0, size - from)), { position: from });
  return buffer.subarray(0, bytesRead);
}
