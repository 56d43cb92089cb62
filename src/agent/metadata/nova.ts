// The nova backend: passes a request on to Nova's metadata API, signed, and its answer back.
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import type { AgentOptions as HttpsAgentOptions } from 'node:https';
import type { NovaMetadata } from '../context.ts';
import { type Answer, type MetadataRequest, notFound, refusal } from './answer.ts';
import type { Asker } from './identity.ts';

const { Agent: HttpAgent, request: httpRequest } = process.getBuiltinModule('node:http');
const { Agent: HttpsAgent, request: httpsRequest } = process.getBuiltinModule('node:https');

export interface NovaBackend extends NovaMetadata {
  /** Default 60 000. */
  readonly timeoutMs?: number;
}

/** Statuses of Nova that an instance gets to see; anything else is our failure. */
const PASSED: ReadonlySet<number> = new Set([400, 403, 404, 409, 500, 502, 503, 504]);
const MAX_ANSWER = 16 * 1024 * 1024;

export function novaBackend(backend: NovaBackend): (request: MetadataRequest, asker: Asker) => Promise<Answer> {
  const secure = backend.url.startsWith('https:');
  const agent = secure ? new HttpsAgent({ keepAlive: true, ...tlsOf(backend) }) : new HttpAgent({ keepAlive: true });
  return async (request, asker) => {
    const instance = String(asker.port['device_id'] ?? '');
    if (instance === '') return notFound;
    const headers = {
      'X-Forwarded-For': asker.address,
      'X-Instance-ID': instance,
      'X-Tenant-ID': String(asker.port['project_id'] ?? asker.port['tenant_id'] ?? ''),
      'X-Instance-ID-Signature': createHmac('sha256', backend.secret).update(instance).digest('hex'),
      ...(request.body.length > 0 ? { 'Content-Length': String(request.body.length) } : {}),
    };
    const signal = AbortSignal.timeout(backend.timeoutMs ?? 60_000);
    const url = new URL(backend.url);
    // The instance's path goes behind our address; an absolute URL of its own would not.
    const path = request.url.startsWith('/') ? request.url : `/${request.url}`;
    try {
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        const options = {
          agent,
          signal,
          method: request.method,
          headers,
          host: url.hostname.replace(/^\[|\]$/g, ''),
          path,
          port: url.port,
        };
        const sent = (secure ? httpsRequest : httpRequest)(options, resolve);
        sent.on('error', reject);
        sent.end(request.body);
      });
      return await pass(answer);
    } catch (error) {
      return refusal(503, `The metadata service is not available: ${error instanceof Error ? error.name : 'error'}`);
    }
  };
}

/** Files are read at the start: what is wrong with them is told then. */
function tlsOf({ tls = {} }: NovaBackend): HttpsAgentOptions {
  const read = (path: string | undefined): Buffer | undefined => (path === undefined ? undefined : readFileSync(path));
  const [ca, cert, key] = [tls.caFile, tls.certFile, tls.keyFile].map(read);
  return { ...(ca ? { ca } : {}), ...(cert ? { cert } : {}), ...(key ? { key } : {}), rejectUnauthorized: tls.insecure !== true };
}

async function pass(answer: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_ANSWER) throw new Error('answer too large');
    chunks.push(chunk);
  }
  const status = answer.statusCode ?? 500;
  if (status === 200) return { status, type: answer.headers['content-type'] ?? 'text/plain', body: Buffer.concat(chunks) };
  return PASSED.has(status) ? refusal(status, answer.statusMessage ?? '') : refusal(500, 'Unexpected answer of the metadata service');
}
