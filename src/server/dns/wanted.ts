// Which names of an object are to be in the external DNS, by what is committed now.
import type { Row } from '../../contracts/store.ts';
import { grouped } from '../commands/load.ts';
import { segmentPools } from '../commands/segment-pools.ts';
import type { Services } from '../context.ts';

export interface WantedName {
  /** With its final dot. */
  readonly name: string;
  readonly address: string;
  readonly project_id: string;
}

const joined = (dns_name: unknown, dns_domain: unknown): string | undefined => {
  const [name, domain] = [String(dns_name ?? ''), String(dns_domain ?? '')];
  if (name === '' || domain === '') return undefined;
  return name.endsWith('.') ? name : `${name}.${domain}`;
};

export async function namesOfPort(services: Services, id: string): Promise<WantedName[]> {
  const row = await services.store.get('ports', { id });
  const net = row && (await services.store.get('networks', { id: String(row.network_id) }));
  if (!row || !net) return [];
  const name = joined(row.dns_name, row.dns_domain || net.dns_domain);
  if (name === undefined) return [];
  const addresses = await services.store.select({ table: 'ip_allocations', where: { eq: ['port_id', id] }, order: [['position', 'asc']] });
  return (await publishedOf(services, net, addresses)).map(a => ({
    name,
    address: String(a.ip_address),
    project_id: String(row.project_id),
  }));
}

/** Of subnets that publish; where none does, of networks that reach beyond the cloud. */
async function publishedOf(services: Services, net: Row, addresses: readonly Row[]): Promise<readonly Row[]> {
  const subnets = await services.store.select({ table: 'subnets', where: { eq: ['network_id', String(net.id)] } });
  const publishing = subnets.filter(s => s.dns_publish_fixed_ip === true).map(s => s.id);
  if (publishing.length > 0) return addresses.filter(a => publishing.includes(String(a.subnet_id)));
  return (await reachesBeyond(services, net)) ? addresses : [];
}

/** Provider networks: several segments, a flat one, or an id that no project would get by itself. */
async function reachesBeyond(services: Services, net: Row): Promise<boolean> {
  const where = { and: [{ eq: ['object_id', String(net.id)] }, { eq: ['action', 'access_as_external'] }] } as const;
  if ((await services.store.count('rbac_entries', where)) > 0) return false;
  const segments = (await grouped(services, 'segments', 'network_id', [net.id])).get(String(net.id)) ?? [];
  const [only, ...more] = segments.filter(s => s.is_dynamic !== true);
  if (!only) return false;
  if (more.length > 0 || only.network_type === 'flat') return true;
  if (only.network_type === 'local') return false;
  const pools = await segmentPools(services, String(only.network_type), String(net.project_id));
  const id = Number(only.segmentation_id);
  const place = only.physical_network ?? null;
  return !pools.some(p => p.physical_network === place && p.ranges.some(([low, high]) => low <= id && id <= high));
}

/** Its own name, or that of the port behind it. */
export async function namesOfFloatingIp(services: Services, id: string): Promise<WantedName[]> {
  const row = await services.store.get('floatingips', { id });
  if (!row) return [];
  const name = joined(row.dns_name, row.dns_domain) ?? (await nameBehind(services, row));
  return name === undefined ? [] : [{ name, address: String(row.floating_ip_address), project_id: String(row.project_id) }];
}

async function nameBehind(services: Services, { port_id }: Row): Promise<string | undefined> {
  const port = port_id ? await services.store.get('ports', { id: String(port_id) }) : undefined;
  const net = port && (await services.store.get('networks', { id: String(port.network_id) }));
  return port && joined(port.dns_name, port.dns_domain || net?.dns_domain);
}
