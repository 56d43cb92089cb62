// Names as numbers.
import { hash } from 'node:crypto';

/** 64 bits with a sign, as text: a lock of PostgreSQL. */
export function key64(name: string): string {
  return hash('sha1', name, 'buffer').readBigInt64BE(0).toString();
}

/** Below `slots`. */
export function slotOf(name: string, slots: number): number {
  return hash('sha1', name, 'buffer').readUInt32BE(0) % slots;
}
