// What must never reach a log or a failure message: values of fields named like a credential, and credentials inside text.

export const redacted = '***';

const secretWords = new Set([
  'token',
  'tokens',
  'password',
  'passwords',
  'passwd',
  'passphrase',
  'pass',
  'secret',
  'secrets',
  'auth',
  'authorization',
  'credential',
  'credentials',
  'cookie',
  'apikey',
]);
/** Names that hold one of the words and yet no secret. */
const harmless = /^(auth[-_](ur[il]|type|version|method|plugin|strategy)|(token|password)[-_](expires(_at)?|count|type|lifetime))$/i;

/** True for `password`, `X-Auth-Token`, `adminPass`, `shared_secret`, `auth`; false for `auth_url`, `author`, `passed`. */
export function isSecretName(name: string): boolean {
  const known = judged.get(name);
  if (known !== undefined) return known;
  const isSecret = soundsSecret(name);
  if (judged.size < mostJudged) judged.set(name, isSecret);
  return isSecret;
}

/** Names are those of fields in the code, nearly all; others do not fill it up. */
const judged = new Map<string, boolean>();
const mostJudged = 1000;

function soundsSecret(name: string): boolean {
  if (harmless.test(name)) return false;
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/);
  return words.some(
    (word, i) => secretWords.has(word) || ((word === 'key' || word === 'keys') && /^(private|api|secret)$/.test(words[i - 1] ?? '')),
  );
}

const inText: readonly (readonly [RegExp, string])[] = [
  // Keystone's Fernet tokens and JWS tokens, and our own.
  [/\bgAAAA[\w-]{20,}={0,2}/g, redacted],
  [/\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}/g, redacted],
  [/\bweft1\.[\w-]{10,}\.[\w-]{10,}/g, redacted],
  [
    /(?<![a-z\d])((?:x-(?:auth|subject|service)-token|authorization|password|passwd|secret)["']?\s*[:=]\s*)(?:(?:bearer|basic)\s+)?("(?:[^"\\]|\\.)*"|'[^']*'|[^\s,;&}"']+)/gi,
    `$1${redacted}`,
  ],
];

/** Of each of these forms a text has a piece of this, and most texts have none. */
const suspicious = /gAAAA|eyJ|weft1\.|token|authorization|passw|secret|@/i;

/** user:password@ of every host in any URL, such as transport_url or a database's. */
const redactUrls = (text: string): string =>
  text.replace(/\b[a-z][a-z0-9+.-]*:\/\/[^\s"']*@/gi, url => url.replace(/([^\s/:@]*:)[^\s/@]+@/g, `$1${redacted}@`));

/** Blots out what looks like a credential inside free text. A safety net: do not pass one in the first place. */
export function redactText(text: string): string {
  if (!suspicious.test(text)) return text;
  return inText.reduce((out, [pattern, by]) => out.replace(pattern, by), redactUrls(text));
}

const maxDepth = 8;
const maxEntries = 200;
const maxString = 8192;

/** A plain, finite, acyclic copy that JSON can print. Never throws, whatever it is given. */
export function redact(value: unknown): unknown {
  return plain(value, 0, new Set());
}

function plain(value: unknown, depth: number, above: Set<object>): unknown {
  if (typeof value === 'string') return clip(redactText(value.length > 4 * maxString ? value.slice(0, 4 * maxString) : value));
  if (typeof value === 'bigint' || typeof value === 'symbol') return String(value);
  if (typeof value === 'function') return '[function]';
  if (typeof value !== 'object' || value === null) return value;
  if (above.has(value)) return '[circular]';
  if (depth >= maxDepth) return '[deep]';
  above.add(value);
  try {
    return plainObject(value, depth + 1, above);
  } catch {
    return '[unprintable]';
  } finally {
    above.delete(value);
  }
}

function plainObject(value: object, depth: number, above: Set<object>): unknown {
  if (value instanceof Error) return redactText(errorText(value));
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? '[invalid date]' : value.toISOString();
  if (value instanceof URL) return redactText(value.href);
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
  if (value instanceof Map) return plain(Object.fromEntries(value), depth, above);
  const list = value instanceof Set ? [...value] : value;
  if (Array.isArray(list)) {
    const head = list.slice(0, maxEntries).map(item => plain(item, depth, above));
    return list.length > maxEntries ? [...head, `[${list.length - maxEntries} more]`] : head;
  }
  const out: Record<string, unknown> = {};
  const keys = Object.keys(list);
  for (const key of keys.slice(0, maxEntries))
    out[key] = isSecretName(key) ? redacted : plain((list as Record<string, unknown>)[key], depth, above);
  if (keys.length > maxEntries) out['…'] = `${keys.length - maxEntries} more`;
  return out;
}

/** Stack, error code and causes. An error's own properties stay out: clients hang whole requests on them, headers and all. */
export function errorText(error: Error, depth = 0): string {
  const code = 'code' in error && (typeof error.code === 'string' || typeof error.code === 'number') ? ` [${error.code}]` : '';
  const text = `${error.stack ?? `${error.name}: ${error.message}`}${code}`;
  const cause = error.cause instanceof Error && depth < 4 ? `\ncaused by: ${errorText(error.cause, depth + 1)}` : '';
  return clip(text + cause);
}

function clip(text: string): string {
  return text.length > maxString ? `${text.slice(0, maxString)}…[${text.length - maxString} more]` : text;
}
