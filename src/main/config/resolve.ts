// What the options of a table are, given the files and the command line: oslo.config's order of who counts more.
import { ConfigError, type ParsedFile, type Place, placeText, type Setting } from './ini.ts';
import { groupKey, type Option, optionName } from './option.ts';
import { shownText } from './secret.ts';
import { substitute } from './substitute.ts';

export type Origin =
  | { readonly kind: 'file'; readonly place: Place; readonly deprecated?: string }
  | { readonly kind: 'command line'; readonly flag: string }
  | { readonly kind: 'default' };

/** An option's value, and where each part of it came from. */
export interface Effective<C> {
  readonly option: Option<C>;
  /** After substitution; of a multi-valued option any number, of another one or none. */
  readonly texts: readonly string[];
  readonly origins: readonly Origin[];
  /** Undefined: it is not set and has no default, or it is wrong. */
  readonly value: unknown;
  readonly problem?: string;
}

/** What the command line says of an option. */
export interface Flag {
  readonly group: string;
  readonly name: string;
  readonly text: string;
  /** `--listen`; undefined: it is a default that only this run knows. */
  readonly flag?: string;
}

interface Given {
  readonly text: string;
  readonly origin: Origin;
}

type Index = ReadonlyMap<string, readonly Setting[]>;

const keyOf = (group: string, name: string): string => `${groupKey(group)}\0${name}`;

export class Resolver<C> {
  private readonly options: ReadonlyMap<string, Option<C>>;
  /** The latest file first. */
  private readonly files: readonly Index[];
  private readonly flags: ReadonlyMap<string, Flag>;
  private readonly known = new Map<Option<C>, Effective<C>>();
  private readonly asking = new Set<Option<C>>();

  constructor(options: readonly Option<C>[], files: readonly ParsedFile[], flags: readonly Flag[]) {
    this.options = new Map(options.map(option => [keyOf(option.group, option.name), option]));
    this.files = files.map(indexOf).reverse();
    this.flags = new Map(flags.map(flag => [keyOf(flag.group, flag.name), flag]));
  }

  effective(option: Option<C>): Effective<C> {
    const known = this.known.get(option);
    if (known) return known;
    this.asking.add(option);
    const found = this.resolved(option);
    this.asking.delete(option);
    this.known.set(option, found);
    return found;
  }

  private resolved(option: Option<C>): Effective<C> {
    const given = this.given(option);
    const origins = given.map(({ origin }) => origin);
    let at: Given | undefined;
    const texts: string[] = [];
    const values: unknown[] = [];
    try {
      for (at of given) {
        const text = substitute(at.text, name => this.referred(name, option));
        texts.push(text);
        if (!isNone(option, text)) values.push(option.type.read(text, placeOf(at.origin)));
      }
    } catch (error) {
      if (!(error instanceof ConfigError) || !at) throw error;
      return { option, texts: given.map(g => g.text), origins, value: undefined, problem: problemText(option, at, error.message) };
    }
    return { option, texts, origins, value: option.multi ? (given.length > 0 ? values : undefined) : values[0] };
  }

  /** As they are written, in the order in which they count. */
  private given(option: Option<C>): readonly Given[] {
    const flag = this.flags.get(keyOf(option.group, option.name));
    if (flag?.flag !== undefined) return [{ text: flag.text, origin: { kind: 'command line', flag: flag.flag } }];
    const found = option.multi ? this.all(option) : this.last(option);
    const otherwise = flag?.text ?? option.default;
    return found.length > 0 || otherwise === undefined ? found : [{ text: otherwise, origin: { kind: 'default' } }];
  }

  /** Of the latest file; in one file the option's own name counts more than an older one, wherever it stands. */
  private last(option: Option<C>): readonly Given[] {
    for (const file of this.files)
      for (const name of namesOf(option)) {
        const setting = file.get(name)?.at(-1);
        if (setting) return [fromFile(option, setting)];
      }
    return [];
  }

  private all(option: Option<C>): readonly Given[] {
    const found: Given[] = [];
    for (const file of this.files)
      for (const name of namesOf(option)) found.unshift(...(file.get(name) ?? []).map(setting => fromFile(option, setting)));
    return found;
  }

  /** What `$name` stands for in an option: of its own group first, then of DEFAULT. */
  private referred(name: string, from: Option<C>): string {
    const at = name.indexOf('.');
    const [group, own] = at < 0 ? [from.group, name] : [name.slice(0, at), name.slice(at + 1)];
    const option = this.options.get(keyOf(group, own)) ?? this.options.get(keyOf('DEFAULT', name));
    if (!option) throw new ConfigError(`an option that there is here is wanted behind the dollar, not ${name} ("$$" is a dollar)`);
    if (this.asking.has(option)) throw new ConfigError(`a value is wanted that does not lead back to itself by $${name}`);
    const { value, problem, texts } = this.effective(option);
    if (problem !== undefined) throw new ConfigError(`a value is wanted for $${name}, and that one is wrong`);
    // oslo.config puts in what Python prints of a list, which nobody wants.
    if (typeof value === 'object') throw new ConfigError(`one value is wanted behind the dollar, and ${name} is a list`);
    if (value === undefined) return '';
    return option.type.show?.(value) ?? texts[0] ?? '';
  }
}

const namesOf = <C>({ group, name, deprecated }: Option<C>): string[] => [
  keyOf(group, name),
  ...deprecated.map(old => keyOf(old.group ?? group, old.name ?? name)),
];

function indexOf({ settings }: ParsedFile): Index {
  return Map.groupBy(settings, ({ group, name }) => keyOf(group, name));
}

function fromFile<C>(option: Option<C>, setting: Setting): Given {
  const isOld = keyOf(setting.group, setting.name) !== keyOf(option.group, option.name);
  const { file, line } = setting;
  return {
    text: setting.value,
    origin: { kind: 'file', place: { file, line }, ...(isOld ? { deprecated: optionName(setting) } : {}) },
  };
}

const isNone = <C>({ type, default: otherwise }: Option<C>, text: string): boolean =>
  type.emptyIsNone === true && otherwise === undefined && text.trim() === '';

const placeOf = (origin: Origin): Place => (origin.kind === 'file' ? origin.place : { file: '', line: 0 });

export function originText(origin: Origin): string {
  if (origin.kind === 'default') return 'default';
  if (origin.kind === 'command line') return origin.flag;
  return placeText(origin.place);
}

function problemText<C>(option: Option<C>, { text, origin }: Given, why: string): string {
  return `${originText(origin)}: ${option.name} = ${shownText(option, text)}: ${why}`;
}
