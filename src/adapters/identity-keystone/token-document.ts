// What Keystone says about a token (`GET /v3/auth/tokens`), read defensively, as a Caller.
import type { Caller } from '../../contracts/identity.ts';
import type { AccessRule } from './access-rules.ts';

interface Named {
  readonly id?: unknown;
  readonly name?: unknown;
  readonly domain?: Named;
}

interface TokenBody {
  readonly user?: Named;
  readonly project?: Named;
  readonly domain?: Named;
  readonly system?: { readonly all?: unknown };
  readonly roles?: readonly Named[];
  readonly expires_at?: unknown;
  readonly audit_ids?: readonly unknown[];
  readonly application_credential?: { readonly access_rules?: unknown };
}

/** What a token says of whose it is and, where it is not for everything, what it is for. */
export interface Said {
  readonly caller: Caller;
  readonly rules?: readonly AccessRule[];
}

/** Undefined when it is not a token of Keystone v3: then the answer came from something else. */
export function saidBy(document: unknown): Said | undefined {
  const token = bodyOf(document);
  const caller = token && callerOf(token);
  if (!caller) return undefined;
  const rules = token.application_credential?.access_rules;
  return rules === undefined || rules === null ? { caller } : { caller, rules: rulesOf(rules) };
}

/** What is no rule allows nothing. */
function rulesOf(rules: unknown): AccessRule[] {
  const isText = (value: unknown): value is string => typeof value === 'string';
  return (Array.isArray(rules) ? rules : []).flatMap((rule: Partial<AccessRule> | null) => {
    const { method, path, service } = rule ?? {};
    return isText(method) && isText(path) && isText(service) ? [{ method, path, service }] : [];
  });
}

function callerOf(token: TokenBody): Caller | undefined {
  const expires = text(token.expires_at);
  const user = text(token.user?.id);
  if (!user || !expires || Number.isNaN(Date.parse(expires))) return undefined;
  return {
    user_id: user,
    user_name: text(token.user?.name) ?? '',
    user_domain_id: text(token.user?.domain?.id) ?? '',
    user_domain_name: text(token.user?.domain?.name) ?? '',
    project_id: text(token.project?.id) ?? null,
    project_name: text(token.project?.name) ?? null,
    project_domain_id: text(token.project?.domain?.id) ?? null,
    project_domain_name: text(token.project?.domain?.name) ?? null,
    domain_id: text(token.domain?.id) ?? null,
    system_scope: token.system?.all === true ? 'all' : null,
    roles: rolesOf(token.roles),
    expires_at: expires,
    audit_id: text(token.audit_ids?.[0]) ?? '',
  };
}

function bodyOf(document: unknown): TokenBody | undefined {
  const token = typeof document === 'object' && document !== null ? (document as { token?: unknown }).token : undefined;
  return typeof token === 'object' && token !== null ? (token as TokenBody) : undefined;
}

/** Keystone has added the implied ones already. */
function rolesOf(roles: unknown): string[] {
  if (!Array.isArray(roles)) return [];
  return roles.flatMap((role: Named | null) => text(role?.name) ?? []);
}

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
