// The imports under src as a graph: who imports whom, which direction is wrong, and where a cycle is.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

export interface Edge {
  readonly from: string;
  readonly to: string;
  /** `import type`: gone at run time, so it counts for the direction but not for cycles. */
  readonly typeOnly: boolean;
  /** `await import`: loaded when it is needed. */
  readonly late?: boolean;
}

/** Longest first: the first rule whose folder holds the file decides. `*` may import everything. */
const rules: readonly (readonly [folder: string, may: readonly string[] | '*'])[] = [
  ['agent/desired', ['model', 'domain', 'agent/desired', 'agent/render']],
  ['agent/render', ['model', 'domain', 'agent/render', 'agent/desired']],
  ['model', ['model']],
  ['engine', ['engine']],
  ['domain', ['domain', 'model']],
  ['contracts', ['contracts', 'model', 'domain', 'engine']],
  ['drivers', ['drivers', 'model', 'domain', 'engine', 'contracts']],
  ['agent', ['agent', 'model', 'domain', 'engine', 'contracts']],
  ['server', ['server', 'model', 'domain', 'engine', 'contracts']],
  ['import', ['import', 'model', 'domain', 'engine', 'contracts']],
  ['adapters', ['adapters', 'model', 'domain', 'engine', 'contracts']],
  ['client', ['client', 'model']],
  ['cli', ['cli', 'client', 'model']],
  ['main', '*'],
];

/** Tests and contract suites may import whatever they need. */
const isTest = (file: string): boolean => /\.(test|suite)\.ts$/.test(file);
const pureFolders = ['model', 'engine', 'domain', 'agent/desired', 'agent/render'];

const inside = (file: string, folder: string): boolean => file.startsWith(`${folder}/`);

const importPattern = /^(?:import|export)\s(?:[^'"`;]*?\sfrom\s)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/gm;

/** Module names that a text imports, statically or dynamically. */
export function importsOf(text: string): { module: string; typeOnly: boolean; late: boolean }[] {
  return [...text.matchAll(importPattern)].map(m => ({
    module: m[1] ?? m[2] ?? '',
    typeOnly: /^(?:import|export)\s+type\s/.test(m[0]),
    late: m[2] !== undefined,
  }));
}

/** Paths are relative to `root`; a package's name stands for itself as `npm:name`. */
export function edges(root: string): Edge[] {
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(f => f.endsWith('.ts'));
  return files.flatMap(from =>
    importsOf(readFileSync(join(root, from), 'utf8')).map(({ module, ...how }) => ({
      from,
      to: module.startsWith('.') ? relative(root, join(root, dirname(from), module)) : `npm:${module}`,
      ...how,
    })),
  );
}

/** One line per import that the table of docs/architecture.md does not allow. */
export function wrongWay(graph: readonly Edge[]): string[] {
  return graph.filter(e => !isTest(e.from) && !isAllowed(e)).map(e => `${e.from} may not import ${e.to}`);
}

function isAllowed({ from, to }: Edge): boolean {
  if (to.startsWith('npm:')) return !pureFolders.some(folder => inside(from, folder));
  if (isTest(to)) return false;
  const rule = rules.find(([folder]) => inside(from, folder));
  if (!rule) return false;
  return rule[1] === '*' || rule[1].some(folder => inside(to, folder));
}

/** What is loaded with a file, that file included. */
export function loadedWith(graph: readonly Edge[], file: string): Set<string> {
  const found = new Set([file]);
  for (const each of found) for (const { from, to, typeOnly, late } of graph) if (from === each && !typeOnly && !late) found.add(to);
  return found;
}

/** The files of one import cycle, or undefined. */
export function cycle(graph: readonly Edge[]): string[] | undefined {
  const next = new Map<string, string[]>();
  for (const { from, to, typeOnly } of graph) if (!typeOnly) next.set(from, [...(next.get(from) ?? []), to]);
  const finished = new Set<string>();
  const visit = (file: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (finished.has(file)) return undefined;
    for (const to of next.get(file) ?? []) {
      const found = visit(to, [...path, file]);
      if (found) return found;
    }
    finished.add(file);
    return undefined;
  };
  for (const file of next.keys()) {
    const found = visit(file, []);
    if (found) return found;
  }
  return undefined;
}
