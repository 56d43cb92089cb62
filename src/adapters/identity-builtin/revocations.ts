// Tokens revoked before their time, in files that several processes append to: one for each span of time in which tokens end. So nothing is
// ever taken out of a file that somebody may be writing: when its span is over, nobody needs it, and it goes whole. Of a user who revokes very
// many, all tokens up to then are revoked instead.
import { statSync } from 'node:fs';
import { appendFile, open, readdir, readFile, rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { Log } from '../../contracts/log.ts';
import { StateRefused } from './state.ts';
import type { Claims } from './token.ts';

interface OfUser {
  /** Audit id → when the token would have expired, milliseconds since the epoch. */
  readonly tokens: Map<string, number>;
  /** Every token issued at this time or before is void. */
  upTo: number;
}

/** A line of a file: one token, or all of a user up to a time. */
type Line = readonly [user: string, audit_id: string, expires: number] | readonly [user: string, upTo: number];

const perUser = 200;
const spanMs = 6 * 3600_000;

interface Seen {
  readonly ino: bigint;
  readonly bytes: number;
}

export interface RevocationsOptions {
  /** Without the number of the span. */
  readonly path: string;
  readonly log: Log;
  /** No token lives longer, milliseconds. */
  readonly lifetimeMs: number;
}

export class Revocations {
  private readonly options: RevocationsOptions;
  private readonly users = new Map<string, OfUser>();
  /** By span, how much of which file has been read. */
  private readonly seen = new Map<number, Seen>();
  private span = 0;
  private reading: Promise<void> = Promise.resolve();
  /** The look that has not begun yet. */
  private next: Promise<void> | undefined;

  private constructor(options: RevocationsOptions) {
    this.options = options;
  }

  /** A file that cannot be read is an error: starting without it would bring revoked tokens back to life. */
  static async open(options: RevocationsOptions, now: number): Promise<Revocations> {
    const revocations = new Revocations(options);
    await revocations.takeEarlier(now);
    for (const span of await revocations.spans()) await revocations.read(span);
    await revocations.refresh(now);
    return revocations;
  }

  isRevoked(claims: Claims): boolean {
    const user = this.users.get(claims.user_id);
    return user !== undefined && (claims.issued <= user.upTo || claims.audit_ids.some(id => user.tokens.has(id)));
  }

  /** Learns what other processes have revoked until now, and forgets what has expired. Whoever asks before the next look begins shares it. */
  refresh(now: number): Promise<void> {
    if (this.next) return this.next;
    this.next = this.reading
      .catch(() => {})
      .then(() => {
        this.next = undefined;
        return this.look(now);
      });
    this.reading = this.next;
    return this.next;
  }

  /** The token and all that were made from it. Resolves when that is on disk. */
  async revoke(claims: Claims, now: number): Promise<void> {
    await this.forget(now);
    const user = this.userOf(claims.user_id);
    const tooMany = user.tokens.size >= perUser;
    if (tooMany) this.options.log.warning('very many revoked tokens: all tokens of the user are void now', { user_id: claims.user_id });
    const line: Line = tooMany ? [claims.user_id, now] : [claims.user_id, claims.audit_ids[0]!, claims.expires];
    // What is not on disk is not revoked: who is told so may try again.
    await this.write(line);
    this.take(line);
  }

  private async write(line: Line): Promise<void> {
    const ends = line.length === 3 ? line[2] : line[1] + this.options.lifetimeMs;
    // A line on a disk that is full breaks off: the next one does not go on in it.
    await appendFile(this.pathOf(spanOf(ends)), `\n${JSON.stringify(line)}\n`, { mode: 0o600, flush: true });
  }

  private async look(now: number): Promise<void> {
    await this.forget(now);
    const last = spanOf(now + this.options.lifetimeMs);
    for (let span = spanOf(now); span <= last; span++) await this.read(span);
  }

  /** Once for each span: what was revoked in those that are over. */
  private async forget(now: number): Promise<void> {
    if (spanOf(now) === this.span) return;
    this.span = spanOf(now);
    for (const [id, user] of this.users) {
      for (const [token, expires] of user.tokens) if (expires <= now) user.tokens.delete(token);
      if (user.tokens.size === 0 && user.upTo + this.options.lifetimeMs <= now) this.users.delete(id);
    }
    for (const span of await this.spans()) {
      if (span >= this.span) continue;
      this.seen.delete(span);
      await rm(this.pathOf(span), { force: true });
    }
  }

  private pathOf(span: number): string {
    return `${this.options.path}.${span}`;
  }

  private async spans(): Promise<number[]> {
    const prefix = `${basename(this.options.path)}.`;
    const names = await readdir(dirname(this.options.path));
    return names.flatMap(name =>
      name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)) ? [Number(name.slice(prefix.length))] : [],
    );
  }

  private userOf(id: string): OfUser {
    const user = this.users.get(id) ?? { tokens: new Map(), upTo: 0 };
    this.users.set(id, user);
    return user;
  }

  private async read(span: number): Promise<void> {
    const path = this.pathOf(span);
    const there = statOf(path);
    const seen = this.seen.get(span);
    if (!there || (there.ino === seen?.ino && there.bytes === seen.bytes)) return;
    const from = there.ino === seen?.ino ? seen.bytes : 0;
    const bytes = await tail(path, from);
    // The line that is being written is read when it is there.
    const whole = bytes.subarray(0, bytes.lastIndexOf(10) + 1);
    for (const line of linesOf(path, whole.toString('utf8'))) this.take(line);
    this.seen.set(span, { ino: there.ino, bytes: from + whole.length });
  }

  /** One file for all, as earlier versions had it. Whoever dies in the middle, or does the same beside another, writes lines twice. */
  private async takeEarlier(now: number): Promise<void> {
    const { path, lifetimeMs } = this.options;
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (text === undefined) return;
    for (const line of text.startsWith('{') ? linesOfObject(path, text) : linesOf(path, text))
      if ((line.length === 3 ? line[2] : line[1] + lifetimeMs) > now) await this.write(line);
    await rm(path, { force: true });
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

const spanOf = (ms: number): number => Math.floor(ms / spanMs);

/** A file on this machine's disk: at once, which costs a tenth of what a promise for it would. */
function statOf(path: string): Seen | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found && { ino: found.ino, bytes: Number(found.size) };
}

function linesOf(path: string, text: string): Line[] {
  try {
    return text
      .split('\n')
      .filter(line => line !== '' && !isBrokenOff(line))
      .map(line => {
        const parsed: unknown = JSON.parse(line);
        if (!isLine(parsed)) throw new Error('not a revocation');
        return parsed;
      });
  } catch (error) {
    throw damaged(path, error);
  }
}

/** Whoever wrote it was told that it was not written. */
const isBrokenOff = (line: string): boolean => line.startsWith('[') && !line.endsWith(']');

/** One object, as it was written when one process was alone with it. */
function linesOfObject(path: string, text: string): Line[] {
  try {
    const users = Object.entries(JSON.parse(text) as Record<string, { tokens: Record<string, number>; upTo: number }>);
    return users.flatMap(([user, { tokens, upTo }]): Line[] => [
      ...(upTo > 0 ? [[user, upTo] as const] : []),
      ...Object.entries(tokens).map(([id, expires]) => [user, id, expires] as const),
    ]);
  } catch (error) {
    throw damaged(path, error);
  }
}

const damaged = (path: string, error: unknown): StateRefused =>
  new StateRefused(`${path} is damaged (${error instanceof Error ? error.message : error})`);

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
