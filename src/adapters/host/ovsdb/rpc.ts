// One connection that speaks JSON-RPC 1.0 with ovsdb-server, from its first byte to its end. It is never reopened: a session makes a new one.
import type { Duplex } from 'node:stream';
import type { Clock } from '../../../engine/clock.ts';
import { JsonStream } from './json-stream.ts';
import { OvsdbProtocolError, record } from './values.ts';

export interface RpcOptions {
  readonly clock: Clock;
  /** Silence for that long is probed, and a second time ends the connection; 0 is never. */
  readonly probeMs: number;
  readonly maxTextBytes?: number;
  /** Every notification but echo, in order. What it throws ends the connection. */
  readonly notified: (method: string, params: readonly unknown[]) => void;
}

/** The answer was an error: `error` is its word. */
export class RpcError extends Error {
  readonly error: string;
  constructor(error: string, details: string) {
    super(details === '' ? error : `${error}: ${details}`);
    this.name = 'RpcError';
    this.error = error;
  }
}

/** The connection ended, or the answer did not come in time. */
export class RpcLost extends Error {
  constructor(why: string) {
    super(why);
    this.name = 'RpcLost';
  }
}

interface Asked {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** What the peer has not read by then waits here, not in the socket's memory. */
const maxUnsentBytes = 4 * 1024 * 1024;

export class Rpc {
  /** Settles once, with the reason. */
  readonly ended: Promise<string>;
  private readonly stream: Duplex;
  private readonly options: RpcOptions;
  private readonly asked = new Map<number, Asked>();
  private readonly over = new AbortController();
  private readonly end: (why: string) => void;
  private lastId = 0;
  private heardAt: number;
  private probed = false;
  private drained: Promise<void> | undefined;

  /** The stream is connected. */
  constructor(stream: Duplex, options: RpcOptions) {
    this.stream = stream;
    this.options = options;
    this.heardAt = options.clock.now();
    const { promise, resolve } = Promise.withResolvers<string>();
    this.ended = promise;
    this.end = why => {
      if (this.over.signal.aborted) return;
      this.over.abort();
      stream.destroy();
      for (const { reject } of this.asked.values()) reject(new RpcLost(why));
      this.asked.clear();
      resolve(why);
    };
    this.listen(new JsonStream(options.maxTextBytes));
    if (options.probeMs > 0) void this.probe(options.probeMs);
  }

  /** Rejects with RpcError when the peer answers so, with RpcLost when there is no answer within the time. */
  async call(method: string, params: readonly unknown[], timeoutMs: number): Promise<unknown> {
    const { clock } = this.options;
    const answered = new AbortController();
    const late = clock.sleep(timeoutMs, AbortSignal.any([answered.signal, this.over.signal])).then(() => {
      if (!answered.signal.aborted)
        throw new RpcLost(this.over.signal.aborted ? 'the connection ended' : `no answer within ${timeoutMs} ms`);
    });
    const id = ++this.lastId;
    const answer = new Promise<unknown>((resolve, reject) => this.asked.set(id, { resolve, reject }));
    answer.catch(() => {});
    late.catch(() => {});
    try {
      while (this.isFull) await Promise.race([this.roomier(), late]);
      if (this.over.signal.aborted) throw new RpcLost(await this.ended);
      this.write({ method, params, id });
      return await Promise.race([answer, late]);
    } finally {
      answered.abort();
      this.asked.delete(id);
    }
  }

  close(why = 'closed'): void {
    this.end(why);
  }

  private listen(texts: JsonStream): void {
    const { stream, options } = this;
    stream.on('data', (chunk: Buffer) => {
      this.heardAt = options.clock.now();
      this.probed = false;
      try {
        for (const text of texts.push(chunk)) {
          if (this.over.signal.aborted) return;
          this.hear(record(text));
        }
      } catch (error) {
        this.end(error instanceof Error ? error.message : String(error));
      }
    });
    stream.on('error', error => this.end(error.message));
    stream.on('close', () => this.end('the server closed the connection'));
    stream.on('end', () => this.end('the server closed the connection'));
  }

  private hear(text: Readonly<Record<string, unknown>>): void {
    if (typeof text['method'] === 'string') {
      const { method, params, id } = text;
      if (!Array.isArray(params)) throw new OvsdbProtocolError(`${method} without parameters`);
      if (method === 'echo') this.write({ result: params, error: null, id: id ?? null });
      else if (id === null || id === undefined) this.options.notified(method, params);
      else this.write({ result: null, error: { error: 'unknown method', details: 'this is a client' }, id });
      return;
    }
    const asked = this.asked.get(text['id'] as number);
    if (!asked) return; // an answer to what was given up
    if (text['error'] === null || text['error'] === undefined) asked.resolve(text['result']);
    else asked.reject(asError(text['error']));
  }

  private write(text: object): void {
    if (!this.over.signal.aborted) this.stream.write(`${JSON.stringify(text)}`);
  }

  private get isFull(): boolean {
    return this.stream.writableLength > maxUnsentBytes && !this.over.signal.aborted;
  }

  /** Until the peer has read some of what it was sent. Whoever waited looks again: others may have been sooner. */
  private roomier(): Promise<void> {
    this.drained ??= new Promise<void>(resolve => {
      this.stream.once('drain', resolve);
      this.over.signal.addEventListener('abort', () => resolve(), { once: true });
    }).finally(() => {
      this.drained = undefined;
    });
    return this.drained;
  }

  private async probe(everyMs: number): Promise<void> {
    const { clock } = this.options;
    while (!this.over.signal.aborted) {
      await clock.sleep(everyMs, this.over.signal);
      if (clock.now() - this.heardAt < everyMs) continue;
      if (this.probed) this.end(`nothing heard for ${clock.now() - this.heardAt} ms`);
      this.probed = true;
      this.write({ method: 'echo', params: [], id: 'echo' });
    }
  }
}

function asError(error: unknown): RpcError {
  if (typeof error === 'string') return new RpcError(error, '');
  const { error: word, details } = record(error);
  return new RpcError(String(word), typeof details === 'string' ? details : '');
}
