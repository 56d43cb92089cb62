// Errors of the web layer itself: their type is the framework's name, their text is free.
import type { P } from './row.ts';

const message = (p: P<'message'>): string => `${p.message}`;

export const httpErrors = {
  HTTPBadRequest: { status: 400, text: message },
  HTTPUnauthorized: { status: 401, text: () => 'The request you have made requires authentication.' },
  HTTPForbidden: { status: 403, text: message },
  HTTPNotFound: { status: 404, text: () => 'The resource could not be found.' },
  HTTPMethodNotAllowed: {
    status: 405,
    text: () => 'The server could not comply with the request since it is either malformed or otherwise incorrect.',
  },
  HTTPNotAcceptable: { status: 406, text: message },
  HTTPConflict: { status: 409, text: message },
  HTTPPreconditionFailed: { status: 412, text: message },
  HTTPRequestEntityTooLarge: { status: 413, text: message },
  HTTPUnsupportedMediaType: { status: 415, text: message },
  HTTPTooManyRequests: { status: 429, text: message },
  HTTPInternalServerError: { status: 500, text: () => 'Request Failed: internal server error while processing your request.' },
  HTTPNotImplemented: { status: 501, text: message },
  HTTPServiceUnavailable: { status: 503, text: message },
  RevisionNumberConstraintFailed: {
    status: 412,
    text: (p: P<'exp' | 'cur'>) => `Constrained to ${p.exp}, but current revision is ${p.cur}`,
  },
  InvalidScope: {
    status: 403,
    text: (p: P<'rule' | 'scopes' | 'scope'>) => `${p.rule} requires a scope of ${p.scopes}, request was made with ${p.scope} scope.`,
  },
  AddrFormatError: { status: 400, text: (p: P<'what'>) => `${p.what}` },
  NotAuthorized: { status: 403, text: () => 'Not authorized.' },
  PolicyNotAuthorized: { status: 403, text: (p: P<'rule'>) => `${p.rule} is disallowed by policy` },
} as const;
