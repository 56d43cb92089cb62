// Objects as agents get them: the API's attributes unmasked, with the keys that agents read besides. A constant number of queries each.
import type { Row } from '../../contracts/store.ts';
import { grouped } from '../commands/load.ts';
import { addressScopesOf, networks } from '../commands/networks.ts';
import { scopesOf } from '../commands/pool-scope.ts';
import { partsOf } from '../commands/port-rows.ts';
import { presentPort } from '../commands/port-view.ts';
import { portQos } from '../commands/qos-view.ts';
import { presentSubnet } from '../commands/subnets.ts';
import { tagsOf } from '../commands/tags.ts';
import type { Services } from '../context.ts';
import { assignmentDomains } from '../dns/domains.ts';

export type Dict = Record<string, unknown>;

const everybody = { project_id: null, isAdmin: true };

export async function portDicts(services: Services, rows: readonly Row[]): Promise<Dict[]> {
  const ids = rows.map(r => String(r.id));
  const parts = await partsOf(services, ids);
  const tags = await tagsOf(services, ids);
  const qos = await portQos(services, rows, parts.bindings);
  const domains = await assignmentDomains(services, rows);
  return rows.map(row => {
    return {
      ...presentPort(row, { parts, tags: tags.get(String(row.id)) ?? [], qos: qos(row), dnsDomain: domains(row) }),
      tenant_id: row.project_id,
    };
  });
}

export async function portDict(services: Services, id: string): Promise<Dict | undefined> {
  const row = await services.store.get('ports', { id });
  return row ? (await portDicts(services, [row]))[0] : undefined;
}

export function subnetDict(row: Row): Dict {
  return { ...presentSubnet(row), tenant_id: row.project_id, shared: false, segment_id: row.segment_id ?? null, tags: [] };
}

export async function networkDicts(services: Services, rows: readonly Row[]): Promise<Dict[]> {
  const objects = await networks.present(services, rows, everybody);
  return objects.map(o => ({ ...o, tenant_id: o.project_id }));
}

/** `fixed_ips` with prefix lengths, and the subnets around them: how routers see their ports. */
export async function routerPortDicts(services: Services, rows: readonly Row[]): Promise<Dict[]> {
  const dicts = await portDicts(services, rows);
  const networkIds = rows.map(r => r.network_id);
  const subnets = await grouped(services, 'subnets', 'network_id', networkIds, { order: [['id', 'asc']] });
  const scopeOf = await scopesOf(services, [...subnets.values()].flat());
  const mtus = new Map(
    (await services.store.select({ table: 'networks', where: { in: ['id', networkIds as string[]] }, columns: ['id', 'mtu'] })).map(n => [
      n.id,
      n.mtu,
    ]),
  );
  return dicts.map(d => {
    const all = subnets.get(String(d.network_id)) ?? [];
    const fixed = d.fixed_ips as readonly { readonly subnet_id: string; readonly ip_address: string }[];
    const own = (s: Row): boolean => fixed.some(f => f.subnet_id === s.id);
    return {
      ...d,
      fixed_ips: fixed.map(f => ({ ...f, prefixlen: prefixOf(all.find(s => s.id === f.subnet_id)) })),
      subnets: all.filter(own).map(subnetInfo),
      extra_subnets: all.filter(s => !own(s)).map(subnetInfo),
      address_scopes: portScopes(all, scopeOf),
      mtu: mtus.get(d.network_id as string),
    };
  });
}

/** By IP version. */
function portScopes(subnets: readonly Row[], scopeOf: (subnet: Row) => string | null): Dict {
  const { ipv4_address_scope, ipv6_address_scope } = addressScopesOf(subnets, scopeOf);
  return { 4: ipv4_address_scope, 6: ipv6_address_scope };
}

const prefixOf = (subnet: Row | undefined): number => Number(String(subnet?.cidr ?? '/0').split('/')[1]);

function subnetInfo(s: Row): Dict {
  return {
    id: s.id,
    cidr: s.cidr,
    gateway_ip: s.gateway_ip,
    dns_nameservers: s.dns_nameservers,
    ipv6_ra_mode: s.ipv6_ra_mode,
    subnetpool_id: s.subnetpool_id,
  };
}
