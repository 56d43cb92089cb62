// The errors of the identity API, with Keystone's bodies and words.
import type { IdentityReply } from '../../contracts/identity.ts';

const titles = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  413: 'Request Entity Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
} as const;

export class KeystoneError extends Error {
  readonly status: keyof typeof titles;

  constructor(status: keyof typeof titles, message: string) {
    super(message);
    this.name = 'KeystoneError';
    this.status = status;
  }
}

/** One message for whatever is wrong with credentials or a scope: it tells a stranger nothing. */
export const unauthorized = (): KeystoneError => new KeystoneError(401, 'The request you have made requires authentication.');
export const forbidden = (action: string): KeystoneError =>
  new KeystoneError(403, `You are not authorized to perform the requested action: ${action}.`);
export const notFound = (kind: string, id: string): KeystoneError => new KeystoneError(404, `Could not find ${kind}: ${id}.`);
export const notOffered = (): KeystoneError => new KeystoneError(501, 'The action you have requested has not been implemented.');
export const methodNotAllowed = (): KeystoneError => new KeystoneError(405, 'The method is not allowed for the requested URL.');
export const expecting = (attribute: string, target: string): KeystoneError =>
  new KeystoneError(
    400,
    `Expecting to find ${attribute} in ${target}. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.`,
  );

export function errorReply(error: KeystoneError, authUri: string): IdentityReply {
  const { status, message } = error;
  const body = JSON.stringify({ error: { code: status, message, title: titles[status] } });
  const headers = { 'content-type': 'application/json', ...(status === 401 ? { 'www-authenticate': `Keystone uri="${authUri}"` } : {}) };
  return { status, headers, body };
}
