// A stream of bytes into OpenFlow messages, however the pieces arrive.
import { Garbled, Reader } from './bytes.ts';

export interface Message {
  readonly version: number;
  readonly type: number;
  readonly xid: number;
  readonly body: Reader;
}

const HEADER = 8;

export class Frames {
  private pieces: Buffer[] = [];
  private size = 0;

  /** The messages that this piece completes. Throws Garbled for a length that cannot be. */
  push(piece: Buffer): Message[] {
    this.pieces.push(piece);
    this.size += piece.length;
    if (this.size < HEADER) return [];
    const buffer = this.pieces.length === 1 ? piece : Buffer.concat(this.pieces);
    const out: Message[] = [];
    let at = 0;
    while (buffer.length - at >= HEADER) {
      const length = buffer.readUInt16BE(at + 2);
      if (length < HEADER) throw new Garbled(`a message of ${length} bytes`);
      if (buffer.length - at < length) break;
      out.push({
        version: buffer.readUInt8(at),
        type: buffer.readUInt8(at + 1),
        xid: buffer.readUInt32BE(at + 4),
        body: new Reader(buffer, at + HEADER, at + length),
      });
      at += length;
    }
    this.pieces = at < buffer.length ? [buffer.subarray(at)] : [];
    this.size = buffer.length - at;
    return out;
  }
}
