// Networks: their segment, MTU and sharing are decided here.
import type { Predicate, Query, Row } from '../../contracts/store.ts';
import { apiError, invalidInput } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import { checkMtu, networkMtu } from '../../domain/ipam/mtu.ts';
import { autoDeletedOwners, owners } from '../../domain/ipam/owners.ts';
import { providerKeys, wantedSegments } from '../../domain/segments.ts';
import { floatingip } from '../../model/floatingip.ts';
import { network } from '../../model/network.ts';
import { segment } from '../../model/segment.ts';
import { subnet } from '../../model/subnet.ts';
import { changedColumns, newColumns, shownColumns } from '../columns.ts';
import type { RequestContext, Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { requireZones, zonesOf } from './availability-zones.ts';
import type { ApiObject, Commands, Created, Viewer } from './commands.ts';
import { defaultFrom } from './default-external.ts';
import { defaultGroup, defaultGroupQuery } from './default-group.ts';
import { admitHa, becomeHaNetwork } from './ha-networks.ts';
import { byIds, grouped, relyOnAll } from './load.ts';
import { scopesOf } from './pool-scope.ts';
import { followPolicyOnNetwork } from './port-allocation.ts';
import { removePortRows } from './port-rows.ts';
import { changePvlan, requirePvlanSecurity } from './pvlan.ts';
import { defaultPolicy, defaultPolicyQuery } from './qos-policies.ts';
import { admitNetwork, changePolicy, usePolicy } from './qos-use.ts';
import { changeVlanId, mtuSegment, segmentOf, takeSegments, typesFor } from './segment-allocation.ts';
import { rangesQuery } from './segment-pools.ts';
import { insertSegment, segmentsOf } from './segments.ts';
import type { Use } from './shared-types.ts';
import { isExternal, isShared, removeSharing, share, sharedFilter, sharingFilter, sharingOf, unshare } from './sharing.ts';
import { type Loss, losing, setShared } from './sharing-loss.ts';
import { tagsOf } from './tags.ts';

async function present(services: Services, rows: readonly Row[], viewer: Viewer): Promise<ApiObject[]> {
  const ids = rows.map(r => String(r.id));
  const segments = await grouped(services, 'segments', 'network_id', ids, { order: [['segment_index', 'asc']] });
  const subnets = await grouped(services, 'subnets', 'network_id', ids, { order: [['id', 'asc']] });
  const scopeOf = await scopesOf(services, [...subnets.values()].flat());
  const sharing = await sharingOf(services, ids);
  const zones = await zonesOf(services, 'network', ids);
  const tags = await tagsOf(services, ids);
  return rows.map(row => {
    const id = String(row.id);
    const external = isExternal(sharing.get(id));
    return presentNetwork(row, {
      segments: segments.get(id) ?? [],
      subnets: subnets.get(id) ?? [],
      scopeOf,
      shared: isShared(sharing.get(id), 'access_as_shared', viewer),
      external,
      zones: zones.get(id) ?? [],
      tags: tags.get(id) ?? [],
    });
  });
}

interface NetworkView {
  readonly segments: readonly Row[];
  readonly subnets: readonly Row[];
  readonly scopeOf: (subnet: Row) => string | null;
  readonly shared: boolean;
  readonly external: boolean;
  readonly zones: readonly string[];
  readonly tags: readonly string[];
}

function presentNetwork(row: Row, { segments, subnets, scopeOf, shared, external, zones, tags }: NetworkView): ApiObject {
  const { is_default, ...columns } = shownColumns(network, row);
  return {
    ...columns,
    ...(external ? { is_default } : {}),
    subnets: subnets.map(s => s.id),
    shared,
    'router:external': external,
    ...providerOf(segments),
    availability_zones: zones,
    l2_adjacency: subnets.every(s => (s.segment_id ?? null) === null),
    ...addressScopesOf(subnets, scopeOf),
    tags,
  };
}

/** What a network has that is just made: nothing that others would have had to make after it. */
const bare = { subnets: [], scopeOf: () => null, zones: [], tags: [] } as const;

/** Those that the subnets' pools are in; all subnets of one version are in the same. */
export function addressScopesOf(subnets: readonly Row[], scopeOf: (subnet: Row) => string | null): Record<string, string | null> {
  const scope = (version: number): string | null =>
    subnets.filter(s => s.ip_version === version).reduce<string | null>((found, s) => found ?? scopeOf(s), null);
  return { ipv4_address_scope: scope(4), ipv6_address_scope: scope(6) };
}

/** One segment is shown as provider attributes, several as a list. */
function providerOf(segments: readonly Row[]): Record<string, unknown> {
  const all = segments.filter(s => s.is_dynamic !== true).map(providerSegment);
  return all.length > 1 ? { segments: all } : (all[0] ?? providerSegment({}));
}

function providerSegment(row: Row): Record<string, unknown> {
  return {
    'provider:network_type': row.network_type ?? null,
    'provider:physical_network': row.physical_network ?? null,
    'provider:segmentation_id': row.segmentation_id ?? null,
  };
}

function refuseTransparency({ drivers }: Services, { vlan_transparent }: Attributes): void {
  if (vlan_transparent === true && !drivers.mechanisms.every(m => m.vlanTransparent)) throw apiError('VlanTransparencyDriverError');
}

function segmentFilter(column: string): (values: readonly string[]) => Predicate {
  const numeric = column === 'segmentation_id';
  return values => ({
    exists: {
      table: 'segments',
      on: [['network_id', 'id']],
      where: { in: [column, values.map(v => (numeric ? (/^\d{1,10}$/.test(v) ? Number(v) : -1) : v))] },
    },
  });
}

function foreseeNetworks({ config }: RequestContext, inputs: readonly Attributes[]): readonly Query[] {
  return inputs.flatMap(input => {
    const project = typeof input.project_id === 'string' && input.ha !== true ? input.project_id : '';
    const [type] = wantedSegments(input) ? [] : typesFor(config, input['router:external'] === true);
    return [
      ...(project === '' ? [] : [defaultGroupQuery(project)]),
      ...(type === undefined || type === 'local' ? [] : [rangesQuery(type)]),
      ...(project === '' || typeof input.qos_policy_id === 'string' ? [] : [defaultPolicyQuery(project)]),
    ];
  });
}

async function create(ctx: RequestContext, draft: Draft, input: Attributes): Promise<Created> {
  const id = draft.newId();
  const owner = String(input.project_id ?? '');
  const project = input.ha === true ? '' : owner;
  if (project) await defaultGroup(ctx, draft, project);
  await requireZones(ctx, 'network', input.availability_zone_hints);
  refuseTransparency(ctx, input);
  requirePvlanSecurity({ id, ...input });
  const taken = await takeSegments({ services: ctx, draft, networkId: id, project }, input);
  const mtu = networkMtu(
    Number(input.mtu),
    taken.map(s => mtuSegment(ctx, s)),
    ctx.config.mtu,
  );
  const qos_policy_id = await policyOfNew(ctx, draft, input, project);
  const is_default = await defaultFrom(ctx, draft, id, input);
  const row = draft.create(network, {
    ...newColumns(network, input),
    id,
    project_id: project,
    status: 'ACTIVE',
    mtu,
    qos_policy_id,
    is_default,
    revision_number: 1,
  });
  const segments = taken.map((one, i) => insertSegment(draft, id, one, i));
  await admitNetwork(ctx, draft, qos_policy_id, id);
  if (input.ha === true) await becomeHaNetwork(ctx, draft, owner, id);
  if (input.shared) share(draft, 'network', row);
  if (input['router:external']) share(draft, 'network', row, 'access_as_external');
  const [shared, external] = [input.shared === true, input['router:external'] === true];
  return { id, shown: presentNetwork(row, { ...bare, segments, shared, external }), also: { is_default: input.is_default === true } };
}

/** The policy that is asked for, or the project's default. */
async function policyOfNew(ctx: RequestContext, draft: Draft, { qos_policy_id }: Attributes, project: string): Promise<string | null> {
  await usePolicy(ctx, draft, qos_policy_id);
  return typeof qos_policy_id === 'string' ? qos_policy_id : (((await defaultPolicy(ctx, project))?.id as string | undefined) ?? null);
}

async function update(ctx: RequestContext, draft: Draft, row: Row, input: Attributes): Promise<void> {
  const set = changedColumns(network, input);
  await changePvlan(ctx, draft, row, input);
  if (input.mtu !== undefined) set.mtu = await updatedMtu(ctx, row, Number(input.mtu));
  const rewired = await changeProvider(ctx, draft, row, input);
  await changePolicy(ctx, draft, row.qos_policy_id, input.qos_policy_id);
  if (input.qos_policy_id !== row.qos_policy_id) await admitNetwork(ctx, draft, input.qos_policy_id, String(row.id));
  if (input.shared !== undefined)
    await setShared(ctx, draft, 'network', row, input.shared === true, loss => refuseUnsharing(ctx, draft, loss));
  if (input['router:external'] !== undefined || input.is_default !== undefined)
    set.is_default = await defaultFrom(ctx, draft, String(row.id), input, row);
  if (input['router:external'] !== undefined) await setExternal(ctx, draft, row, input['router:external'] === true);
  if (input.qos_policy_id !== undefined) await followPolicyOnNetwork(ctx, draft, row, input.qos_policy_id);
  if (Object.keys(set).length > 0 || input.shared !== undefined || input['router:external'] !== undefined || rewired) {
    draft.update(network, row, set, { facts: { mtu_changed: set.mtu !== undefined && set.mtu !== row.mtu, changed: Object.keys(input) } });
  }
}

async function updatedMtu(ctx: RequestContext, row: Row, asked: number): Promise<number> {
  const id = String(row.id);
  const segments = (await segmentsOf(ctx, id)).map(segmentOf);
  const mtu = networkMtu(
    asked,
    segments.map(s => mtuSegment(ctx, s)),
    ctx.config.mtu,
  );
  const subnets = await ctx.store.select({ table: 'subnets', where: { eq: ['network_id', id] }, columns: ['ip_version'] });
  checkMtu(mtu, { id, ipVersions: subnets.map(s => Number(s.ip_version)) });
  return mtu;
}

/** Only the id of a VLAN can be changed; naming anything again as it is is no change. Answers whether it is another network now. */
async function changeProvider(ctx: RequestContext, draft: Draft, row: Row, input: Attributes): Promise<boolean> {
  const named = [...providerKeys, 'segments' as const].filter(k => input[k] !== undefined);
  if (named.length === 0) return false;
  const id = String(row.id);
  const rows = (await segmentsOf(ctx, id)).filter(s => s.is_dynamic !== true);
  const now = providerOf(rows);
  const fixed = named.filter(k => k !== 'provider:segmentation_id' && !isEqual(now[k], input[k]));
  if (rows.length > 1 && named.some(k => k !== 'segments'))
    throw invalidInput('Provider network attributes can be updated only in provider networks with a single segment');
  if (fixed.length > 0)
    throw invalidInput(`Plugin does not support updating the following provider network attributes: ${fixed.join(', ')}`);
  const [only] = rows;
  if (!only) return false;
  const taker = { services: ctx, draft, networkId: id, project: String(row.project_id) };
  const after = await changeVlanId(taker, segmentOf(only), input['provider:segmentation_id']);
  if (!after) return false;
  await refusePlugged(ctx, draft, id);
  draft.update(segment, only, { segmentation_id: after.segmentation_id });
  return true;
}

const isEqual = (a: unknown, b: unknown): boolean => JSON.stringify(a ?? null) === JSON.stringify(b ?? null);

/** Agents of ours do not move what is plugged from one VLAN to another. */
async function refusePlugged(ctx: RequestContext, draft: Draft, network_id: string): Promise<void> {
  const binding: Predicate = { not: { in: ['vif_type', ['unbound', 'binding_failed']] } };
  const where: Predicate = {
    and: [{ eq: ['network_id', network_id] }, { exists: { table: 'port_bindings', on: [['port_id', 'id']], where: binding } }],
  };
  const what = 'cannot be updated if any port in the network has not the following vif_type: unbound, binding_failed';
  if ((await ctx.store.count('ports', where)) > 0) throw invalidInput(`Provider network attribute provider:segmentation_id ${what}`);
  draft.absent('ports', where);
}

/** A network that others have ports or subnets on stays shared. */
async function refuseUnsharing(ctx: RequestContext, draft: Draft, loss: Loss): Promise<void> {
  const onIt: Predicate = { eq: ['network_id', String(loss.object.id)] };
  const ports: Use = { table: 'ports', where: { and: [onIt, { not: { startsWith: ['device_owner', 'network:'] } }] } };
  for (const use of [ports, { table: 'subnets', where: onIt }]) {
    const foreign = losing(use, loss);
    if ((await ctx.store.count(use.table, foreign)) > 0) throw apiError('InvalidSharedSetting', { network: String(loss.object.name) });
    draft.absent(use.table, foreign);
  }
}

async function setExternal(ctx: RequestContext, draft: Draft, row: Row, external: boolean): Promise<void> {
  const id = String(row.id);
  const now = ((await sharingOf(ctx, [id])).get(id) ?? []).filter(e => e.action === 'access_as_external');
  if (external) return now.length > 0 ? undefined : share(draft, 'network', row, 'access_as_external');
  const gateways: Predicate = { and: [{ eq: ['network_id', id] }, { eq: ['device_owner', owners.routerGateway] }] };
  if ((await ctx.store.count('ports', gateways)) > 0) throw apiError('ExternalNetworkInUse', { net_id: id });
  draft.absent('ports', gateways);
  await removeFloatingIps(ctx, draft, id);
  unshare(draft, now);
}

/** Without a gateway none is in use. One that comes meanwhile is met. */
async function removeFloatingIps(ctx: RequestContext, draft: Draft, network_id: string): Promise<void> {
  const unused = await removeUnusedFloatingIps(ctx, draft, network_id);
  const holders = await byIds(ctx, 'ports', unused);
  await removePortRows(ctx, draft, [...holders.values()]);
  const others: Predicate = { not: { in: ['floating_port_id', [...holders.keys()]] } };
  draft.absent('floatingips', { and: [{ eq: ['floating_network_id', network_id] }, others] });
}

async function remove(ctx: RequestContext, draft: Draft, row: Row): Promise<void> {
  const id = String(row.id);
  const ports = await ctx.store.select({ table: 'ports', where: { eq: ['network_id', id] } });
  const unused = await removeUnusedFloatingIps(ctx, draft, id);
  const holding = ports.filter(p => !autoDeletedOwners.includes(String(p.device_owner)) && !unused.has(p.id));
  if (holding.length > 0) {
    const ids = holding.map(p => p.id).sort();
    const reason = `There are one or more ports still in use on the network, id for these ports is: ${ids.join(',')}`;
    throw apiError('NetworkInUse', { net_id: id, reason });
  }
  await removePortRows(ctx, draft, ports);
  await removeNetworkRows(ctx, draft, row, ports);
}

/** A network goes with all that belongs to it; `ports` are those that go, too. */
export async function removeNetworkRows(ctx: RequestContext, draft: Draft, row: Row, ports: readonly Row[]): Promise<void> {
  const id = String(row.id);
  for (const s of await ctx.store.select({ table: 'subnets', where: { eq: ['network_id', id] } }))
    draft.remove(subnet, s, { with_network: true });
  const agents = await relyOnAll(ctx, draft, 'dhcp_bindings', { eq: ['network_id', id] }, ['agent_id']);
  for (const s of await segmentsOf(ctx, id)) draft.remove(segment, s);
  for (const table of ['segment_allocations', 'ip_allocations', 'dhcp_bindings', 'ha_networks'])
    draft.delete(table, { eq: ['network_id', id] });
  draft.delete('auto_allocated_topologies', { eq: ['id', id] });
  await removeSharing(ctx, draft, id);
  draft.remove(network, row, { dhcp_agents: agents.map(a => a.agent_id) });
  // Whoever puts something on the network meanwhile meets its revision guard; what got there just before is met here.
  draft.absent('ports', { and: [{ eq: ['network_id', id] }, { not: { in: ['id', ports.map(p => String(p.id))] } }] });
}

/** Floating IPs that stand for nothing go with their network. Answers the ports that hold their addresses. */
async function removeUnusedFloatingIps(ctx: RequestContext, draft: Draft, networkId: string): Promise<Set<unknown>> {
  const where: Predicate = { and: [{ eq: ['floating_network_id', networkId] }, { eq: ['port_id', null] }] };
  const rows = await ctx.store.select({ table: 'floatingips', where });
  for (const fip of rows) draft.remove(floatingip, fip, { router_before: fip.router_id, port_before: fip.port_id });
  return new Set(rows.map(r => r.floating_port_id));
}

export const networks: Commands = {
  resource: network,
  present,
  derived: ['is_default'],
  filters: {
    shared: sharingFilter('access_as_shared'),
    'router:external': sharedFilter('access_as_external'),
    'provider:network_type': segmentFilter('network_type'),
    'provider:physical_network': segmentFilter('physical_network'),
    'provider:segmentation_id': segmentFilter('segmentation_id'),
  },
  /** Rules about external networks mean those that are external for who asks. */
  fieldFilters: { 'networks:router:external': sharingFilter('access_as_external') },
  admit: async (ctx, inputs) => admitHa(ctx, inputs),
  foresee: foreseeNetworks,
  create,
  update,
  delete: remove,
};
