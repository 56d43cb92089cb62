// Which names of an object are to be in the external DNS, by what is committed now.
import type { Row } from '../../contracts/store.ts';
import { isProvisionalAddress } from '../../domain/ipam/delegation.ts';
import { domainFor } from '../../domain/ipam/dns-keywords.ts';
import type { Services } from '../context.ts';
import { domainOfPort, namedBy, publishedOf } from './domains.ts';

export interface WantedName {
  /** With its final dot. */
  readonly name: string;
  readonly address: string;
  readonly project_id: string;
}

const joined = (dns_name: unknown, domain: string | undefined): string | undefined => {
  const name = String(dns_name ?? '');
  if (name === '' || !domain) return undefined;
  return name.endsWith('.') ? name : `${name}.${domain}`;
};

export async function namesOfPort(services: Services, id: string): Promise<WantedName[]> {
  const row = await services.store.get('ports', { id });
  const net = row && (await services.store.get('networks', { id: String(row.network_id) }));
  if (!row || !net) return [];
  const domain = domainOfPort(row, net);
  if (domain === undefined && row.dns_name)
    services.log.warning('a name is not published: a value in its domain is no label', { port_id: id });
  const name = joined(row.dns_name, domain);
  if (name === undefined) return [];
  const published = (await publishedOf(services, [net]))(net);
  if (published === undefined) return [];
  const addresses = await services.store.select({ table: 'ip_allocations', where: { eq: ['port_id', id] }, order: [['position', 'asc']] });
  return addresses
    .filter(a => !isProvisionalAddress(String(a.ip_address)))
    .filter(a => published === 'all' || published.has(String(a.subnet_id)))
    .map(a => ({ name, address: String(a.ip_address), project_id: String(row.project_id) }));
}

/** Its own name, or that of the port behind it. */
export async function namesOfFloatingIp(services: Services, id: string): Promise<WantedName[]> {
  const row = await services.store.get('floatingips', { id });
  if (!row) return [];
  const own = joined(row.dns_name, domainFor(String(row.dns_domain ?? ''), namedBy(row)));
  const name = own ?? (row.dns_name ? undefined : await nameBehind(services, row));
  return name === undefined ? [] : [{ name, address: String(row.floating_ip_address), project_id: String(row.project_id) }];
}

async function nameBehind(services: Services, { port_id }: Row): Promise<string | undefined> {
  const port = port_id ? await services.store.get('ports', { id: String(port_id) }) : undefined;
  const net = port && (await services.store.get('networks', { id: String(port.network_id) }));
  return port && joined(port.dns_name, domainOfPort(port, net));
}
