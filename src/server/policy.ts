// Policy as the server asks it: the rules of the model, compiled once; the language is in domain/policy.
import type { Caller } from '../contracts/identity.ts';
import type { Creds } from '../domain/policy/check.ts';
import { type Decision, evaluate, holds } from '../domain/policy/evaluate.ts';
import { type Condition, predicate } from '../domain/policy/predicate.ts';
import { compileRules, type PolicyProblem, type RuleDefault } from '../domain/policy/rules.ts';

export type Target = Readonly<Record<string, unknown>>;

export interface Policy {
  /** An action that no rule is defined for is denied. */
  allows(action: string, caller: Caller, target: Target): boolean;
  explain(action: string, caller: Caller, target: Target): Decision;
  defined(action: string): boolean;
  /** What is left of a rule when only the caller is known: everything, nothing, or a condition on the object. */
  scope(action: string, caller: Caller): boolean | Condition;
}

/** Rules that were refused, each with its place. A server does not start with any. */
export class PolicyRefused extends Error {
  readonly problems: readonly PolicyProblem[];
  constructor(problems: readonly PolicyProblem[]) {
    super(problems.map(p => `${p.rule}${p.position === undefined ? '' : ` at ${p.position}`}: ${p.message}`).join('; '));
    this.name = 'PolicyRefused';
    this.problems = problems;
  }
}

function credsOf(caller: Caller): Creds {
  return {
    roles: caller.roles,
    project_id: caller.project_id,
    tenant_id: caller.project_id,
    user_id: caller.user_id,
    domain_id: caller.domain_id,
    user_domain_id: caller.user_domain_id,
    project_domain_id: caller.project_domain_id,
    system_scope: caller.system_scope,
  };
}

export function buildPolicy(defaults: readonly RuleDefault[], overrides: Readonly<Record<string, string>> = {}): Policy {
  const { rules, errors } = compileRules(defaults, overrides);
  if (errors.length > 0) throw new PolicyRefused(errors);
  return {
    allows(action, caller, target) {
      const rule = rules.get(action);
      return rule !== undefined && holds(rule, { creds: credsOf(caller), target, rules });
    },
    explain(action, caller, target) {
      return evaluate(rules.get(action) ?? { kind: 'false' }, { creds: credsOf(caller), target, rules });
    },
    defined: action => rules.has(action),
    scope(action, caller) {
      const rule = rules.get(action);
      return rule === undefined ? false : predicate(rule, credsOf(caller), rules);
    },
  };
}
