// What a handler answers, free of the web framework; and errors as Neutron writes them.
import { ApiError, apiError, body } from '../../domain/errors.ts';

export interface Reply {
  readonly status: number;
  /** Undefined: no body at all. */
  readonly json?: unknown;
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Messages repeat what was sent; nobody needs to get all of a long text back. */
const longestMessage = 4000;

export function errorReply(error: ApiError): Reply {
  const { NeutronError } = body(error);
  const { message } = NeutronError;
  if (message.length <= longestMessage) return { status: error.status, json: { NeutronError } };
  return { status: error.status, json: { NeutronError: { ...NeutronError, message: `${message.slice(0, longestMessage)}…` } } };
}

/** Anything that is not in the catalog is a 500 with one fixed text; the cause stays in the log. */
export function asApiError(error: unknown): ApiError {
  return error instanceof ApiError ? error : apiError('HTTPInternalServerError');
}

export function unauthorized(authUri: string): Reply {
  return {
    status: 401,
    headers: { 'www-authenticate': `Keystone uri="${authUri}"` },
    json: { error: { code: 401, title: 'Unauthorized', message: 'The request you have made requires authentication.' } },
  };
}

/** What `GET /extensions/{unknown}` answers: not an error of ours but a web framework's page, in JSON for who asks for that. */
export function notFoundPage(message: string, accept: string): Reply {
  if (accept.includes('json')) {
    const text = `The resource could not be found.<br /><br />\n${escapeHtml(message)}\n\n`;
    return { status: 404, json: { code: '404 Not Found', title: 'Not Found', message: text } };
  }
  return {
    status: 404,
    headers: { 'content-type': 'text/html; charset=UTF-8' },
    text: `<html>\n <head>\n  <title>404 Not Found</title>\n </head>\n <body>\n  <h1>404 Not Found</h1>\n  ${escapeHtml(message)}<br /><br />\n </body>\n</html>`,
  };
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
