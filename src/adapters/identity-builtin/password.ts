// Passwords as scrypt hashes, `scrypt$N$r$p$salt$hash` with base64. Hashing runs off the event loop, a few at a time.
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { KeystoneError } from './keystone-error.ts';

const cost = { N: 2 ** 14, r: 8, p: 1 } as const;
const hashBytes = 32;
const maxmem = 256 * 1024 * 1024;

export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const hash = await derive(password, salt, cost);
  return ['scrypt', cost.N, cost.r, cost.p, salt.toString('base64'), hash.toString('base64')].join('$');
}

/** False for a wrong password and for a stored hash that cannot be read. Takes as long either way. */
export async function verifyPassword(password: string, stored: string): Promise<boolean> {
  const parsed = parseHash(stored);
  const { salt, hash, ...parameters } = parsed ?? { ...cost, salt: Buffer.alloc(16), hash: Buffer.alloc(hashBytes) };
  const found = await derive(password, salt, parameters);
  return timingSafeEqual(found, hash) && parsed !== undefined;
}

/** Something to verify against when there is no such user, so that the answer takes as long as for one that exists. */
export const nobodysHash = [
  'scrypt',
  cost.N,
  cost.r,
  cost.p,
  randomBytes(16).toString('base64'),
  randomBytes(hashBytes).toString('base64'),
].join('$');

function parseHash(stored: string): { N: number; r: number; p: number; salt: Buffer; hash: Buffer } | undefined {
  const match = /^scrypt\$(\d{1,7})\$(\d{1,2})\$(\d{1,2})\$([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+)$/.exec(stored);
  if (!match) return undefined;
  const [N, r, p] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const hash = Buffer.from(match[5]!, 'base64');
  const sane = N >= 2 && N <= 2 ** 17 && (N & (N - 1)) === 0 && r >= 1 && r <= 16 && p >= 1 && p <= 4 && hash.length === hashBytes;
  return sane ? { N, r, p, salt: Buffer.from(match[4]!, 'base64'), hash } : undefined;
}

/** libuv has four threads for all of the process: hashing gets two of them, and a flood of log-ins is turned away. */
const maxRunning = 2;
const maxWaiting = 100;
let running = 0;
const waiting: (() => void)[] = [];

async function derive(password: string, salt: Buffer, parameters: { N: number; r: number; p: number }): Promise<Buffer> {
  if (running >= maxRunning) {
    if (waiting.length >= maxWaiting) throw new KeystoneError(503, 'Too many log-ins at one time. Please try again later.');
    await new Promise<void>(resolve => waiting.push(resolve));
  } else {
    running++;
  }
  try {
    return await new Promise((resolve, reject) => {
      scrypt(password, salt, hashBytes, { ...parameters, maxmem }, (error, hash) => (error ? reject(error) : resolve(hash)));
    });
  } finally {
    const next = waiting.shift();
    if (next) next();
    else running--;
  }
}
