// Reads the configuration of a program: what its options are, and everything that is to be said about the files.
import type { ConfigSource } from '../../cli/verbs/config-option.ts';
import { ConfigError } from './ini.ts';
import { type Option, optionName } from './option.ts';
import { type Effective, type Flag, originText, Resolver } from './resolve.ts';
import { readSources } from './sources.ts';
import { type NamedOptions, unknownNames } from './unknown.ts';

/** A program and its table of options. */
export interface Program<C> extends NamedOptions {
  /** `server`, `linuxbridge-agent`: of `--program`. */
  readonly name: string;
  /** In the reference. */
  readonly title: string;
  /** Where its files are below /etc/neutron, its own last, and folders of further ones. */
  readonly files: readonly string[];
  readonly dirs: readonly string[];
  readonly options: readonly Option<C>[];
  /** What it is without files; what the table has as defaults is written into it. */
  readonly defaults: C;
  /** What is wrong with values that are right each by itself: a ConfigError. */
  readonly whole?: (config: C) => void;
  /** Values that are right and do nothing. */
  readonly doubts?: (config: C) => readonly string[];
}

export interface Reading<C> {
  readonly config: C;
  /** As they were read. */
  readonly files: readonly string[];
  readonly effective: readonly Effective<C>[];
  /** Each stops the program. */
  readonly problems: readonly string[];
  /** Likely not as it was meant: names that nobody knows, names that are deprecated. */
  readonly warnings: readonly string[];
  /** Options that have no effect, and why. */
  readonly notes: readonly string[];
}

interface Surroundings {
  readonly flags?: readonly Flag[];
  /** Programs whose options may stand in the same files. */
  readonly others?: readonly NamedOptions[];
}

export function readProgram<C>(program: Program<C>, sources: readonly ConfigSource[], around: Surroundings = {}): Reading<C> {
  const { files, problems: unread } = readSources(sources);
  const resolver = new Resolver(program.options, files, around.flags ?? []);
  const effective = program.options.map(option => resolver.effective(option));
  const problems = [...unread, ...effective.flatMap(({ problem }) => problem ?? []), ...effective.flatMap(refused)];
  let config = program.defaults;
  for (const { option, value } of effective)
    if (value !== undefined && typeof option.effect === 'function') config = option.effect(config, value);
  if (problems.length === 0) problems.push(...wrongTogether(program, config));
  const unknown = unknownNames(program, around.others ?? [], files);
  const warnings = [
    ...effective.flatMap(deprecated),
    ...effective.flatMap(each => without(each, true)),
    ...unknown.warnings,
    ...(program.doubts?.(config) ?? []),
  ];
  return {
    config,
    files: files.map(({ file }) => file),
    effective,
    problems,
    warnings,
    notes: [...effective.flatMap(each => without(each, false)), ...unknown.notes],
  };
}

/** The configuration, or one ConfigError with all that is wrong. */
export function configOf<C>({ config, problems }: Pick<Reading<C>, 'config' | 'problems'>): C {
  const [first, ...more] = problems;
  if (first === undefined) return config;
  throw new ConfigError(more.length === 0 ? first : `the configuration is wrong:\n${problems.map(problem => `  ${problem}`).join('\n')}`);
}

function wrongTogether<C>({ whole }: Program<C>, config: C): string[] {
  try {
    whole?.(config);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return [error.message];
    throw error;
  }
}

/** Set, and not to what is the case anyway. */
function isChanged<C>({ option, value, origins }: Effective<C>): boolean {
  const isSet = origins.some(origin => origin.kind !== 'default');
  if (!isSet || value === undefined) return false;
  if (option.default === undefined) return true;
  return JSON.stringify(value) !== JSON.stringify(option.type.read(option.default, { file: '', line: 0 }));
}

function refused<C>(found: Effective<C>): string[] {
  const { effect } = found.option;
  if (typeof effect === 'function' || effect.kind !== 'refused' || !isChanged(found)) return [];
  return found.origins.map(origin => `${originText(origin)}: ${optionName(found.option)} cannot be had here, because ${effect.because}`);
}

function without<C>(found: Effective<C>, isMissed: boolean): string[] {
  const { effect } = found.option;
  if (typeof effect === 'function' || effect.kind !== 'no effect' || !isChanged(found)) return [];
  if ((effect.isMissed ?? false) !== isMissed) return [];
  return found.origins.map(origin => `${originText(origin)}: ${optionName(found.option)} has no effect here, because ${effect.because}`);
}

function deprecated<C>({ option, origins }: Effective<C>): string[] {
  return origins.flatMap(origin =>
    origin.kind === 'file' && origin.deprecated !== undefined
      ? [`${originText(origin)}: ${origin.deprecated} is an older name of ${optionName(option)}`]
      : [],
  );
}
