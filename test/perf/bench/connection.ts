// One HTTP/1.1 connection that stays open, as cheap as it can be: on two processors the client must not be what is measured.
import { connect, type Socket } from 'node:net';

export interface Reply {
  /** 0 where there was no answer. */
  readonly status: number;
  readonly ms: number;
  /** Of the body. */
  readonly bytes: number;
  /** As it came, without its head; put together when it is read. */
  readonly body: Buffer;
}

/** Most bodies are counted and not read: a list comes in many pieces, and joining them would cost as much as its way here. */
class Answer implements Reply {
  readonly status: number;
  readonly ms: number;
  readonly bytes: number;
  private readonly parts: readonly Buffer[];
  private readonly from: number;

  /** The body is the last `bytes` of what begins at `from` in `parts`. */
  constructor(status: number, ms: number, { parts, from, bytes }: Body) {
    this.status = status;
    this.ms = ms;
    this.parts = parts;
    this.from = from;
    this.bytes = bytes;
  }

  get body(): Buffer {
    return (this.parts.length === 1 ? this.parts[0]! : Buffer.concat(this.parts)).subarray(this.from, this.from + this.bytes);
  }
}

interface Body {
  readonly parts: readonly Buffer[];
  readonly from: number;
  readonly bytes: number;
}

interface Head {
  readonly status: number;
  readonly length: number | undefined;
  readonly closes: boolean;
  /** Where the body begins. */
  readonly at: number;
}

const nothing: Body = { parts: [], from: 0, bytes: 0 };
const timeoutMs = 180_000;

/** Asks one thing after the other. */
export class Connection implements Disposable {
  private readonly host: string;
  private readonly port: number;
  private readonly common: string;
  private readonly token: string;
  private socket: Socket | undefined;
  private parts: Buffer[] = [];
  private size = 0;
  private head: Head | undefined;
  private answered: ((status: number, body: Body) => void) | undefined;

  constructor(url: string, token: string) {
    const { hostname, port } = new URL(url);
    this.host = hostname;
    this.port = Number(port);
    this.common = `Host: ${hostname}:${port}\r\nAccept: application/json\r\n`;
    this.token = token;
  }

  [Symbol.dispose](): void {
    this.socket?.destroy();
  }

  ask(method: string, path: string, body?: object, token = this.token): Promise<Reply> {
    const began = performance.now();
    const text = body === undefined ? '' : JSON.stringify(body);
    const more = body === undefined ? '' : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n`;
    return new Promise<Reply>(resolve => {
      this.answered = (status, its) => resolve(new Answer(status, performance.now() - began, its));
      this.open().write(`${method} ${path} HTTP/1.1\r\n${this.common}X-Auth-Token: ${token}\r\n${more}\r\n${text}`);
    });
  }

  private open(): Socket {
    if (this.socket && !this.socket.destroyed) return this.socket;
    const socket = connect({ host: this.host, port: this.port, noDelay: true, timeout: timeoutMs });
    socket.on('data', chunk => this.take(chunk));
    socket.on('timeout', () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      if (this.socket === socket) this.answer(0, nothing);
    });
    this.socket = socket;
    return socket;
  }

  private take(chunk: Buffer): void {
    this.parts.push(chunk);
    this.size += chunk.length;
    if (!this.head) {
      const so = this.parts.length === 1 ? chunk : Buffer.concat(this.parts);
      this.parts = [so];
      this.head = headOf(so);
    }
    if (!this.head) return;
    const { at, length, status, closes } = this.head;
    const body = length === undefined ? chunked(Buffer.concat(this.parts).subarray(at)) : this.counted(at, length);
    if (!body) return;
    this.answer(status, body);
    if (closes) this.socket?.destroy();
  }

  private counted(from: number, bytes: number): Body | undefined {
    return this.size < from + bytes ? undefined : { parts: this.parts, from, bytes };
  }

  private answer(status: number, body: Body): void {
    const { answered } = this;
    this.parts = [];
    this.size = 0;
    this.head = undefined;
    this.answered = undefined;
    answered?.(status, body);
  }
}

function headOf(bytes: Buffer): Head | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const text = bytes.toString('latin1', 0, end).toLowerCase();
  const status = Number(text.slice(9, 12));
  const length = /\r\ncontent-length: *(\d+)/.exec(text)?.[1];
  const bodiless = status === 204 || status === 304;
  const isChunked = /\r\ntransfer-encoding: *chunked/.test(text);
  return {
    status,
    length: bodiless ? 0 : isChunked ? undefined : Number(length ?? 0),
    closes: /\r\nconnection: *close/.test(text),
    at: end + 4,
  };
}

/** The whole body, once all of its chunks are there. */
function chunked(bytes: Buffer): Body | undefined {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const line = bytes.indexOf('\r\n', at);
    if (line < 0) return undefined;
    const length = Number.parseInt(bytes.toString('latin1', at, line), 16);
    const next = line + 2 + length + 2;
    if (bytes.length < next) return undefined;
    if (length === 0) return { parts, from: 0, bytes: parts.reduce((sum, part) => sum + part.length, 0) };
    parts.push(bytes.subarray(line + 2, line + 2 + length));
    at = next;
  }
}
