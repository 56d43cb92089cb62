// The HTTP server on the metadata agent's Unix socket, behind the proxies of the namespaces.
import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, rename } from 'node:fs/promises';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { dirname, join } from 'node:path';
import { type Answer, type MetadataRequest, refusal } from './answer.ts';
import type { IdentityHeaders } from './identity.ts';

const { createServer } = process.getBuiltinModule('node:http');

export type Respond = (request: MetadataRequest, headers: IdentityHeaders) => Promise<Answer>;

export interface SocketOptions {
  readonly path: string;
  /** Who else may connect: a group id; absent means nobody but us. */
  readonly group?: number;
  /** In place of what that means. */
  readonly mode?: number;
  respond: Respond;
}

const MAX_BODY = 64 * 1024;
/** The kernel's limit for the name of a Unix socket. */
const MAX_PATH = 107;
/** How long answers that are on their way are waited for at the end. */
const DRAIN_MS = 3000;

/**
 * Takes the place of a socket that is there, at once: there is no moment without one, and who has it keeps what it has taken. So an agent can be
 * started before another one ends.
 */
export async function openMetadataSocket(options: SocketOptions): Promise<AsyncDisposable> {
  const { path } = options;
  const own = join(dirname(path), `.${randomBytes(4).toString('hex')}`);
  for (const name of [path, own])
    if (Buffer.byteLength(name) > MAX_PATH) throw new Error(`${name}: longer than the ${MAX_PATH} bytes of a socket's name`);
  const server = createServer((request, response) => void serve(options.respond, request, response));
  server.requestTimeout = 30_000;
  server.headersTimeout = 30_000;
  server.keepAliveTimeout = 5_000;
  await mkdir(dirname(path), { recursive: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(own, resolve);
  });
  try {
    await allow(own, options);
    await rename(own, path);
  } catch (error) {
    server.close();
    throw error;
  }
  return { [Symbol.asyncDispose]: () => drain(server) };
}

/** The file stays: by then it may be another agent's. */
async function drain(server: Server): Promise<void> {
  const closed = new Promise(resolve => server.close(resolve));
  const timer = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  await closed;
  clearTimeout(timer);
}

/** Whoever can connect can ask for any instance's metadata: only the proxies shall. */
async function allow(path: string, options: SocketOptions): Promise<void> {
  if (options.group !== undefined) await chown(path, -1, options.group);
  await chmod(path, options.mode ?? (options.group === undefined ? 0o600 : 0o660));
}

async function serve(respond: Respond, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const body = await readBody(request);
    const answer = body
      ? await respond({ method: request.method ?? 'GET', url: request.url ?? '/', body }, identityHeaders(request))
      : refusal(413, 'Request Entity Too Large');
    send(request, response, answer);
  } catch {
    send(request, response, refusal(500, 'An unknown error has occurred. Please try your request again.'));
  }
}

async function readBody(request: IncomingMessage): Promise<Uint8Array | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function identityHeaders(request: IncomingMessage): IdentityHeaders {
  const all = (name: string): readonly string[] => request.headersDistinct[name] ?? [];
  return { forwardedFor: all('x-forwarded-for'), networkIds: all('x-neutron-network-id'), routerIds: all('x-neutron-router-id') };
}

function send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  if (response.headersSent || response.destroyed) return;
  const body = typeof answer.body === 'string' ? Buffer.from(answer.body) : answer.body;
  // A body that was not read to its end would be taken for the next request.
  if (answer.status === 413) response.setHeader('Connection', 'close');
  response.writeHead(answer.status, { 'Content-Type': answer.type, 'Content-Length': body.length });
  response.end(request.method === 'HEAD' ? undefined : body);
}
