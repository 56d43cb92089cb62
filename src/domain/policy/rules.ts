// A set of rules: defaults, what an operator puts in their place, where each comes from, and everything that is wrong with them.
import { type Check, FALSE } from './check.ts';
import { cycles, references } from './links.ts';
import { parseRule } from './parse.ts';
import { PolicySyntaxError } from './syntax.ts';

/** A rule as the model declares it. */
export interface RuleDefault {
  readonly name: string;
  readonly check: string;
  /** Names under which older policy files may still override it, with the check that was the default then. */
  readonly deprecated?: readonly { readonly name: string; readonly check: string }[];
  /** Kinds of tokens that the rule is for; empty: all. */
  readonly scopes?: readonly string[];
}

/** A place in a policy file. Lines and columns count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** A rule of the operator's: a check string, or the older list of lists. */
export interface Override {
  readonly name: string;
  readonly check: unknown;
  readonly place?: Place;
  /** Where a character of the check string is in the file. */
  readonly placeOf?: (offset: number) => Place;
}

export type Source =
  | { readonly from: 'default' }
  /** `name`: the deprecated one under which the file has it. */
  | { readonly from: 'file'; readonly place?: Place; readonly name?: string };

export interface Rule {
  readonly name: string;
  readonly check: Check;
  readonly source: Source;
  /** The deprecated check that is allowed beside the default. */
  readonly older?: string;
  readonly scopes: readonly string[];
}

export type Rules = ReadonlyMap<string, Check>;

export interface PolicyProblem {
  readonly rule: string;
  /** Offset in the check string, where one is known. */
  readonly position?: number;
  readonly place?: Place;
  readonly message: string;
}

export interface CompiledRules {
  readonly rules: Rules;
  /** The same with their stories. */
  readonly details: ReadonlyMap<string, Rule>;
  /** Rules that could not be understood; they deny. A server should refuse to start with any. */
  readonly errors: readonly PolicyProblem[];
  /** What can be lived with, such as a name that means nothing here. */
  readonly warnings: readonly PolicyProblem[];
}

export interface CompileOptions {
  /** oslo.policy's `enforce_new_defaults`, true by default. False: what a deprecated check allowed is allowed too. */
  readonly enforceNewDefaults?: boolean;
}

class Compiler {
  readonly details = new Map<string, Rule>();
  readonly rules = new Map<string, Check>();
  readonly errors: PolicyProblem[] = [];
  readonly warnings: PolicyProblem[] = [];
  private readonly overrides: ReadonlyMap<string, Override>;
  private readonly options: CompileOptions;

  constructor(overrides: readonly Override[], options: CompileOptions) {
    // Later files win.
    this.overrides = new Map(overrides.map(o => [o.name, o]));
    this.options = options;
  }

  add(rule: Rule): void {
    this.details.set(rule.name, rule);
    this.rules.set(rule.name, rule.check);
  }

  default(rule: RuleDefault): void {
    const own = this.overrides.get(rule.name);
    const used = own ?? this.underOldName(rule);
    if (!used) this.add(this.asDeclared(rule));
    else {
      const source = sourceOf(used, used.name === rule.name ? undefined : used.name);
      this.add({ name: rule.name, check: this.parse(used), source, scopes: rule.scopes ?? [] });
    }
  }

  private asDeclared({ name, check: text, deprecated = [], scopes = [] }: RuleDefault): Rule {
    const check = this.parse({ name, check: text });
    const older = this.options.enforceNewDefaults === false ? deprecated.filter(d => d.check !== text) : [];
    if (older.length === 0) return { name, check, source: { from: 'default' }, scopes };
    const of = [check, ...older.map(d => this.parse({ name, check: d.check }))];
    return { name, check: { kind: 'or', of }, source: { from: 'default' }, older: older.map(d => d.check).join(' or '), scopes };
  }

  /** The operator's rule under a deprecated name, unless it only passes on to the new one. */
  private underOldName({ name, deprecated = [] }: RuleDefault): Override | undefined {
    const old = deprecated.find(d => d.name !== name && this.overrides.has(d.name));
    const override = old && this.overrides.get(old.name);
    return override && String(override.check).trim() !== `rule:${name}` ? override : undefined;
  }

  parse(override: Override): Check {
    try {
      return parseRule(override.check);
    } catch (error) {
      if (!(error instanceof PolicySyntaxError)) throw error;
      this.errors.push(this.problem(override, error.message, error.position));
      return FALSE;
    }
  }

  private problem(override: Override, message: string, position?: number): PolicyProblem {
    const place = position === undefined ? override.place : (override.placeOf?.(position) ?? override.place);
    return { rule: override.name, message, ...(position === undefined ? {} : { position }), ...(place ? { place } : {}) };
  }

  /** A problem of a rule as it is in force. */
  private told(name: string, message: string): PolicyProblem {
    const source = this.details.get(name)?.source;
    const place = source?.from === 'file' ? source.place : undefined;
    return { rule: name, message, ...(place ? { place } : {}) };
  }

  /** Further names of the operator's file: rules that his own checks refer to, or names that mean nothing here. */
  further(names: ReadonlySet<string>): void {
    for (const override of this.overrides.values())
      if (!this.details.has(override.name))
        this.add({ name: override.name, check: this.parse(override), source: sourceOf(override), scopes: [] });
    const used = new Set([...this.rules.values()].flatMap(check => [...references(check)]));
    for (const override of this.overrides.values())
      if (!names.has(override.name) && !used.has(override.name))
        this.warnings.push(this.problem(override, 'is no rule of this server, and no other rule refers to it'));
  }

  /** Rules that reach themselves, or a name that is not there, are told of; the former deny. */
  link(): void {
    for (const [name, check] of this.rules)
      for (const next of references(check))
        if (!this.rules.has(next)) this.errors.push(this.told(name, `refers to rule '${next}', which does not exist`));
    for (const cycle of cycles(this.rules)) {
      const way = [...cycle, cycle[0]].join(' → ');
      for (const name of cycle) {
        this.errors.push(this.told(name, `refers to itself: ${way}`));
        this.add({ ...this.details.get(name)!, check: FALSE });
      }
    }
  }
}

function sourceOf({ place }: Override, name?: string): Source {
  return { from: 'file', ...(place ? { place } : {}), ...(name === undefined ? {} : { name }) };
}

/** Rules by name, with the operator's in place of the defaults; never throws. */
export function compileRules(
  defaults: readonly RuleDefault[],
  overrides: readonly Override[] = [],
  options: CompileOptions = {},
): CompiledRules {
  const compiler = new Compiler(overrides, options);
  for (const rule of defaults) compiler.default(rule);
  compiler.further(new Set(defaults.flatMap(rule => [rule.name, ...(rule.deprecated ?? []).map(d => d.name)])));
  compiler.link();
  const { rules, details, errors, warnings } = compiler;
  return { rules, details, errors, warnings };
}

const at = ({ file, line, column }: Place): string => `${file}:${line}:${column}`;

/** `policy.yaml:3:14: get_network: …` */
export function problemText({ rule, place, position, message }: PolicyProblem): string {
  const where = place ? `${at(place)}: ` : '';
  const offset = !place && position !== undefined ? ` at ${position}` : '';
  return `${where}${rule}${offset}: ${message}`;
}

/** `default`, `policy.yaml:3:1`, `policy.yaml:3:1, as get_x_old`. */
export function sourceText({ source, older }: Rule): string {
  if (source.from === 'default') return older === undefined ? 'default' : 'default, with the deprecated one';
  const where = source.place ? `${source.place.file}:${source.place.line}` : 'override';
  return source.name === undefined ? where : `${where}, by its deprecated name ${source.name}`;
}
