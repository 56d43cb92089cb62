// What is said of names in files that the table of a program does not have: whose they are, or what was meant perhaps.
import { type ParsedFile, placeText, type Setting } from './ini.ts';
import { groupKey, type OldName, optionName } from './option.ts';

/** A program, as far as its names go. */
export interface NamedOptions {
  readonly options: readonly { readonly group: string; readonly name: string; readonly deprecated: readonly OldName[] }[];
  /** Sections of which nothing has an effect, and why. */
  readonly idleSections?: Readonly<Record<string, string>>;
}

export interface Unknown {
  readonly warnings: readonly string[];
  readonly notes: readonly string[];
}

type Names = ReadonlyMap<string, ReadonlySet<string>>;

/** The program itself may be among the others. */
export function unknownNames(program: NamedOptions, all: readonly NamedOptions[], files: readonly ParsedFile[]): Unknown {
  const others = all.filter(({ options }) => options !== program.options);
  const own = namesOf(program);
  const theirs = others.map(namesOf);
  const warnings: string[] = [];
  const notes: string[] = [];
  for (const file of files) {
    const strange = new Set<string>();
    for (const setting of file.settings) {
      const key = groupKey(setting.group);
      const idle = isIdle(program, key) ? program.idleSections?.[key] : undefined;
      // Programs share files.
      if (has(own, setting) || theirs.some(names => has(names, setting))) continue;
      if (!own.has(key) && others.some(other => isIdle(other, key))) continue;
      if (idle !== undefined) notes.push(`${placeText(setting)}: ${optionName(setting)} has no effect here, because ${idle}`);
      else if (own.has(key))
        warnings.push(`${placeText(setting)}: ${optionName(setting)} is not known and has no effect${meant(own, setting)}`);
      else strange.add(setting.group);
    }
    for (const group of strange) warnings.push(`${file.file}:${file.groups.get(group)}: ${strangeSection(own, group)}`);
  }
  return { warnings, notes };
}

const isIdle = ({ idleSections = {} }: NamedOptions, key: string): boolean => Object.hasOwn(idleSections, key);

const has = (names: Names, { group, name }: Setting): boolean => names.get(groupKey(group))?.has(name) === true;

function namesOf({ options }: NamedOptions): Names {
  const names = new Map<string, Set<string>>();
  const add = (group: string, name: string): void => {
    const key = groupKey(group);
    names.set(key, (names.get(key) ?? new Set()).add(name));
  };
  for (const { group, name, deprecated } of options) {
    add(group, name);
    for (const old of deprecated) add(old.group ?? group, old.name ?? name);
  }
  return names;
}

/** The nearest name of the section, or the same name of another one. */
function meant(own: Names, { group, name }: Setting): string {
  const near = nearest(name, own.get(groupKey(group)) ?? []);
  if (near !== undefined) return `; did you mean ${near}?`;
  const elsewhere = [...own].find(([, names]) => names.has(name));
  return elsewhere ? `; there is a ${name} in [${elsewhere[0]}]` : '';
}

function strangeSection(own: Names, group: string): string {
  const what = `the section [${group}] is not known, and what is in it has no effect`;
  if (/^\s*default\s*$/i.test(group) && group !== 'DEFAULT') return `${what}: it is written [DEFAULT]`;
  const near = nearest(group.trim().toLowerCase(), own.keys());
  return near === undefined ? what : `${what}; did you mean [${near}]?`;
}

function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const most = word.length < 5 ? 1 : 2;
  let best: { readonly name: string; readonly far: number } | undefined;
  for (const name of candidates) {
    if (Math.abs(name.length - word.length) > most) continue;
    const far = distance(word, name);
    if (far <= most && (best === undefined || far < best.far)) best = { name, far };
  }
  return best?.name;
}

/** Letters that have to be put in, taken away or changed. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length] ?? 0;
}
