// Requests and replies as oslo.messaging writes them: JSON text inside a JSON envelope of version 2.0.
import type { Json, RpcContext } from '../../contracts/bus.ts';
import { contextFromWire, contextToWire } from './context.ts';

export interface Request {
  readonly method: string;
  readonly args: Readonly<Record<string, Json>>;
  /** major.minor; a message without one means 1.0. */
  readonly version: string;
  readonly namespace: string | null;
  readonly context: RpcContext;
  /** Both are there for a call and absent for a cast. */
  readonly msgId: string | undefined;
  readonly replyQueue: string | undefined;
  /** `_timeout`: seconds within which the caller wants to hear that we are still at it; null in Neutron. */
  readonly monitorSeconds: number | null;
  readonly uniqueId: string | undefined;
}

export interface Reply {
  readonly msgId: string;
  readonly result: Json;
  /** JSON text, see failure.ts. */
  readonly failure: string | null;
  /** False: more is to come. */
  readonly ending: boolean;
  readonly uniqueId: string | undefined;
}

/** The body is not an oslo.messaging message. */
export class Malformed extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'Malformed';
  }
}

export interface Outgoing {
  readonly method: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly version: string | undefined;
  readonly namespace: string | undefined;
  readonly context: RpcContext;
  readonly uniqueId: string;
  /** For a call. */
  readonly reply?: { readonly msgId: string; readonly queue: string };
}

/** Throws TypeError when the arguments are not JSON (a cycle, a BigInt). */
export function packRequest(request: Outgoing, nowMs: number): string {
  const { method, args, version, namespace, reply } = request;
  return envelope({
    method,
    args,
    ...(namespace === undefined ? {} : { namespace }),
    version: version ?? '1.0',
    ...(reply ? { _msg_id: reply.msgId, _reply_q: reply.queue, _timeout: null } : {}),
    _unique_id: request.uniqueId,
    ...contextToWire(request.context, nowMs),
  });
}

/** `result` undefined means null. Throws TypeError when it is not JSON. */
export function packReply(reply: { msgId: string; result?: unknown; failure?: string; ending?: boolean; uniqueId: string }): string {
  const { msgId, result, failure = null, ending = true, uniqueId } = reply;
  return envelope({ result: result ?? null, failure, ending, _msg_id: msgId, _unique_id: uniqueId });
}

export function unpackRequest(body: string): Request {
  const payload = open(body);
  const { method, args = {}, version = '1.0', namespace = null } = payload;
  if (typeof method !== 'string') throw new Malformed('no method');
  if (!isRecord(args)) throw new Malformed('args is not an object');
  if (typeof version !== 'string') throw new Malformed('version is not text');
  if (namespace !== null && typeof namespace !== 'string') throw new Malformed('namespace is not text');
  const monitor = payload['_timeout'];
  return {
    method,
    args: args as Record<string, Json>,
    version,
    namespace,
    context: contextFromWire(payload),
    msgId: text(payload['_msg_id']),
    replyQueue: text(payload['_reply_q']),
    monitorSeconds: typeof monitor === 'number' && monitor > 0 ? monitor : null,
    uniqueId: text(payload['_unique_id']),
  };
}

export function unpackReply(body: string): Reply {
  const payload = open(body);
  const { result = null, failure = null, ending = false } = payload;
  const msgId = text(payload['_msg_id']);
  if (msgId === undefined) throw new Malformed('a reply without _msg_id');
  if (failure !== null && typeof failure !== 'string') throw new Malformed('failure is not text');
  return { msgId, result: result as Json, failure, ending: ending === true, uniqueId: text(payload['_unique_id']) };
}

export function envelope(payload: object): string {
  return JSON.stringify({ 'oslo.version': '2.0', 'oslo.message': JSON.stringify(payload) });
}

/** Old peers send the payload bare; an envelope of another major version is not for us. */
function open(body: string): Record<string, unknown> {
  const outer = parse(body);
  const version = outer['oslo.version'];
  const message = outer['oslo.message'];
  if (version === undefined || message === undefined) return outer;
  if (typeof version !== 'string' || !/^2\.\d+$/.test(version)) throw new Malformed(`envelope version ${JSON.stringify(version)}`);
  if (typeof message !== 'string') throw new Malformed('oslo.message is not text');
  return parse(message);
}

function parse(json: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new Malformed('not JSON');
  }
  if (!isRecord(value)) throw new Malformed('not an object');
  return value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
