// The control socket of a running Weft: JSON over HTTP, for the owner of the state directory only.
import { rmSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';

const { createServer } = process.getBuiltinModule('node:http');

/** Answers with a status and a JSON body; throw ControlError for a refusal in words. */
export type ControlHandler = (body: unknown, name: string) => Promise<unknown>;
/** `GET /status`; a path that ends in `/*` takes one more segment. */
export type ControlRoutes = Readonly<Record<string, ControlHandler>>;

export class ControlError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const maxBody = 4 * 1024 * 1024;

export async function openControl(path: string, routes: ControlRoutes, onError: (error: unknown) => void): Promise<AsyncDisposable> {
  const server = createServer((request, reply) => {
    void answer(request, routes)
      .then(({ status, body }) => send(reply, status, body))
      .catch((error: unknown) => {
        if (!(error instanceof ControlError)) onError(error);
        const status = error instanceof ControlError ? error.status : 500;
        send(reply, status, { error: error instanceof Error ? error.message : String(error) });
      });
  });
  // The lock of the state directory is ours, so whatever socket is here is a dead one.
  rmSync(path, { force: true });
  const before = process.umask(0o177);
  try {
    server.listen(path);
  } finally {
    process.umask(before);
  }
  await new Promise<void>((resolve, reject) => {
    server.once('listening', resolve);
    server.once('error', reject);
  });
  return {
    async [Symbol.asyncDispose]() {
      const closed = new Promise(resolve => server.close(resolve));
      // Answers on their way may finish; idle connections may not keep us.
      server.closeIdleConnections();
      setTimeout(() => server.closeAllConnections(), 300).unref();
      await closed;
    },
  };
}

async function answer(request: IncomingMessage, routes: ControlRoutes): Promise<{ status: number; body: unknown }> {
  const { pathname } = new URL(request.url ?? '/', 'http://control');
  const cut = pathname.lastIndexOf('/');
  const exact = routes[`${request.method} ${pathname}`];
  const below = routes[`${request.method} ${pathname.slice(0, cut)}/*`];
  const handler = exact ?? below;
  if (!handler) throw new ControlError(404, `the control socket has no ${request.method} ${pathname}`);
  const body = await readBody(request);
  return { status: 200, body: (await handler(body, exact ? '' : decodeURIComponent(pathname.slice(cut + 1)))) ?? {} };
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBody) throw new ControlError(413, `more than ${maxBody} bytes`);
    chunks.push(chunk);
  }
  if (size === 0) return {};
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw new ControlError(400, 'not JSON');
  }
}

function send(reply: ServerResponse, status: number, body: unknown): void {
  reply.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
  reply.end(JSON.stringify(body));
}
