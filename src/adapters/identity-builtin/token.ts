// Tokens: `weft1.<claims>.<signature>`, opaque to clients. Signed with HMAC-SHA256; what a token allows is looked up at each use.
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

export type Scope =
  | { readonly kind: 'unscoped' }
  | { readonly kind: 'project'; readonly id: string }
  | { readonly kind: 'domain'; readonly id: string }
  | { readonly kind: 'system' };

export interface Claims {
  readonly user_id: string;
  readonly scope: Scope;
  readonly methods: readonly string[];
  /** Milliseconds since the epoch. */
  readonly issued: number;
  readonly expires: number;
  /** Its own, and for a token made from another one that one's first. */
  readonly audit_ids: readonly string[];
  /** Changes with the password of the user, see `generationOf`. */
  readonly generation: string;
}

const maxLength = 4096;

export function signToken(claims: Claims, key: Buffer): string {
  const { user_id, scope, methods, issued, expires, audit_ids, generation } = claims;
  const place = scope.kind === 'project' || scope.kind === 'domain' ? [scope.kind, scope.id] : [scope.kind];
  const payload = Buffer.from(JSON.stringify([user_id, place, methods, issued, expires, audit_ids, generation])).toString('base64url');
  return `weft1.${payload}.${signature(payload, key).toString('base64url')}`;
}

/** The claims of a token that we signed, expired or not. Undefined for anything else. */
export function openToken(token: string, key: Buffer): Claims | undefined {
  if (token.length > maxLength) return undefined;
  const match = /^weft1\.([\w-]+)\.([\w-]{43})$/.exec(token);
  if (!match) return undefined;
  const given = Buffer.from(match[2]!, 'base64url');
  const wanted = signature(match[1]!, key);
  // The last character of base64url carries spare bits: only its canonical form is ours.
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted) || given.toString('base64url') !== match[2]) return undefined;
  const [user_id, place, methods, issued, expires, audit_ids, generation] = JSON.parse(
    Buffer.from(match[1]!, 'base64url').toString('utf8'),
  );
  const scope: Scope = place.length === 2 ? { kind: place[0], id: place[1] } : { kind: place[0] };
  return { user_id, scope, methods, issued, expires, audit_ids, generation };
}

function signature(payload: string, key: Buffer): Buffer {
  return createHmac('sha256', key).update('weft1.').update(payload).digest();
}

export function newAuditId(): string {
  return randomBytes(16).toString('base64url');
}

/** Ties tokens to the password they were got with: a new password makes the old tokens void. */
export function generationOf(passwordHash: string): string {
  return createHash('sha256').update(passwordHash).digest('base64url').slice(0, 12);
}
