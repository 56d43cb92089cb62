// What rules refer to, and which reach themselves that way.
import type { Check } from './check.ts';

/** Names of the rules that a check refers to, each once. */
export function references(check: Check): ReadonlySet<string> {
  const names = new Set<string>();
  const walk = (c: Check): void => {
    if (c.kind === 'rule') names.add(c.name);
    else if (c.kind === 'not') walk(c.of);
    else if (c.kind === 'and' || c.kind === 'or') c.of.forEach(walk);
  };
  walk(check);
  return names;
}

/** Every way on which a rule reaches itself; none is found twice. */
export function cycles(rules: ReadonlyMap<string, Check>): string[][] {
  const done = new Set<string>();
  const found: string[][] = [];
  const visit = (name: string, path: readonly string[]): void => {
    const begin = path.indexOf(name);
    if (begin >= 0) found.push(path.slice(begin));
    const check = rules.get(name);
    if (begin >= 0 || done.has(name) || !check) return;
    for (const next of references(check)) visit(next, [...path, name]);
    done.add(name);
  };
  for (const name of rules.keys()) visit(name, []);
  return found;
}
