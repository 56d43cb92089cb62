// The availability of addresses, counted anew for each request: networks, subnets and addresses by one query each.
import type { Predicate, Row } from '../../contracts/store.ts';
import type { ListQuery } from '../../domain/input/query.ts';
import { type Availability, availabilityOf, type Counted, sumOf } from '../../domain/ipam/availability.ts';
import { networkIpAvailability } from '../../model/network-ip-availability.ts';
import type { RequestContext, Services } from '../context.ts';
import { giveWay } from '../give-way.ts';
import type { ApiObject, Commands } from './commands.ts';

const columns: Readonly<Record<string, string>> = { network_id: 'id', network_name: 'name', project_id: 'project_id' };

async function computed(ctx: RequestContext, query?: ListQuery, key?: string): Promise<ApiObject[]> {
  // What the caller will not see need not be counted.
  if (ctx.policy.scope('get_network_ip_availability', ctx.caller) === false) return [];
  return availabilities(ctx, query, key);
}

export async function availabilities(ctx: Pick<Services, 'store' | 'clock'>, query?: ListQuery, key?: string): Promise<ApiObject[]> {
  const versions = query?.filters.get('ip_version')?.map(Number);
  const networks = await ctx.store.select({
    table: 'networks',
    ...whereOf(query, key),
    order: [['id', 'asc']],
    columns: ['id', 'name', 'project_id'],
  });
  const narrowed = key !== undefined || [...(query?.filters.keys() ?? [])].some(name => columns[name]);
  const onThem: { where?: Predicate } = narrowed ? { where: { in: ['network_id', networks.map(n => String(n.id))] } } : {};
  const subnets = await ctx.store.select({ table: 'subnets', ...onThem, order: [['id', 'asc']] });
  const used = await usedOn(ctx, onThem);
  const wanted = versions ? subnets.filter(s => versions.includes(Number(s.ip_version))) : subnets;
  const byNetwork = Map.groupBy(wanted, s => s.network_id);
  const asked = versions ? networks.filter(n => byNetwork.has(n.id)) : networks;
  return asked.map(n => shown(n, byNetwork.get(n.id) ?? [], used));
}

/** What of the query is about networks. */
function whereOf(query: ListQuery | undefined, key: string | undefined): { where?: Predicate } {
  const asked: Predicate[] = key === undefined ? [] : [{ eq: ['id', key] }];
  for (const [name, values] of query?.filters ?? []) {
    const column = columns[name];
    if (column) asked.push({ in: [column, values] });
  }
  return asked.length > 0 ? { where: { and: asked } } : {};
}

/** Rows that are read before others get their turn. */
const atOnce = 20_000;

/** Addresses in use, by subnet. */
async function usedOn(ctx: Pick<Services, 'store' | 'clock'>, onThem: { where?: Predicate }): Promise<Map<string, string[]>> {
  const rows = await ctx.store.select({ table: 'ip_allocations', ...onThem, columns: ['subnet_id', 'ip_address'] });
  const used = new Map<string, string[]>();
  for (const [i, { subnet_id, ip_address }] of rows.entries()) {
    if (i % atOnce === atOnce - 1) await giveWay(ctx);
    const list = used.get(String(subnet_id));
    if (list) list.push(String(ip_address));
    else used.set(String(subnet_id), [String(ip_address)]);
  }
  return used;
}

function shown(net: Row, subnets: readonly Row[], used: ReadonlyMap<string, readonly string[]>): ApiObject {
  const counts = subnets.map(s => availabilityOf(s as unknown as Counted, used.get(String(s.id)) ?? []));
  return {
    network_id: net.id,
    network_name: net.name,
    project_id: net.project_id,
    subnet_ip_availability: subnets.map((s, i) => ({
      subnet_id: s.id,
      subnet_name: s.name,
      ip_version: s.ip_version,
      cidr: s.cidr,
      ...numbersOf(counts[i] as Availability),
    })),
    ...numbersOf(sumOf(counts)),
  };
}

function numbersOf({ total, used, details }: Availability): ApiObject {
  const written = Object.entries(details).map(([name, value]) => [name, exact(value)]);
  return { total_ips: exact(total), used_ips: exact(used), ip_availability_details: Object.fromEntries(written) };
}

/** As a JSON number of all its digits. */
function exact(value: bigint): unknown {
  return value <= BigInt(Number.MAX_SAFE_INTEGER)
    ? Number(value)
    : (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(String(value));
}

export const networkIpAvailabilities: Commands = {
  resource: networkIpAvailability,
  present: async () => [],
  computed,
  computedFilters: ['network_id', 'network_name', 'project_id', 'ip_version'],
};
