// A verb of the command line as data: parsing, help and errors derive from it.
import { type ParseArgsConfig, parseArgs } from 'node:util';

export interface OptionSpec {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  readonly multiple?: boolean;
  /** What stands for the value in the help: `DIR`. */
  readonly value?: string;
  readonly help: string;
}

export interface Given {
  readonly name: string;
  readonly value: string;
}

export interface Call {
  readonly options: Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>;
  /** Options with a value, in the order of the command line. */
  readonly given: readonly Given[];
  readonly args: readonly string[];
  /** What stood behind `--`. */
  readonly command: readonly string[];
  readonly out: (line: string) => void;
}

export interface Verb {
  /** `['instance', 'create']`. */
  readonly path: readonly string[];
  /** The positional arguments: `[NAME]`, `NAME -- COMMAND…`. */
  readonly usage: string;
  readonly summary: string;
  /** Paragraphs of the help. */
  readonly details?: readonly string[];
  readonly examples?: readonly string[];
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** How many positional arguments it takes. */
  readonly args: readonly [least: number, most: number];
  /** Whether a command line may follow `--`. */
  readonly command?: boolean;
  /** Answers the exit status. */
  run(call: Call): Promise<number>;
}

/** What the user wrote is wrong; the message says what and how it should be. Exit status 2. */
export class UsageError extends Error {}
/** Something could not be done, said in the user's words. Exit status 1. */
export class Failure extends Error {}

export const name = (verb: Verb): string => verb.path.join(' ');

/** Options that every verb has. */
export const commonOptions: Readonly<Record<string, OptionSpec>> = {
  help: { type: 'boolean', short: 'h', help: 'show this help' },
};

/** The verb whose path the arguments begin with, the longest such, and the arguments behind it. */
export function findVerb(verbs: readonly Verb[], argv: readonly string[]): { verb: Verb; rest: readonly string[] } | undefined {
  const fits = verbs.filter(verb => verb.path.every((word, i) => argv[i] === word));
  const verb = fits.sort((a, b) => b.path.length - a.path.length)[0];
  return verb && { verb, rest: argv.slice(verb.path.length) };
}

export function parseCall(verb: Verb, argv: readonly string[], out: (line: string) => void): Call {
  const end = argv.indexOf('--');
  const own = end < 0 ? argv : argv.slice(0, end);
  const command = end < 0 ? [] : argv.slice(end + 1);
  if (command.length > 0 && !verb.command) throw usage(verb, 'nothing may follow "--"');
  const { values, positionals, given } = parse(verb, own);
  if (positionals.length < verb.args[0]) throw usage(verb, 'too few arguments');
  if (positionals.length > verb.args[1]) {
    const extra = positionals[verb.args[1]];
    throw usage(verb, `what is ${JSON.stringify(extra)} for?${verb.command ? ' A command goes behind "--".' : ''}`);
  }
  return { options: values, given, args: positionals, command, out };
}

function parse(verb: Verb, argv: readonly string[]): { values: Call['options']; positionals: string[]; given: Given[] } {
  const options = Object.fromEntries(
    Object.entries({ ...commonOptions, ...verb.options }).map(([key, { type, short, multiple }]) => [
      key,
      { type, ...(short ? { short } : {}), ...(multiple ? { multiple } : {}) },
    ]),
  ) as NonNullable<ParseArgsConfig['options']>;
  try {
    const { values, positionals, tokens } = parseArgs({ args: [...argv], options, allowPositionals: true, strict: true, tokens: true });
    const given = tokens.flatMap(token =>
      token.kind === 'option' && token.value !== undefined ? [{ name: token.name, value: token.value }] : [],
    );
    return { values: values as Call['options'], positionals, given };
  } catch (error) {
    // Node adds a hint about "--" to every unknown option, which is right only for verbs that take a command.
    const text = error instanceof Error ? (error.message.split('. ')[0] ?? error.message) : String(error);
    throw usage(verb, `${text[0]?.toLowerCase()}${text.slice(1)}${verb.command ? '; options of a command go behind "--"' : ''}`);
  }
}

export function usage(verb: Verb, why: string): UsageError {
  return new UsageError(`${why}\nusage: ${usageLine(verb)}\n"weft help ${name(verb)}" tells more.`);
}

export function usageLine(verb: Verb): string {
  return ['weft', ...verb.path, '[OPTIONS]', verb.usage].filter(Boolean).join(' ');
}

/** A string option, or undefined. */
export function text(call: Call, option: string): string | undefined {
  const value = call.options[option];
  return typeof value === 'string' ? value : undefined;
}

export function texts(call: Call, option: string): readonly string[] {
  const value = call.options[option];
  return Array.isArray(value) ? value.filter(v => typeof v === 'string') : [];
}

export function flag(call: Call, option: string): boolean {
  return call.options[option] === true;
}

/** A whole number within bounds, or `otherwise` when the option was not given. */
export function count(verb: Verb, call: Call, option: string, bounds: { least: number; most: number; otherwise: number }): number {
  const given = text(call, option);
  if (given === undefined) return bounds.otherwise;
  const n = Number(given);
  if (!/^\d+$/.test(given) || n < bounds.least || n > bounds.most)
    throw usage(verb, `--${option} takes a number from ${bounds.least} to ${bounds.most}, not ${JSON.stringify(given)}`);
  return n;
}
