// Texts and ids: what every reader of attributes builds on.
import { pyStr } from './python.ts';

/** A validator's refusal; the caller adds which attribute it was. */
export class Invalid extends Error {}

export function refuse(reason: string): never {
  throw new Invalid(reason);
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export function isUuid(value: unknown): value is string {
  return typeof value === 'string' && value.length === 36 && uuid.test(value);
}

export function readString(value: unknown, max?: number): string {
  if (typeof value !== 'string') return refuse(`'${pyStr(value)}' is not a valid string.`);
  if (max !== undefined && isLonger(value, max)) return refuse(`'${value}' exceeds maximum length of ${max}.`);
  // Stores have U+FFFD for half a pair of surrogates: what is answered without a look at them is the same.
  return value.toWellFormed();
}

/** In code points; a text that is far too long is not taken apart for that. */
function isLonger(text: string, max: number): boolean {
  return text.length > max && (text.length > 2 * max || [...text].length > max);
}

export function readFilled(value: unknown, max?: number): string {
  const text = readString(value, max);
  return text.trim() === '' ? refuse(`'${text}' Blank strings are not permitted.`) : text;
}
