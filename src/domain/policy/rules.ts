// A set of rules: defaults, what an operator puts in their place, and everything that is wrong with them.
import type { Check } from './check.ts';
import { parseCheck } from './parse.ts';
import { PolicySyntaxError } from './syntax.ts';

/** A rule as the model declares it. */
export interface RuleDefault {
  readonly name: string;
  readonly check: string;
  /** Names under which older policy files may still override it, with the check that was the default then. */
  readonly deprecated?: readonly { readonly name: string; readonly check: string }[];
}

export type Rules = ReadonlyMap<string, Check>;

export interface PolicyProblem {
  readonly rule: string;
  /** Offset in the check string, where one is known. */
  readonly position?: number;
  readonly message: string;
}

export interface CompiledRules {
  readonly rules: Rules;
  /** Rules that could not be understood; they deny. A server should refuse to start with any. */
  readonly errors: readonly PolicyProblem[];
}

export interface CompileOptions {
  /** oslo.policy's enforce_new_defaults = false: what the deprecated check allowed is allowed too. */
  readonly alsoDeprecated?: boolean;
}

const DENY: Check = { kind: 'false' };

class Compiler {
  readonly rules = new Map<string, Check>();
  readonly errors: PolicyProblem[] = [];

  parse(rule: string, text: string): Check {
    try {
      return parseCheck(text);
    } catch (error) {
      if (!(error instanceof PolicySyntaxError)) throw error;
      this.errors.push({ rule, position: error.position, message: error.message });
      return DENY;
    }
  }

  default(rule: RuleDefault, options: CompileOptions): Check {
    const check = this.parse(rule.name, rule.check);
    const older = options.alsoDeprecated ? (rule.deprecated ?? []) : [];
    return older.length === 0 ? check : { kind: 'or', of: [check, ...older.map(d => this.parse(rule.name, d.check))] };
  }

  /** Rules that reach themselves, or a name that is not there, are told of; the former deny. */
  link(): void {
    const state = new Map<string, 'open' | 'done'>();
    const inCycle = new Set<string>();
    const visit = (name: string, path: readonly string[]): void => {
      const seen = state.get(name);
      if (seen === 'open') for (const n of path.slice(path.indexOf(name))) inCycle.add(n);
      if (seen) return;
      state.set(name, 'open');
      for (const next of references(this.rules.get(name)!)) {
        if (this.rules.has(next)) visit(next, [...path, name]);
        else this.errors.push({ rule: name, message: `refers to rule '${next}', which does not exist` });
      }
      state.set(name, 'done');
    };
    for (const name of this.rules.keys()) visit(name, []);
    for (const name of inCycle) {
      this.errors.push({ rule: name, message: 'refers to itself through other rules' });
      this.rules.set(name, DENY);
    }
  }
}

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

function overrideOf(rule: RuleDefault, overrides: ReadonlyMap<string, string>): string | undefined {
  const own = overrides.get(rule.name);
  if (own !== undefined) return own;
  const old = rule.deprecated?.find(d => overrides.has(d.name));
  return old && overrides.get(old.name);
}

/** Rules by name, with the operator's in place of the defaults; never throws. */
export function compileRules(
  defaults: readonly RuleDefault[],
  overrides: Readonly<Record<string, string>> = {},
  options: CompileOptions = {},
): CompiledRules {
  const compiler = new Compiler();
  const wanted = new Map(Object.entries(overrides));
  for (const rule of defaults) {
    const text = overrideOf(rule, wanted);
    compiler.rules.set(rule.name, text === undefined ? compiler.default(rule, options) : compiler.parse(rule.name, text));
  }
  // Further names of the operator's file: rules that his own checks refer to.
  for (const [name, text] of wanted) if (!compiler.rules.has(name)) compiler.rules.set(name, compiler.parse(name, text));
  compiler.link();
  return { rules: compiler.rules, errors: compiler.errors };
}
