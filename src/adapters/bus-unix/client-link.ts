// One connection of a client to the hub, from hello to its end. It is never reopened: the transport makes a new one.
import { createConnection, type Socket } from 'node:net';
import { BusUnavailable } from '../../contracts/bus.ts';
import { encodeFrame, type Frame, FrameError, FrameReader } from './frames.ts';
import { type ClientSays, protocolVersion } from './protocol.ts';

type Ask = Extract<ClientSays, { id: number }> extends infer Said ? (Said extends unknown ? Omit<Said, 'id'> : never) : never;

export interface LinkEvents {
  deliver(subscription: number, body: string, expiresAt: number | undefined): void;
  /** Once, after the hub's welcome; with the reason. */
  down(why: string): void;
}

export class ClientLink {
  private readonly socket: Socket;
  private readonly events: LinkEvents;
  private readonly asked = new Map<number, { resolve(): void; reject(error: Error): void }>();
  private lastId = 0;
  private ended = false;

  private constructor(socket: Socket, reader: FrameReader, events: LinkEvents) {
    this.socket = socket;
    this.events = events;
    socket.on('data', chunk => this.hear(reader, chunk));
    socket.on('error', () => {});
    socket.on('close', () => this.end('the connection to the hub ended'));
  }

  /** Connects and exchanges greetings. Rejects when nobody listens, or the hub speaks another version. */
  static async open(
    path: string,
    options: { name: string; maxFrameBytes: number; events: LinkEvents; signal: AbortSignal },
  ): Promise<ClientLink> {
    const socket = createConnection(path);
    const reader = new FrameReader(options.maxFrameBytes);
    const stop = (): void => void socket.destroy(new Error('no answer from the hub'));
    options.signal.addEventListener('abort', stop, { once: true });
    try {
      if (options.signal.aborted) stop();
      await greeting(socket, reader, options.name.slice(0, 255));
    } catch (error) {
      socket.destroy();
      throw error;
    } finally {
      options.signal.removeEventListener('abort', stop);
    }
    for (const event of ['data', 'error', 'close', 'connect']) socket.removeAllListeners(event);
    if (socket.destroyed) throw new Error('the hub closed the connection');
    return new ClientLink(socket, reader, options.events);
  }

  get alive(): boolean {
    return !this.ended;
  }

  /** Bytes that the socket has not taken yet. */
  get unsentBytes(): number {
    return this.socket.writableLength;
  }

  /** The number of the request, and a promise of the hub's `done`. */
  ask(said: Ask, body?: string): { readonly id: number; readonly done: Promise<void> } {
    const id = ++this.lastId;
    const done = new Promise<void>((resolve, reject) => {
      if (this.ended) reject(new BusUnavailable('the connection to the hub ended'));
      else this.asked.set(id, { resolve, reject });
    });
    if (!this.ended) this.socket.write(encodeFrame({ ...said, id }, body));
    return { id, done };
  }

  took(subscription: number, count: number): void {
    if (!this.ended) this.socket.write(encodeFrame({ op: 'took', subscription, count } satisfies ClientSays));
  }

  /** Sends what is still to be sent, and ends. */
  async close(): Promise<void> {
    if (this.ended) return;
    const closed = new Promise<void>(resolve => this.socket.once('close', () => resolve()));
    this.socket.end();
    // A hub that does not read must not keep us.
    const timer = setTimeout(() => this.socket.destroy(), 500);
    this.socket.once('finish', () => this.socket.destroy());
    await closed;
    clearTimeout(timer);
  }

  private hear(reader: FrameReader, chunk: Buffer): void {
    try {
      for (const frame of reader.push(chunk)) this.act(frame);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.socket.destroy();
      this.end(`malformed: ${error.message}`);
    }
  }

  private act({ header, body }: Frame): void {
    const { op, id, subscription, expires_at, why } = header;
    if (op === 'deliver' && typeof subscription === 'number') {
      this.events.deliver(subscription, body, typeof expires_at === 'number' ? expires_at : undefined);
      return;
    }
    const asked = typeof id === 'number' ? this.asked.get(id) : undefined;
    if ((op !== 'done' && op !== 'refused') || !asked) throw new FrameError(`unexpected ${String(op)}`);
    this.asked.delete(id as number);
    if (op === 'done') asked.resolve();
    else asked.reject(new BusUnavailable(`refused by the hub: ${String(why)}`));
  }

  private end(why: string): void {
    if (this.ended) return;
    this.ended = true;
    for (const { reject } of this.asked.values()) reject(new BusUnavailable(why));
    this.asked.clear();
    this.events.down(why);
  }
}

function greeting(socket: Socket, reader: FrameReader, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the hub closed the connection')));
    socket.on('connect', () => socket.write(encodeFrame({ op: 'hello', version: protocolVersion, name } satisfies ClientSays)));
    socket.on('data', chunk => {
      try {
        // The hub says nothing more before it is asked, so no second frame can follow in this chunk.
        for (const { header } of reader.push(chunk)) {
          if (header['op'] !== 'welcome' || header['version'] !== protocolVersion)
            throw new FrameError(`unexpected ${String(header['op'])}, version ${String(header['version'])}`);
          resolve();
        }
      } catch (error) {
        reject(error);
      }
    });
  });
}
