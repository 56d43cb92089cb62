// What of a value may be seen: nothing of a secret, and of a URL everything but its passwords.
import { isSecretName, redacted } from '../../adapters/log/redact.ts';

/** An option as far as it matters here. */
interface Shown {
  readonly name: string;
  readonly secret: boolean;
  readonly type: { readonly name: string };
}

export function shownText({ name, secret, type }: Shown, text: string): string {
  if (text === '') return text;
  if (secret || isSecretName(name)) return redacted;
  return type.name === 'URL' ? maskUrl(text) : text.replace(/\S+:\/\/\S+/g, maskUrl);
}

/** Passwords of every host of a URL, and secrets behind its question mark. Where it is not clear what is one, more is masked. */
export function maskUrl(text: string): string {
  const begin = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text)?.[0] ?? '';
  return begin + maskRest(text.slice(begin.length));
}

function maskRest(rest: string): string {
  const question = rest.lastIndexOf('?');
  const isQuery = question > rest.lastIndexOf('@');
  const address = isQuery ? rest.slice(0, question) : rest;
  return maskAddress(address) + (isQuery ? maskQuery(rest.slice(question)) : '');
}

/** `user:password@host,user:password@host/path`. */
function maskAddress(address: string): string {
  const end = address.lastIndexOf('@');
  // Without an @, a word behind a colon is no port.
  if (end < 0) return address.replace(/:(?!\/\/|\d+(?:[/,]|$))[^/]*/g, `:${redacted}`);
  const pieces = address.slice(0, end).split(',');
  const users = pieces.map((piece, i) => (i === pieces.length - 1 ? maskUser(piece) : masked(piece)));
  return (users.includes(undefined) ? redacted : users.join(',')) + address.slice(end);
}

/** A host with its user; undefined: it is a part of a password with a comma, perhaps. */
function masked(piece: string): string | undefined {
  const [user = '', host, ...more] = piece.split('@');
  return host === undefined || more.length > 0 ? undefined : `${maskUser(user)}@${host}`;
}

const maskUser = (user: string): string => (user.includes(':') ? `${user.slice(0, user.indexOf(':'))}:${redacted}` : user);

const maskQuery = (query: string): string =>
  query.replace(/([?&;])([^=&;]*)=([^&;]*)/g, (whole, before: string, name: string) =>
    isSecretName(name) ? `${before}${name}=${redacted}` : whole,
  );
