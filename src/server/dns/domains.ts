// Under which domain the names of ports are in the external DNS, and which networks have their names there at all.
import type { Row } from '../../contracts/store.ts';
import { domainFor, type NamedBy } from '../../domain/ipam/dns-keywords.ts';
import { byIds, grouped } from '../commands/load.ts';
import { poolsFrom, rangeRows } from '../commands/segment-pools.ts';
import type { Services } from '../context.ts';

/** The port's own domain or its network's, with the values of whoever named the port. */
export function domainOfPort(row: Row, net: Row | undefined): string | undefined {
  return domainFor(String(row.dns_domain || net?.dns_domain || ''), namedBy(row));
}

export const namedBy = (row: Row): NamedBy | undefined => (row.dns_named_by as NamedBy | null | undefined) ?? undefined;

/** The subnets whose addresses have names in the external DNS; or all of the network's, or undefined for none. */
export type Published = ReadonlySet<string> | 'all' | undefined;

/** A constant number of queries. What publishes are the subnets that say so; where none does, networks that reach beyond the cloud. */
export async function publishedOf(services: Services, nets: readonly Row[]): Promise<(net: Row) => Published> {
  const ids = nets.map(n => String(n.id));
  const subnets = await grouped(services, 'subnets', 'network_id', ids, { where: { eq: ['dns_publish_fixed_ip', true] } });
  const external = await grouped(services, 'rbac_entries', 'object_id', ids, { where: { eq: ['action', 'access_as_external'] } });
  const segments = await grouped(services, 'segments', 'network_id', ids, { where: { eq: ['is_dynamic', false] } });
  const ranges = await rangeRows(services);
  return net => {
    const id = String(net.id);
    const saying = subnets.get(id);
    if (saying) return new Set(saying.map(s => String(s.id)));
    if (external.has(id)) return undefined;
    return reachesBeyond(services, ranges, net, segments.get(id) ?? []) ? 'all' : undefined;
  };
}

/** Provider networks: several segments, a flat one, or an id that no project would get by itself. */
function reachesBeyond({ config }: Services, ranges: readonly Row[], net: Row, [only, ...more]: readonly Row[]): boolean {
  if (!only) return false;
  if (more.length > 0 || only.network_type === 'flat') return true;
  if (only.network_type === 'local') return false;
  const pools = poolsFrom(config, ranges, String(only.network_type), String(net.project_id));
  const id = Number(only.segmentation_id);
  const place = only.physical_network ?? null;
  return !pools.some(p => p.physical_network === place && p.ranges.some(([low, high]) => low <= id && id <= high));
}

/** For `dns_assignment`: the domain under which a name is in the external DNS, or that of the cloud. */
export async function assignmentDomains(services: Services, rows: readonly Row[]): Promise<(row: Row) => string> {
  const cloud = services.config.dnsDomain;
  const named = services.config.externalDns.driver === '' ? [] : rows.filter(r => r.dns_name !== '');
  if (named.length === 0) return () => cloud;
  const nets = await byIds(
    services,
    'networks',
    named.map(r => r.network_id),
  );
  const published = await publishedOf(services, [...nets.values()]);
  return row => {
    const net = nets.get(String(row.network_id));
    return (net && row.dns_name !== '' && published(net) && domainOfPort(row, net)) || cloud;
  };
}
