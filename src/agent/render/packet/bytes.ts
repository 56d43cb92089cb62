// A packet's bytes, one after the other. Who reads looks at `left` first.
import { formatMac } from '../../../domain/net/mac.ts';

export class Bytes {
  private readonly view: DataView;
  private at = 0;

  constructor(data: Uint8Array) {
    this.view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  }

  get left(): number {
    return this.view.byteLength - this.at;
  }

  private take(length: number): number {
    const at = this.at;
    this.at += length;
    return at;
  }

  skip(length: number): void {
    this.take(length);
  }

  u8(): number {
    return this.view.getUint8(this.take(1));
  }

  u16(): number {
    return this.view.getUint16(this.take(2));
  }

  u32(): number {
    return this.view.getUint32(this.take(4));
  }

  bits(bytes: number): bigint {
    let value = 0n;
    for (let n = 0; n < bytes; n++) value = (value << 8n) | BigInt(this.u8());
    return value;
  }

  mac(): string {
    return formatMac(this.bits(6));
  }

  hex(length: number): string {
    return Array.from({ length }, () => this.u8().toString(16).padStart(2, '0')).join('');
  }

  /** The next bytes, which are then passed. */
  part(length: number): Bytes {
    const { buffer, byteOffset } = this.view;
    return new Bytes(new Uint8Array(buffer, byteOffset + this.take(length), length));
  }
}
