// What the comparison knows of JSON: objects, what identifies them, and a text that does not depend on the order of keys.
import type { Json } from '../recorded.ts';

export type Members = Readonly<Record<string, Json>>;

export const isMembers = (value: Json | undefined): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
export const isList = (value: Json | undefined): value is readonly Json[] => Array.isArray(value);

/** What an object of a list is told by; what counts addresses has no id of its own. */
export function idOf(value: Json | undefined): Json | undefined {
  if (!isMembers(value)) return undefined;
  return value['id'] ?? ('used_ips' in value ? (value['subnet_id'] ?? value['network_id']) : undefined);
}

/** As text, whatever the order of its keys. */
export function canonical(value: Json): string {
  if (isList(value)) return `[${value.map(canonical).join()}]`;
  if (!isMembers(value)) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, one]) => `${JSON.stringify(key)}:${canonical(one)}`).join()}}`;
}

/** Every object within, the value itself included. */
export function* objectsIn(value: Json): Generator<Members> {
  if (isMembers(value)) yield value;
  if (typeof value !== 'object' || value === null) return;
  for (const inner of Object.values(value)) yield* objectsIn(inner as Json);
}
