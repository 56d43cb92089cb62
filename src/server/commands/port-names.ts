// Names of ports in the DNS. Under the domain that nobody has chosen there are none.
import { apiError } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import { misfit, ownDomain } from '../../domain/ipam/dns.ts';
import type { Services } from '../context.ts';

/** What of a request about names is kept; a name has to fit the cloud's domain. */
export function namesOf({ config }: Services, { dns_name, dns_domain }: Attributes): { dns_name?: string; dns_domain?: string } {
  const domain = ownDomain(config.dnsDomain);
  const given = {
    ...(typeof dns_name === 'string' ? { dns_name } : {}),
    ...(typeof dns_domain === 'string' ? { dns_domain } : {}),
  };
  if (domain === '') return Object.fromEntries(Object.keys(given).map(key => [key, '']));
  const wrong = given.dns_name ? misfit(given.dns_name, domain) : undefined;
  if (wrong !== undefined) throw apiError('HTTPBadRequest', { message: `Invalid input for dns_name. Reason: ${wrong}.` });
  return given;
}
