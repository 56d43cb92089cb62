// Subnets: their plan is decided by pure rules; overlapping ones cannot both pass since the network's revision is guarded.
import type { Predicate, Query, Row, Value } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import { autoAddress } from '../../domain/ipam/addresses.ts';
import { isAutoAddress } from '../../domain/ipam/modes.ts';
import { checkMtu } from '../../domain/ipam/mtu.ts';
import { autoDeletedOwners, isRouterPort, owners } from '../../domain/ipam/owners.ts';
import {
  checkNewSubnet,
  checkSource,
  type NewSubnet,
  planSubnet,
  planSubnetChange,
  type StoredSubnet,
  type SubnetChange,
  type SubnetLimits,
} from '../../domain/ipam/subnet.ts';
import { endsOf } from '../../domain/net/cidr.ts';
import { network } from '../../model/network.ts';
import { port } from '../../model/port.ts';
import { subnet } from '../../model/subnet.ts';
import { changedColumns, newColumns, shownColumns } from '../columns.ts';
import type { RequestContext, Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import type { ApiObject, Commands, Created } from './commands.ts';
import { byIds, groupedQuery, idsQuery } from './load.ts';
import { admitOnNetworks, admittedQueries, networkTargets } from './on-network.ts';
import { factsOf, partsOf, removePortRows } from './port-rows.ts';
import { hostsOfSegment, leaveSegment, moveSubnet, placeSubnet } from './routed-networks.ts';
import { dhcpBindingsQuery, scheduleNetwork } from './scheduling.ts';
import { isExternal, sharedFilter, sharingFilter, sharingOf } from './sharing.ts';
import { poolOf, refuseStranger, takeFrom } from './subnet-source.ts';
import { tagsOf } from './tags.ts';

async function present(services: Services, rows: readonly Row[]): Promise<ApiObject[]> {
  const tags = await tagsOf(
    services,
    rows.map(r => String(r.id)),
  );
  const sharing = await sharingOf(services, [...new Set(rows.map(r => String(r.network_id)))]);
  const external = (row: Row): boolean => isExternal(sharing.get(String(row.network_id)));
  return rows.map(row => presentIn(row, external(row), tags.get(String(row.id)) ?? []));
}

const presentIn = (row: Row, external: boolean, tags: readonly string[]): ApiObject =>
  Object.assign(presentSubnet(row), { 'router:external': external, tags });

export function presentSubnet(row: Row): ApiObject {
  return shownColumns(subnet, row);
}

async function targets(services: Services, objects: readonly ApiObject[]): Promise<readonly ApiObject[]> {
  const found = await networkTargets(services, objects);
  return found.map(t => ({ ...t, shared: t['networks:shared'], 'router:external': t['networks:router:external'] }));
}

const limitsOf = (services: Services): SubnetLimits => ({
  max_dns_nameservers: services.config.maxDnsNameservers,
  max_subnet_host_routes: services.config.maxSubnetHostRoutes,
});

function foreseeSubnets(ctx: RequestContext, inputs: readonly Attributes[]): readonly Query[] {
  const ids = [...new Set(inputs.map(i => String(i.network_id)))];
  return [
    ...admittedQueries(ctx, ids),
    ...ids.flatMap(id => [idsQuery('networks', [id]), groupedQuery('rbac_entries', 'object_id', [id]), onNetworkQuery(id)]),
    ...(inputs.some(i => i.enable_dhcp !== false) ? ids.map(dhcpBindingsQuery) : []),
  ];
}

const onNetworkQuery = (network_id: string): Query => ({ table: 'subnets', where: { eq: ['network_id', network_id] } });

async function create(ctx: RequestContext, draft: Draft, input: Attributes): Promise<Created> {
  checkSource(input);
  const network_id = String(input.network_id);
  const net = (await byIds(ctx, 'networks', [network_id])).get(network_id);
  if (!net) throw nothingToPlan(ctx, input);
  // Not before the network, whose revision moves with its sharing.
  const external = isExternal((await sharingOf(ctx, [network_id])).get(network_id));
  const pool = await poolOf(ctx, input);
  const others = await subnetsOn(ctx, draft, network_id);
  const wanted = { ...input, ...(pool ? await takeFrom(ctx, draft, pool, input) : {}) } as unknown as NewSubnet;
  const plan = planSubnet(
    wanted,
    others.map(o => String(o.cidr)),
    limitsOf(ctx),
  );
  const alike = others.filter(o => o.ip_version === input.ip_version);
  await refuseStranger(ctx, draft, pool, alike);
  checkMtu(Number(net.mtu), { id: network_id, ipVersions: [Number(input.ip_version)] });
  const id = draft.newId();
  const subnetpool_id = (pool?.id ?? null) as string | null;
  const row = draft.create(
    subnet,
    { ...newColumns(subnet, input), ...plan, ...endsOf(plan.cidr), subnetpool_id, id, project_id: String(input.project_id ?? '') },
    { network_id },
  );
  const host_routes = await placeSubnet(ctx, draft, row, others);
  if (host_routes !== row.host_routes) draft.update(subnet, row, { host_routes: host_routes as never }, { facts: { network_id } });
  // The guard and the bump on the network make concurrent subnets of one network take turns.
  draft.relyOn(network, net);
  draft.touch(network, network_id);
  if (isAutoAddress(input as unknown as StoredSubnet)) await addAutoAddresses(ctx, draft, row);
  if (row.enable_dhcp) await scheduleNetwork(ctx, draft, network_id);
  // Another subnet of the same request may change the routes of one that is on a segment.
  return row.segment_id === null ? { id, shown: presentIn(row, external, []) } : { id };
}

/** As in Neutron, what is wrong with the subnet itself comes before a network that is not there. */
function nothingToPlan(services: Services, input: Attributes): Error {
  if (typeof input.cidr === 'string') checkNewSubnet(input as unknown as NewSubnet, limitsOf(services));
  return apiError('NetworkNotFound', { net_id: String(input.network_id) });
}

/** The network's subnets, with those of this request. */
async function subnetsOn(services: Services, draft: Draft, network_id: string): Promise<Row[]> {
  const rows = await services.store.select(onNetworkQuery(network_id));
  const pending = draft.ops.flatMap(o => (o.op === 'insert' && o.table === 'subnets' && o.row.network_id === network_id ? [o.row] : []));
  return [...rows, ...pending];
}

/** Ports that are there already get their address of a new automatic subnet too. */
async function addAutoAddresses(ctx: RequestContext, draft: Draft, row: Row): Promise<void> {
  const where: Predicate = { eq: ['network_id', String(row.network_id)] };
  const all = await ctx.store.select({ table: 'ports', where });
  const ports = all.filter(
    p => !isRouterPort(String(p.device_owner)) && p.device_owner !== owners.floatingip && p.device_owner !== owners.dhcp,
  );
  const parts = await partsOf(
    ctx,
    ports.map(p => String(p.id)),
  );
  // A port that came just before is met here; one that comes after sees that the network has moved.
  draft.absent('ports', { and: [where, { not: { in: ['id', all.map(p => String(p.id))] } }] });
  const hosts = row.segment_id ? await hostsOfSegment(ctx, String(row.segment_id)) : undefined;
  for (const p of ports) {
    if (hosts && !hosts.includes(String(parts.bindings.get(String(p.id))?.host ?? ''))) continue;
    const ip_address = autoAddress({ cidr: String(row.cidr) }, String(p.mac_address));
    if (ip_address === undefined) continue;
    const position = parts.fixedIps.get(String(p.id))?.length ?? 0;
    draft.insert(
      'ip_allocations',
      { subnet_id: row.id ?? '', ip_address, port_id: p.id ?? '', network_id: row.network_id ?? '', position },
      { tag: 'address' },
    );
    draft.update(port, p, {}, { facts: { before: factsOf(p, parts), changed: ['fixed_ips'] } });
  }
}

async function update(ctx: RequestContext, draft: Draft, row: Row, input: Attributes): Promise<void> {
  if (Object.keys(input).length === 0) return;
  const gatewayPort = input.gateway_ip === undefined ? undefined : await routerPortAt(ctx, draft, String(row.id), String(row.gateway_ip));
  const plan = planSubnetChange(row as unknown as StoredSubnet, input as SubnetChange, gatewayPort, limitsOf(ctx));
  const set = changedColumns(subnet, input);
  if (input.gateway_ip !== undefined) set.gateway_ip = plan.gateway_ip;
  if (input.allocation_pools !== undefined) set.allocation_pools = plan.allocation_pools as Value;
  Object.assign(set, await moveSubnet(ctx, draft, row, input));
  draft.update(subnet, row, set, { facts: { network_id: row.network_id, changed: Object.keys(input) } });
  if (set.enable_dhcp === true) await scheduleNetwork(ctx, draft, String(row.network_id));
}

/** The router port that has the address; where there is none, none may come meanwhile. */
async function routerPortAt(services: Services, draft: Draft, subnet_id: string, ip_address: string): Promise<string | undefined> {
  const where: Predicate = { and: [{ eq: ['subnet_id', subnet_id] }, { eq: ['ip_address', ip_address] }] };
  const [holder] = await services.store.select({ table: 'ip_allocations', where });
  if (!holder) {
    draft.absent('ip_allocations', where);
    return undefined;
  }
  const port_id = String(holder.port_id);
  const ofRouter: Predicate = { eq: ['port_id', port_id] };
  if ((await services.store.count('router_ports', ofRouter)) > 0) return port_id;
  draft.present('ip_allocations', { and: [where, ofRouter] });
  draft.absent('router_ports', ofRouter);
  return undefined;
}

async function remove(ctx: RequestContext, draft: Draft, row: Row): Promise<void> {
  const id = String(row.id);
  const taken = await ctx.store.select({ table: 'ip_allocations', where: { eq: ['subnet_id', id] } });
  const holders = await byIds(
    ctx,
    'ports',
    taken.map(t => t.port_id),
  );
  const auto = isAutoAddress(row as unknown as StoredSubnet);
  const held = [...holders.values()].filter(
    p => !autoDeletedOwners.includes(String(p.device_owner)) && (!auto || isRouterPort(String(p.device_owner))),
  );
  if (held.length > 0) throw apiError('SubnetInUse', { subnet_id: id, reason: 'One or more ports have an IP allocation from this subnet' });
  const parts = await partsOf(ctx, [...holders.keys()]);
  const only = [...holders.values()].filter(
    p => autoDeletedOwners.includes(String(p.device_owner)) && (parts.fixedIps.get(String(p.id)) ?? []).every(f => f.subnet_id === id),
  );
  await removePortRows(ctx, draft, only);
  for (const p of holders.values())
    if (!only.includes(p)) draft.update(port, p, {}, { facts: { before: factsOf(p, parts), changed: ['fixed_ips'] } });
  // Whoever takes an address meanwhile names the subnet in a guard; who took one just before is met here.
  draft.absent('ip_allocations', {
    and: [{ eq: ['subnet_id', id] }, { not: { in: ['ip_address', taken.map(t => String(t.ip_address))] } }],
  });
  draft.delete('ip_allocations', { eq: ['subnet_id', id] });
  await leaveSegment(ctx, draft, row);
  draft.remove(subnet, row, { network_id: row.network_id });
  draft.touch(network, String(row.network_id));
}

export const subnets: Commands = {
  resource: subnet,
  present,
  derived: [],
  targets,
  filters: {
    shared: sharingFilter('access_as_shared', 'network_id'),
    'router:external': sharedFilter('access_as_external', 'network_id'),
  },
  fieldFilters: {
    'networks:shared': sharingFilter('access_as_shared', 'network_id'),
    /** Rules mean networks that are external for who asks. */
    'subnets:router:external': sharingFilter('access_as_external', 'network_id'),
  },
  admit: (ctx, inputs) => admitOnNetworks(ctx, 'subnet', inputs),
  foresee: foreseeSubnets,
  create,
  update,
  delete: remove,
};
