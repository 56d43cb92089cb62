// The profile of a binding as Nova and agents read it: what was given, and what attributes of the port add to it.
import type { Row } from '../../contracts/store.ts';
import type { Fields } from '../../model/kit/resource.ts';
import { port } from '../../model/port.ts';

type Profile = Record<string, unknown>;

const adding = Object.entries(port.fields as Fields).flatMap(([name, { inProfile }]) => (inProfile ? [{ name, inProfile }] : []));

/** Columns that it looks at. */
export const profileColumns: readonly string[] = adding.map(({ name }) => name);

export function profileOf(row: Row, binding: Row | undefined): Profile {
  const profile = { ...((binding?.profile as Profile | null | undefined) ?? {}) };
  for (const { name, inProfile } of adding) {
    const value = row[name];
    if (value === null || value === undefined) continue;
    for (const [key, added] of Object.entries(inProfile(value))) profile[key] = merged(profile[key], added);
  }
  return profile;
}

/** Lists grow; anything else is replaced. */
function merged(given: unknown, added: unknown): unknown {
  return Array.isArray(given) && Array.isArray(added) ? [...new Set([...given, ...added])] : added;
}
