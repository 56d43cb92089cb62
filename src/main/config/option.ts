// An option of a configuration file as data: its name in Neutron, what it may be, and what it does here.
import type { Place } from './ini.ts';

/** What a value may be. */
export interface Type<V> {
  /** In the reference: `integer`. */
  readonly name: string;
  /** ConfigError, which says what is wanted. The place is for what is relative to it. */
  read(text: string, place: Place): V;
  /** As `$name` in another option sees it; as it is written where there is none. */
  readonly show?: (value: V) => string;
  /** An empty text is as none at all, where the option has no default. */
  readonly emptyIsNone?: boolean;
}

/** A name that the option had; its own group or name where one is not said. */
export interface OldName {
  readonly group?: string;
  readonly name?: string;
}

/** What an option does: the configuration with it. */
export type Effect<C, V> = (config: C, value: V) => C;

/** What is known by its name, and does nothing. */
export interface Without {
  /** `refused`: a value other than the default stops the program. */
  readonly kind: 'no effect' | 'refused';
  /** Ends the sentence "it has no effect here, because". */
  readonly because: string;
  /** Whoever sets it would look for what it does, in vain: it is warned of, and not only noted. */
  readonly isMissed?: true;
}

export interface Option<C> {
  readonly group: string;
  readonly name: string;
  readonly type: Type<unknown>;
  /** As a file would have it. */
  readonly default: string | undefined;
  readonly deprecated: readonly OldName[];
  /** Each time that it is set adds a value. */
  readonly multi: boolean;
  /** Shown nowhere. */
  readonly secret: boolean;
  readonly help: string;
  readonly effect: Effect<C, unknown> | Without;
}

interface Details {
  readonly default?: string;
  readonly deprecated?: readonly OldName[];
  readonly secret?: boolean;
}

/** A row of a table, whose group is said above it. */
export type Row<C> = (group: string) => Option<C>;

/** `help` is a phrase without a final dot. */
export const option =
  <C, V>(name: string, type: Type<V>, help: string, effect: Effect<C, V>, details: Details = {}): Row<C> =>
  group =>
    ({ ...plain, ...details, group, name, type, help, effect }) as Option<C>;

/** One that adds a value each time. */
export const multiOption =
  <C, V>(name: string, type: Type<V>, help: string, effect: Effect<C, readonly V[]>, details: Details = {}): Row<C> =>
  group =>
    ({ ...plain, ...details, group, name, type, help, effect, multi: true }) as Option<C>;

const plain = { default: undefined, deprecated: [], secret: false, multi: false } as const;

/** One that is known by its name, and does nothing. */
export const idleOption =
  <V>(name: string, type: Type<V>, help: string, effect: Without, details: Details & { readonly multi?: boolean } = {}) =>
  <C>(group: string): Option<C> => ({ ...plain, ...details, group, name, type: type as Type<unknown>, help, effect });

export const section = <C>(group: string, rows: readonly Row<C>[]): readonly Option<C>[] => rows.map(row => row(group));

export const noEffect = (because: string): Without => ({ kind: 'no effect', because });
export const missed = (because: string): Without => ({ kind: 'no effect', because, isMissed: true });
export const notHere = (because: string): Without => ({ kind: 'refused', because });

export const optionName = ({ group, name }: { readonly group: string; readonly name: string }): string => `[${group}] ${name}`;

/** oslo.config tells groups by their letters whatever their case, except for DEFAULT. */
export const groupKey = (group: string): string => (group === 'DEFAULT' ? group : group.toLowerCase());
