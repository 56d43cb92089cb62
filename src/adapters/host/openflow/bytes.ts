// Reading and writing of big-endian bytes. A reader never leaves its part, whatever the lengths in it say.

/** The switch sent what cannot be: a length that lies, an answer that ends too early. */
export class Garbled extends Error {
  constructor(what: string) {
    super(`garbled answer: ${what}`);
    this.name = 'Garbled';
  }
}

/** Actions within actions: what is deeper than anybody writes could end the program. */
const DEEPEST = 32;

export class Reader {
  private readonly buffer: Buffer;
  private at: number;
  private readonly end: number;
  private readonly depth: number;

  constructor(buffer: Buffer, at = 0, end = buffer.length, depth = 0) {
    this.buffer = buffer;
    this.at = at;
    this.end = end;
    this.depth = depth;
  }

  get left(): number {
    return this.end - this.at;
  }

  private take(length: number): number {
    if (length < 0 || length > this.left) throw new Garbled(`${length} bytes wanted where ${this.left} are left`);
    const at = this.at;
    this.at += length;
    return at;
  }

  skip(length: number): void {
    this.take(length);
  }

  u8(): number {
    return this.buffer.readUInt8(this.take(1));
  }

  u16(): number {
    return this.buffer.readUInt16BE(this.take(2));
  }

  u32(): number {
    return this.buffer.readUInt32BE(this.take(4));
  }

  u64(): bigint {
    return this.buffer.readBigUInt64BE(this.take(8));
  }

  bits(bytes: number): bigint {
    const at = this.take(bytes);
    if (bytes <= 6) return bytes === 0 ? 0n : BigInt(this.buffer.readUIntBE(at, bytes));
    return BigInt(`0x${this.buffer.toString('hex', at, at + bytes)}`);
  }

  bytes(length: number): Buffer {
    const at = this.take(length);
    return this.buffer.subarray(at, at + length);
  }

  /** A reader of the next bytes, which are then passed. */
  part(length: number): Reader {
    const at = this.take(length);
    if (this.depth >= DEEPEST) throw new Garbled('parts within parts without end');
    return new Reader(this.buffer, at, at + length, this.depth + 1);
  }

  /** A reader of the same place. */
  copy(): Reader {
    return new Reader(this.buffer, this.at, this.end, this.depth);
  }

  hex(length: number): string {
    return this.bytes(length).toString('hex');
  }
}

export class Writer {
  private buffer: Buffer;
  length = 0;

  constructor(size = 256) {
    this.buffer = Buffer.alloc(size);
  }

  /** The place of so many more bytes; the buffer may be another one afterwards. */
  private grow(more: number): number {
    const at = this.length;
    this.length += more;
    if (this.length > this.buffer.length) {
      const larger = Buffer.alloc(Math.max(2 * this.buffer.length, this.length));
      this.buffer.copy(larger, 0, 0, at);
      this.buffer = larger;
    }
    return at;
  }

  u8(value: number): this {
    const at = this.grow(1);
    this.buffer.writeUInt8(value, at);
    return this;
  }

  u16(value: number): this {
    const at = this.grow(2);
    this.buffer.writeUInt16BE(value, at);
    return this;
  }

  u32(value: number): this {
    const at = this.grow(4);
    this.buffer.writeUInt32BE(value, at);
    return this;
  }

  u64(value: bigint): this {
    const at = this.grow(8);
    this.buffer.writeBigUInt64BE(value, at);
    return this;
  }

  bits(value: bigint, bytes: number): this {
    const at = this.grow(bytes);
    if (bytes <= 6) {
      if (bytes > 0) this.buffer.writeUIntBE(Number(value), at, bytes);
      return this;
    }
    let rest = value;
    for (let i = at + bytes - 1; i >= at; i--) {
      this.buffer[i] = Number(rest & 0xffn);
      rest >>= 8n;
    }
    return this;
  }

  zeros(bytes: number): this {
    this.grow(bytes);
    return this;
  }

  hex(text: string): this {
    const at = this.grow(text.length / 2);
    this.buffer.write(text, at, 'hex');
    return this;
  }

  /** Zeros up to a multiple of eight bytes from `start`. */
  pad8(start: number): this {
    return this.zeros((8 - ((this.length - start) % 8)) % 8);
  }

  setU16(at: number, value: number): void {
    this.buffer.writeUInt16BE(value, at);
  }

  /** Begins anew; what is filled up with zeros may then hold what was there. */
  forget(): this {
    this.length = 0;
    return this;
  }

  /** What was written; later writing does not change it. */
  done(): Buffer {
    return this.buffer.subarray(0, this.length);
  }
}
