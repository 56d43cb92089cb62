// Names of ports in the DNS. Under the domain that nobody has chosen there are none.
import type { Caller } from '../../contracts/identity.ts';
import type { Row } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import { misfit, ownDomain } from '../../domain/ipam/dns.ts';
import type { NamedBy } from '../../domain/ipam/dns-keywords.ts';
import type { Services } from '../context.ts';

/** What placeholders in domains may say of a caller. */
export const namerOf = ({ project_id, project_name, user_id, user_name }: Caller): NamedBy => ({
  project_id,
  project_name,
  user_id,
  user_name,
});

/** What of a request about names is kept; a name has to fit the cloud's domain. Whoever gives another name or domain stands for its placeholders. */
export function namesOf({ config }: Services, { dns_name, dns_domain }: Attributes, namer?: NamedBy, now: Row = {}): Row {
  const domain = ownDomain(config.dnsDomain);
  const given = {
    ...(typeof dns_name === 'string' ? { dns_name } : {}),
    ...(typeof dns_domain === 'string' ? { dns_domain } : {}),
  };
  if (domain === '') return Object.fromEntries(Object.keys(given).map(key => [key, '']));
  const wrong = given.dns_name ? misfit(given.dns_name, domain) : undefined;
  if (wrong !== undefined) throw apiError('HTTPBadRequest', { message: `Invalid input for dns_name. Reason: ${wrong}.` });
  const another = Object.entries(given).some(([key, value]) => value !== (now[key] ?? ''));
  return another && namer ? { ...given, dns_named_by: { ...namer } } : given;
}
