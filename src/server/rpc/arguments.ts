// Arguments of agents' calls, read strictly: a peer's mistake is named, and never reaches the store.
import { type Json, RpcFailure } from '../../contracts/bus.ts';

export type Args = Readonly<Record<string, Json>>;

const wrong = (name: string, what: string): Error => new RpcFailure('InvalidInput', `Invalid input for operation: ${name} is not ${what}.`);

export function text(args: Args, name: string): string {
  const value = args[name];
  if (typeof value !== 'string') throw wrong(name, 'a string');
  return value;
}

export function texts(args: Args, name: string): string[] {
  const value = args[name] ?? [];
  if (!Array.isArray(value) || !value.every(v => typeof v === 'string')) throw wrong(name, 'a list of strings');
  return value as string[];
}

export function record(value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(name, 'an object');
  return value as Record<string, unknown>;
}
