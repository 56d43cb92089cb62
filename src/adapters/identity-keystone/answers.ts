// What Keystone said about tokens, for a bounded time and number of tokens, by their hashes: a copy of memory holds no token.
import { createHash } from 'node:crypto';
import type { Said } from './token-document.ts';

export interface Answer {
  /** Undefined: not a good token. */
  readonly said: Said | undefined;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

/** The key under which a token is known. */
export function keyOf(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}

export class Answers {
  private readonly byKey = new Map<string, Answer>();
  private readonly most: number;

  constructor(most: number) {
    this.most = most;
  }

  get(key: string, now: number): Answer | undefined {
    const answer = this.byKey.get(key);
    if (!answer) return undefined;
    this.byKey.delete(key);
    if (answer.until <= now) return undefined;
    // The map keeps the order of insertion: what is used goes to its end, what is at its beginning goes first.
    this.byKey.set(key, answer);
    return answer;
  }

  set(key: string, answer: Answer): void {
    this.byKey.delete(key);
    this.byKey.set(key, answer);
    for (const oldest of this.byKey.keys()) {
      if (this.byKey.size <= this.most) break;
      this.byKey.delete(oldest);
    }
  }
}
