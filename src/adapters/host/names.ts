// Checks of every word that reaches a tool's argument list or batch file: a bad one is refused here, before any process starts.
import { isIP } from 'node:net';
import { HostRefusal } from '../../contracts/host/firewall.ts';

/** Why a word was not let through; the batch renderers turn it into a Refusal. */
export class BadWord extends Error {
  constructor(what: string, word: string) {
    super(`${what} not allowed: ${JSON.stringify(word)}`);
    this.name = 'BadWord';
  }
}

/** The same as a door's refusal, for the doors that throw. */
export function vetted<T>(tool: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (error instanceof BadWord) throw new HostRefusal(tool, error.message);
    throw error;
  }
}

// The kernel allows more, but what it adds (quotes, #, %, @, :) means something to ip(8) or to the kernel's own name templates.
const DEVICE = /^[A-Za-z0-9_.+=,][A-Za-z0-9_.+=,-]{0,14}$/;
const NETNS = /^[A-Za-z0-9_.][A-Za-z0-9_.+=,:@-]{0,126}$/;
const MAC = /^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$/;

function checked(ok: boolean, what: string, word: string): string {
  if (!ok) throw new BadWord(what, word);
  return word;
}

export const device = (name: string): string => checked(DEVICE.test(name) && name !== '.' && name !== '..', 'device name', name);
export const netns = (name: string): string => checked(NETNS.test(name) && name !== '.' && name !== '..', 'namespace name', name);
export const mac = (text: string): string => checked(MAC.test(text), 'MAC address', text).toLowerCase();
export const ip = (text: string): string => checked(isIP(text) !== 0 && !text.includes('%'), 'IP address', text);

export function cidr(text: string): string {
  const [address = '', length, more] = text.split('/');
  const bits = isIP(address) === 4 ? 32 : 128;
  const ok = isIP(address) !== 0 && !address.includes('%') && more === undefined && (length === undefined || /^\d{1,3}$/.test(length));
  return checked(ok && Number(length ?? 0) <= bits, 'CIDR', text);
}

export function integer(value: number, low: number, high: number): string {
  return checked(Number.isInteger(value) && value >= low && value <= high, `number outside ${low}..${high}`, String(value));
}

export const nftTable = (name: string): string => checked(/^[A-Za-z_][\w./\\-]{0,127}$/.test(name), 'table name', name);

/** A bare word such as a route's scope or protocol. */
export const word = (text: string): string => checked(/^[A-Za-z0-9_]{1,32}$/.test(text), 'word', text);
