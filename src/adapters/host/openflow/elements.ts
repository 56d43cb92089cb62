// What all actions on the wire are made of: a head with a length, numbers within their bounds, Nicira's own head.
import { BadFlow, ones } from '../../../domain/openflow/values.ts';
import type { Writer } from './bytes.ts';
import { ACTION, NICIRA } from './wire.ts';

/** The length into the header that was begun at `start`. */
export function closed(w: Writer, start: number): void {
  const length = w.length - start;
  if (length > 0xffff) throw new BadFlow('more actions than a message holds');
  w.setU16(start + 2, length);
}

export function number(what: string, value: number, max: number, min = 0): number {
  if (!Number.isInteger(value) || value < min || value > max) throw new BadFlow(`${what} ${value} is not within ${min}..${max}`);
  return value;
}

export function wide(value: bigint, bits: number): bigint {
  if (value < 0n || value > ones(bits)) throw new BadFlow(`0x${value.toString(16)} does not fit ${bits} bits`);
  return value;
}

/** Begins a Nicira action; its length is set by `body`'s end, filled up to eight bytes. */
export function nicira(w: Writer, subtype: number, body: () => void): void {
  const start = w.length;
  w.u16(ACTION.experimenter).u16(0).u32(NICIRA).u16(subtype);
  body();
  w.pad8(start);
  closed(w, start);
}

export const packed = (offset: number, bits: number): number => (offset << 6) | (bits - 1);
