// JSON texts on a stream of bytes, one behind the other without anything between (RFC 7047, section 4): cut where one ends, however they come.

/** The peer does not speak JSON-RPC; the connection cannot go on. */
export class StreamError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'StreamError';
  }
}

export const maxTextBytes = 64 * 1024 * 1024;

const quote = 0x22;
const backslash = 0x5c;
// Braces and brackets differ in one bit from one another.
const opening = 0x5b;
const closing = 0x5d;
const either = ~0x20;
const isBlank = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/** Holds at most one text that is not complete. Throws StreamError. */
export class JsonStream {
  private readonly maxBytes: number;
  private held: Buffer[] = [];
  private bytes = 0;
  private depth = 0;
  private inString = false;
  private escaped = false;

  constructor(maxBytes = maxTextBytes) {
    this.maxBytes = maxBytes;
  }

  *push(chunk: Buffer): Generator<unknown> {
    let from = 0;
    for (let at = 0; at < chunk.length; at++) {
      if (this.step(chunk[at]!)) {
        yield this.cut(chunk.subarray(from, at + 1));
        from = at + 1;
      } else if (this.depth === 0) from = at + 1; // white space between two texts
    }
    if (from < chunk.length) this.hold(chunk.subarray(from));
  }

  /** One byte further; whether a text ends with it. Bytes of a character beyond ASCII are never taken for one of these. */
  private step(byte: number): boolean {
    if (this.inString) {
      if (this.escaped) this.escaped = false;
      else if (byte === backslash) this.escaped = true;
      else if (byte === quote) this.inString = false;
      return false;
    }
    if ((byte & either) === opening) this.depth++;
    else if ((byte & either) === closing) return --this.depth === 0 || this.fail(this.depth < 0, byte);
    else if (byte === quote && this.depth > 0) this.inString = true;
    else if (this.depth === 0) this.fail(!isBlank(byte), byte);
    return false;
  }

  private fail(wrong: boolean, byte: number): false {
    if (wrong) throw new StreamError(`byte 0x${byte.toString(16).padStart(2, '0')} where an object is to begin`);
    return false;
  }

  private hold(part: Buffer): void {
    this.bytes += part.length;
    if (this.bytes > this.maxBytes) throw new StreamError(`a message of more than ${this.maxBytes} bytes`);
    this.held.push(part);
  }

  private cut(part: Buffer): unknown {
    this.hold(part);
    const text = Buffer.concat(this.held);
    this.held = [];
    this.bytes = 0;
    try {
      return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text));
    } catch (error) {
      throw new StreamError(`not JSON: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
