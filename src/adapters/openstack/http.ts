// One request over HTTP or HTTPS with a time limit; connections are kept. Whatever keeps the answer from coming is CloudUnavailable.
import { readFileSync } from 'node:fs';
import type { IncomingHttpHeaders, IncomingMessage, RequestOptions } from 'node:http';
import { CloudUnavailable } from '../../contracts/cloud.ts';
import type { ServiceAccount } from '../../contracts/service-account.ts';

const { Agent: HttpAgent, request: startHttp } = process.getBuiltinModule('node:http');
const { Agent: HttpsAgent, request: startHttps } = process.getBuiltinModule('node:https');

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'PATCH';
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body?: unknown;
}

export interface HttpReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Undefined where there was none, or none in JSON. */
  readonly json: unknown;
}

export type Http = (url: URL, request: HttpRequest) => Promise<HttpReply>;

const usualMs = 30_000;
/** More than any answer that is asked for here. */
const maxAnswer = 16 * 1024 * 1024;

type Trust = Pick<ServiceAccount, 'cafile' | 'certfile' | 'keyfile' | 'insecure' | 'timeout'>;

/** `end` ends what is on its way. */
export function openHttp(trust: Trust, end: AbortSignal): Http {
  const { cafile, certfile, keyfile, insecure } = trust;
  const tls = {
    ...(cafile === '' ? {} : { ca: readFileSync(cafile) }),
    ...(certfile === '' ? {} : { cert: readFileSync(certfile), key: readFileSync(keyfile || certfile) }),
    rejectUnauthorized: !insecure,
  };
  const plain = new HttpAgent({ keepAlive: true });
  const secure = new HttpsAgent({ keepAlive: true, ...tls });
  const withinMs = trust.timeout > 0 ? trust.timeout * 1000 : usualMs;
  return async (url, { method, headers, body }) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const given = { accept: 'application/json', ...headers };
    const sent = text === undefined ? given : { ...given, 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
    const isSecure = url.protocol === 'https:';
    const options = {
      method,
      headers: sent,
      agent: isSecure ? secure : plain,
      signal: AbortSignal.any([end, AbortSignal.timeout(withinMs)]),
    };
    // A kept connection that the other side has closed is found out only by using it.
    for (let again = true; ; again = false) {
      try {
        return await exchange(isSecure ? startHttps : startHttp, url, options, text);
      } catch (error) {
        if (again && !options.signal.aborted && (error as NodeJS.ErrnoException).code === 'ECONNRESET') continue;
        throw unavailable(url, error, end);
      }
    }
  };
}

type Start = (url: URL, options: RequestOptions, answered: (reply: IncomingMessage) => void) => ReturnType<typeof startHttp>;

function exchange(start: Start, url: URL, options: RequestOptions, text: string | undefined): Promise<HttpReply> {
  return new Promise((resolve, reject) => {
    const request = start(url, options, reply => {
      readAll(reply).then(json => resolve({ status: reply.statusCode ?? 0, headers: reply.headers, json }), reject);
    });
    request.on('error', reject);
    request.end(text);
  });
}

async function readAll(reply: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of reply as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > maxAnswer) throw new Error('its answer is too long');
    parts.push(part);
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString('utf8'));
  } catch {
    return undefined;
  }
}

function unavailable(url: URL, error: unknown, end: AbortSignal): CloudUnavailable {
  const { name, message } = error instanceof Error ? error : { name: '', message: String(error) };
  const late = name === 'TimeoutError' || name === 'AbortError';
  const reason = end.aborted ? 'this server ends' : late ? 'time is over' : message || name;
  return new CloudUnavailable(`${url.origin} does not answer: ${reason}`, { cause: error });
}
