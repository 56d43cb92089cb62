// An account as Keystone is asked for a token with it.
import type { ServiceAccount } from '../../contracts/service-account.ts';

type Named = { readonly id: string } | { readonly name: string };

const named = (id: string, name: string): Named => (id === '' ? { name } : { id });

/** By id or by name, the latter within a domain. */
function within(id: string, name: string, domain: Named): Record<string, unknown> {
  return id === '' ? { name, domain } : { id };
}

const domainOf = ({ default_domain_id, default_domain_name }: ServiceAccount, id: string, name: string): Named =>
  id === '' && name === '' ? named(default_domain_id, default_domain_name) : named(id, name);

/** The body of a request for a token. */
export function authOf(account: ServiceAccount): unknown {
  const { username, user_id, password, user_domain_id, user_domain_name } = account;
  const user = within(user_id, username, domainOf(account, user_domain_id, user_domain_name));
  if (account.auth_type === 'v3applicationcredential') {
    const { application_credential_id: id, application_credential_name: name, application_credential_secret: secret } = account;
    const application_credential = id === '' ? { name, secret, user } : { id, secret };
    return { auth: { identity: { methods: ['application_credential'], application_credential } } };
  }
  return { auth: { identity: { methods: ['password'], password: { user: { ...user, password } } }, ...scopeOf(account) } };
}

function scopeOf(account: ServiceAccount): { scope?: unknown } {
  if (account.system_scope === 'all') return { scope: { system: { all: true } } };
  const { project_id, project_name, project_domain_id, project_domain_name } = account;
  if (project_id === '' && project_name === '') return {};
  return { scope: { project: within(project_id, project_name, domainOf(account, project_domain_id, project_domain_name)) } };
}
