// A policy rule as data, and the checks that most rules share.

export interface PolicyRule {
  readonly name: string;
  /** In the language of oslo.policy. */
  readonly check: string;
  /** `METHOD /path` of each request that the rule decides on; empty for rules that only other rules use. */
  readonly operations: readonly string[];
  /** Older names or checks: a policy file may still override by the name. */
  readonly deprecated: readonly { readonly name: string; readonly check: string }[];
  /** Kinds of tokens that a rule of requests is for. */
  readonly scopes: readonly string[];
}

export const ADMIN = 'rule:admin_only';
export const ADMIN_OR_SERVICE = '(rule:admin_only) or (rule:service_api)';
export const MEMBER = '(rule:admin_only) or (role:member and project_id:%(project_id)s)';
export const READER = '(rule:admin_only) or (role:reader and project_id:%(project_id)s)';
export const MANAGER = '(rule:admin_only) or (role:manager and project_id:%(project_id)s)';
export const PARENT_MEMBER = '(rule:admin_only) or (role:member and rule:ext_parent_owner)';
export const PARENT_READER = '(rule:admin_only) or (role:reader and rule:ext_parent_owner)';
export const PARENT_MANAGER = '(rule:admin_only) or (role:manager and rule:ext_parent_owner)';
export const NETWORK_MEMBER = '(rule:admin_only) or (role:member and rule:network_owner)';
/** Checks of the time before roles: anybody with a token; administrator or owner. */
export const REGULAR = 'rule:regular_user';
export const OLD_OWNER = 'rule:admin_or_owner';

/** `deprecated`: a check under the same name, or a pair of name and check. */
export function rule(
  name: string,
  check: string,
  operations: readonly string[],
  ...deprecated: readonly (string | readonly [name: string, check: string])[]
): PolicyRule {
  const older = deprecated.map(d => (typeof d === 'string' ? { name, check: d } : { name: d[0], check: d[1] }));
  return { name, check, operations, deprecated: older, scopes: operations.length > 0 ? ['project'] : [] };
}
