// An answer onto its connection. The framework has let go of it: what it would look at again for each answer is known here.
import type { ServerResponse } from 'node:http';
import { pipeline, type Readable } from 'node:stream';
import { jsonBody } from './json.ts';
import type { Reply } from './reply.ts';

type Headers = Readonly<Record<string, string>>;

/** Bytes. Head and body of a shorter answer are one text, and so one piece for the connection. */
const short = 16_384;

export function write(to: ServerResponse, { status, json, text }: Reply, headers: Headers): void {
  if (json === undefined || text !== undefined) {
    whole(to, status, headers, text);
    return;
  }
  const typed = { ...headers, 'content-type': 'application/json' };
  const body = jsonBody(json);
  if (typeof body === 'string') whole(to, status, typed, body);
  else if (body instanceof Uint8Array) whole(to, status, typed, body.length < short ? decoder.decode(body) : body);
  else streamed(to, status, typed, body);
}

const decoder = new TextDecoder();

function whole(to: ServerResponse, status: number, headers: Headers, body: string | Uint8Array | undefined): void {
  // What has no body to a HEAD has one to a GET, whose length nobody knows.
  const isSilent = status === 204 || (body === undefined && to.req.method === 'HEAD');
  const length = isSilent ? {} : { 'content-length': String(typeof body === 'string' ? Buffer.byteLength(body) : (body?.length ?? 0)) };
  to.writeHead(status, { ...headers, ...length });
  to.end(body);
}

/** Whoever goes away meanwhile ends it. */
function streamed(to: ServerResponse, status: number, headers: Headers, body: Readable): void {
  // Who has gone already is no error either.
  if (to.destroyed) {
    body.destroy();
    return;
  }
  to.writeHead(status, headers);
  pipeline(body, to, error => {
    if (error) to.destroy();
  });
}
