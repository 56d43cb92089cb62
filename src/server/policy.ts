// Policy as the server asks it: rules of the model and of the operator's files, compiled once, and reduced once for each caller; the
// language is in domain/policy.
import type { Caller } from '../contracts/identity.ts';
import { type Creds, show } from '../domain/policy/check.ts';
import { type Decision, evaluate, holds } from '../domain/policy/evaluate.ts';
import { type Condition, conditionOf } from '../domain/policy/predicate.ts';
import { type Residual, residual } from '../domain/policy/residual.ts';
import {
  type CompiledRules,
  type CompileOptions,
  compileRules,
  type Override,
  type PolicyProblem,
  problemText,
  type Rule,
  type RuleDefault,
  type Rules,
} from '../domain/policy/rules.ts';

export type Target = Readonly<Record<string, unknown>>;

/** A rule that is for other kinds of tokens. */
export interface WrongScope {
  readonly wanted: readonly string[];
  readonly given: string;
}

export interface Policy {
  /** An action that no rule is defined for is denied. */
  allows(action: string, caller: Caller, target: Target): boolean;
  explain(action: string, caller: Caller, target: Target): Decision;
  defined(action: string): boolean;
  /** What is left of a rule when only the caller is known: everything, nothing, or a condition on the object. */
  scope(action: string, caller: Caller): boolean | Condition;
  /** The same as a check. */
  residual(action: string, caller: Caller): Residual;
  wrongScope(action: string, caller: Caller): WrongScope | undefined;
  readonly details: ReadonlyMap<string, Rule>;
  readonly warnings: readonly PolicyProblem[];
}

export interface PolicyOptions extends CompileOptions {
  /** `enforce_scope`, true by default: a token of another scope than a rule is for is denied. */
  readonly enforceScope?: boolean;
}

/** Rules that were refused, each with its place. A server does not start with any. */
export class PolicyRefused extends Error {
  readonly problems: readonly PolicyProblem[];
  constructor(problems: readonly PolicyProblem[]) {
    super(problems.map(problemText).join('\n'));
    this.name = 'PolicyRefused';
    this.problems = problems;
  }
}

/** What checks may ask about a caller, under the names that Neutron gives it. */
function credsOf(caller: Caller, rules: Rules): Creds {
  const { user_id, project_id, domain_id, user_domain_id, project_domain_id, system_scope, roles } = caller;
  const creds = {
    ...{ user_id, user: user_id, user_name: caller.user_name, user_domain_id, user_domain: user_domain_id },
    ...{ project_id, tenant_id: project_id, tenant: project_id, project_name: caller.project_name, tenant_name: caller.project_name },
    ...{ project_domain_id, project_domain: project_domain_id, domain_id, domain: domain_id, system_scope, roles },
  };
  return { ...creds, is_admin: holds({ kind: 'rule', name: 'context_is_admin' }, { creds, target: {}, rules }) };
}

const scopeOf = ({ system_scope, domain_id }: Caller): string => (system_scope ? 'system' : domain_id ? 'domain' : 'project');

const nobody: Creds = { roles: [], project_id: null, user_id: null };
const noRules: Rules = new Map();
const DENIED: Residual = { kind: 'false' };

const denied = (check: string, because: string): Decision => ({ allowed: false, why: { check, holds: false, because } });

/** One caller's rules, each reduced when it is first asked for: at most as many as there are rules, for as long as the caller is known. */
interface Reduced {
  readonly creds: Creds;
  readonly checks: Map<string, Residual>;
  readonly conditions: Map<string, boolean | Condition>;
}

export function buildPolicy(defaults: readonly RuleDefault[], overrides: readonly Override[] = [], options: PolicyOptions = {}): Policy {
  const compiled = compileRules(defaults, overrides, options);
  if (compiled.errors.length > 0) throw new PolicyRefused(compiled.errors);
  return policyOf(compiled, options.enforceScope ?? true);
}

function policyOf({ rules, details, warnings }: CompiledRules, enforceScope: boolean): Policy {
  const callers = new WeakMap<Caller, Reduced>();
  const reducedFor = (caller: Caller): Reduced => {
    const known = callers.get(caller) ?? { creds: credsOf(caller, rules), checks: new Map(), conditions: new Map() };
    callers.set(caller, known);
    return known;
  };
  const wrongScope = (action: string, caller: Caller): WrongScope | undefined => {
    const wanted = details.get(action)?.scopes ?? [];
    const given = scopeOf(caller);
    return enforceScope && wanted.length > 0 && !wanted.includes(given) ? { wanted, given } : undefined;
  };
  const residualOf = (action: string, caller: Caller): Residual => {
    const rule = rules.get(action);
    if (rule === undefined) return DENIED;
    const { creds, checks } = reducedFor(caller);
    const known = checks.get(action);
    if (known) return known;
    const check = wrongScope(action, caller) ? DENIED : residual(rule, creds, rules);
    checks.set(action, check);
    return check;
  };
  return {
    allows: (action, caller, target) => holds(residualOf(action, caller), { creds: nobody, target, rules: noRules }),
    explain(action, caller, target) {
      const rule = rules.get(action);
      const wrong = wrongScope(action, caller);
      if (rule === undefined) return denied('!', 'there is no such rule');
      if (wrong) return denied(show(rule), `it is for ${wrong.wanted.join(', ')} tokens, not for ${wrong.given} ones`);
      return evaluate(rule, { creds: reducedFor(caller).creds, target, rules });
    },
    defined: action => rules.has(action),
    scope(action, caller) {
      const { conditions } = reducedFor(caller);
      const known = conditions.get(action) ?? conditionOf(residualOf(action, caller));
      if (rules.has(action)) conditions.set(action, known);
      return known;
    },
    residual: residualOf,
    wrongScope,
    details,
    warnings,
  };
}
