// Frames on the socket: u32 length of the rest, u32 length of the header, header (JSON), body (text). Big-endian; the hub never
// parses a body, so that a message costs it one copy.

export interface Frame {
  readonly header: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** The peer does not speak our protocol; the connection cannot go on. */
export class FrameError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'FrameError';
  }
}

export const maxHeaderBytes = 16 * 1024;
export const defaultMaxFrameBytes = 64 * 1024 * 1024;

export function encodeFrame(header: object, body = ''): Buffer {
  const head = Buffer.from(JSON.stringify(header), 'utf8');
  const bodyBytes = Buffer.byteLength(body, 'utf8');
  const frame = Buffer.allocUnsafe(8 + head.length + bodyBytes);
  frame.writeUInt32BE(4 + head.length + bodyBytes, 0);
  frame.writeUInt32BE(head.length, 4);
  head.copy(frame, 8);
  frame.write(body, 8 + head.length, 'utf8');
  return frame;
}

/** Cuts a stream of bytes into frames; holds at most one frame that is not complete. Throws FrameError. */
export class FrameReader {
  private readonly maxBytes: number;
  private chunks: Buffer[] = [];
  private held = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  *push(chunk: Buffer): Generator<Frame> {
    this.chunks.push(chunk);
    this.held += chunk.length;
    for (;;) {
      const need = this.needed();
      if (need === undefined || this.held < need) return;
      yield parseFrame(this.cut(need));
    }
  }

  /** Bytes of the frame that comes, with its length; undefined when that is not known yet. */
  private needed(): number | undefined {
    if (this.held < 4) return undefined;
    if (this.chunks[0]!.length < 4) this.chunks = [Buffer.concat(this.chunks)];
    const length = this.chunks[0]!.readUInt32BE(0);
    if (length < 4 || length > this.maxBytes) throw new FrameError(`a frame of ${length} bytes; the limit is ${this.maxBytes}`);
    return 4 + length;
  }

  private cut(count: number): Buffer {
    const all = this.chunks.length === 1 ? this.chunks[0]! : Buffer.concat(this.chunks);
    this.held -= count;
    this.chunks = this.held > 0 ? [all.subarray(count)] : [];
    return all.subarray(4, count);
  }
}

function parseFrame(frame: Buffer): Frame {
  const length = frame.readUInt32BE(0);
  if (length > maxHeaderBytes || 4 + length > frame.length)
    throw new FrameError(`a header of ${length} bytes in a frame of ${frame.length}`);
  let header: unknown;
  try {
    header = JSON.parse(frame.toString('utf8', 4, 4 + length));
  } catch {
    throw new FrameError('the header is not JSON');
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) throw new FrameError('the header is not an object');
  return { header: header as Record<string, unknown>, body: frame.toString('utf8', 4 + length) };
}
