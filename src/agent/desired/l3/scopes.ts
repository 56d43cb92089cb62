// Packet marks of address scopes: upper 16 bits, 1024 for "no scope", 1025…2047 for the others, as Neutron does.

const NO_SCOPE = 1024;
const FIRST = 1025;
const COUNT = 1023;

/** `0x4000000/0xffff0000`, as iptables prints it. */
export const scopeMark = (id: number): string => `0x${(id * 65_536).toString(16)}/0xffff0000`;

/**
 * Scope id → mark. Marks are kept in connections' marks, so a scope that has one keeps it (`held`: another agent may have numbered them its own
 * way), and one that comes or goes should not renumber the others: each takes the slot of its hash, and only one that collides moves on.
 */
export function scopeMarks(
  scopes: Iterable<string | null>,
  held: ReadonlyMap<string, string> = new Map(),
): ReadonlyMap<string | null, string> {
  const none = scopeMark(NO_SCOPE);
  const out = new Map<string | null, string>([[null, none]]);
  const used = new Set([none]);
  const give = (scope: string, mark: string): void => {
    out.set(scope, mark);
    used.add(mark);
  };
  const names = [...new Set(scopes)].filter(s => s !== null).sort();
  for (const scope of names) {
    const mark = held.get(scope);
    if (mark !== undefined && !used.has(mark)) give(scope, mark);
  }
  for (const scope of names.filter(name => !out.has(name))) {
    if (used.size > COUNT) break;
    let slot = hash(scope) % COUNT;
    while (used.has(scopeMark(FIRST + slot))) slot = (slot + 1) % COUNT;
    give(scope, scopeMark(FIRST + slot));
  }
  return out;
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return h;
}
