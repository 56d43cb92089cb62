// Ports: addresses, groups, binding and status are decided here; the parts are in the files beside it.
import type { Predicate, Row, Value } from '../../contracts/store.ts';
import { normalizePairs } from '../../domain/allowed-address-pairs.ts';
import { apiError } from '../../domain/errors.ts';
import { normalizeDhcpOpts } from '../../domain/extra-dhcp-opts.ts';
import type { Attributes } from '../../domain/input/body.ts';
import type { RequestedIp } from '../../domain/ipam/addresses.ts';
import { isServicePort, owners } from '../../domain/ipam/owners.ts';
import { randomMac } from '../../domain/net/mac.ts';
import { network } from '../../model/network.ts';
import { type FixedIp, port } from '../../model/port.ts';
import type { RequestContext, Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { findAll, viewerOf } from '../find.ts';
import { changeAddresses, giveAddresses } from './addresses.ts';
import { writeBinding, writeBlocks } from './binding.ts';
import type { ApiObject, Commands } from './commands.ts';
import { defaultGroup } from './default-group.ts';
import { releaseFloatingIpsOf } from './floatingip-rows.ts';
import { byIds } from './load.ts';
import { admitOnNetworks, networkTargets } from './on-network.ts';
import { factsOf, type PortParts, partsOf, removePortRows } from './port-rows.ts';
import { scheduleNetwork } from './scheduling.ts';
import { isShared, sharedWith, sharingOf } from './sharing.ts';
import { subnets } from './subnets.ts';
import { addTags, tagsOf } from './tags.ts';

async function present(services: Services, rows: readonly Row[]): Promise<ApiObject[]> {
  const ids = rows.map(r => String(r.id));
  const parts = await partsOf(services, ids);
  const tags = await tagsOf(services, ids);
  return rows.map(row => presentPort(row, parts, tags.get(String(row.id)) ?? []));
}

export function presentPort(row: Row, parts: PortParts, tags: readonly string[]): ApiObject {
  const id = String(row.id);
  const binding = parts.bindings.get(id);
  return {
    id,
    name: row.name,
    network_id: row.network_id,
    project_id: row.project_id,
    mac_address: row.mac_address,
    admin_state_up: row.admin_state_up,
    status: row.status,
    device_id: row.device_id,
    device_owner: row.device_owner,
    fixed_ips: parts.fixedIps.get(id) ?? [],
    allowed_address_pairs: row.allowed_address_pairs,
    extra_dhcp_opts: row.extra_dhcp_opts,
    security_groups: parts.groups.get(id) ?? [],
    port_security_enabled: row.port_security_enabled,
    'binding:vnic_type': binding?.vnic_type ?? 'normal',
    'binding:profile': binding?.profile ?? {},
    'binding:host_id': binding?.host ?? '',
    'binding:vif_type': binding?.vif_type ?? 'unbound',
    'binding:vif_details': binding?.vif_details ?? {},
    tags,
    description: row.description,
    created_at: row.created_at,
    updated_at: row.updated_at,
    revision_number: row.revision_number,
  };
}

/** The network of a new port. Whoever may use it only because it is shared relies on the sharing. */
async function networkFor(ctx: RequestContext, draft: Draft, id: string): Promise<Row> {
  const row = (await byIds(ctx, 'networks', [id])).get(id);
  if (!row) throw apiError('NetworkNotFound', { net_id: id });
  draft.present(network.table.name, { eq: ['id', id] });
  if (!ctx.isPrivileged && row.project_id !== ctx.caller.project_id) draft.present('rbac_entries', sharedWith(id, viewerOf(ctx)));
  return row;
}

async function create(ctx: RequestContext, draft: Draft, input: Attributes): Promise<string> {
  const net = await networkFor(ctx, draft, String(input.network_id));
  await requireSubnets(ctx, input.fixed_ips);
  await refuseForeignRouter(ctx, input);
  const created = await createPort(ctx, draft, net, input);
  return String(created.row.id);
}

/** Subnets that are named must be ones that the caller sees; whether they are the network's is decided with the addresses. */
async function requireSubnets(ctx: RequestContext, fixedIps: unknown): Promise<void> {
  const ids = ((fixedIps ?? []) as readonly RequestedIp[]).flatMap(f => f.subnet_id ?? []);
  if (ids.length === 0) return;
  const seen = await findAll(ctx, subnets, ids);
  for (const subnet_id of ids) if (!seen.has(subnet_id)) throw apiError('SubnetNotFound', { subnet_id });
}

export interface CreatedPort {
  readonly row: Row;
  readonly fixedIps: readonly FixedIp[];
}

/** Makes a port: for a request, or for a router, a floating IP or a DHCP agent. Rights are checked by the caller. */
export async function createPort(services: Services, draft: Draft, net: Row, input: Attributes): Promise<CreatedPort> {
  const id = (input.id as string | undefined) ?? draft.newId();
  const owner = String(input.device_owner ?? '');
  const project = String(input.project_id ?? '');
  const mac = (input.mac_address as string | undefined) ?? randomMac(services.config.baseMac, n => Math.floor(services.random() * n));
  const security =
    input.port_security_enabled === undefined
      ? !isServicePort(owner) && net.port_security_enabled === true
      : input.port_security_enabled === true;
  const pairs = normalizePairs(input.allowed_address_pairs as readonly unknown[] | undefined, {
    max: services.config.maxAllowedAddressPair,
    mac,
  });
  if (pairs.length > 0 && !security) throw apiError('AddressPairAndPortSecurityRequired');
  const groups = await groupsFor(services, draft, { given: input.security_groups as string[] | undefined, project, owner, security });
  const row = draft.create(port, {
    id,
    network_id: net.id ?? '',
    project_id: project,
    name: String(input.name ?? ''),
    admin_state_up: input.admin_state_up !== false,
    mac_address: mac,
    device_id: String(input.device_id ?? ''),
    device_owner: owner,
    status: (input.status as string | undefined) ?? 'DOWN',
    port_security_enabled: security,
    allowed_address_pairs: pairs,
    extra_dhcp_opts: normalizeDhcpOpts(input.extra_dhcp_opts as readonly unknown[] | undefined, []),
    description: String(input.description ?? ''),
    revision_number: 1,
  });
  const fixedIps = await giveAddresses(services, draft, {
    port_id: id,
    network_id: String(net.id),
    mac,
    owner,
    requested: input.fixed_ips as FixedIp[] | undefined,
  });
  for (const security_group_id of groups) draft.insert('port_security_groups', { port_id: id, security_group_id });
  addTags(draft, id, (input.tags as string[] | undefined) ?? []);
  const { bound } = await writeBinding(services, draft, {
    port_id: id,
    network_id: String(net.id),
    host: String(input['binding:host_id'] ?? ''),
    vnic_type: String(input['binding:vnic_type'] ?? 'normal'),
    profile: (input['binding:profile'] as Record<string, unknown> | undefined) ?? {},
  });
  await block(services, draft, { id, owner, network_id: String(net.id), bound, fixedIps });
  return { row, fixedIps };
}

interface Blocked {
  readonly id: string;
  readonly owner: string;
  readonly network_id: string;
  readonly bound: boolean;
  readonly fixedIps: readonly FixedIp[];
}

async function block(services: Services, draft: Draft, { id, owner, network_id, bound, fixedIps }: Blocked): Promise<void> {
  const subnets = await byIds(
    services,
    'subnets',
    fixedIps.map(f => f.subnet_id),
  );
  const dhcpSubnets = [...subnets.values()].filter(s => s.enable_dhcp === true).length;
  if (dhcpSubnets > 0) await scheduleNetwork(services, draft, network_id);
  const served =
    dhcpSubnets > 0 &&
    (draft.outbox.some(e => e.kind === 'dhcp_binding') ||
      (await services.store.count('dhcp_bindings', { eq: ['network_id', network_id] })) > 0);
  writeBlocks(draft, { port_id: id, device_owner: owner, bound, dhcpSubnets, dhcpServed: served });
}

interface GroupRequest {
  readonly given: readonly string[] | undefined;
  readonly project: string;
  readonly owner: string;
  readonly security: boolean;
}

async function groupsFor(services: Services, draft: Draft, { given, project, owner, security }: GroupRequest): Promise<readonly string[]> {
  if (given === undefined) return isServicePort(owner) || !security || project === '' ? [] : [await defaultGroup(services, draft, project)];
  if (given.length > 0 && !security) throw apiError('PortSecurityAndIPRequiredForSecurityGroups');
  await requireGroups(services, draft, given, project);
  return given;
}

/** Groups of the port's project, or shared with it. */
async function requireGroups(services: Services, draft: Draft, ids: readonly string[], project: string): Promise<void> {
  const found = await byIds(services, 'security_groups', ids);
  const foreign = ids.filter(id => found.get(id)?.project_id !== project);
  const sharing = foreign.length > 0 ? await sharingOf(services, foreign) : new Map();
  for (const id of foreign) {
    if (!found.has(id) || !isShared(sharing.get(id), 'access_as_shared', { project_id: project }))
      throw apiError('SecurityGroupNotFound', { id });
  }
  for (const id of ids) draft.present('security_groups', { eq: ['id', id] });
}

/** A port that calls itself a router's must be one of the caller's own routers (CVE-2014-0056). */
async function refuseForeignRouter(ctx: RequestContext, input: Attributes): Promise<void> {
  const device = input.device_id;
  if (ctx.isAdmin || typeof device !== 'string' || device === '' || !String(input.device_owner ?? '').startsWith('network:router_')) return;
  const row = await ctx.store.get('routers', { id: device });
  if (row && row.project_id !== ctx.caller.project_id) throw apiError('DeviceIDNotOwnedByTenant', { device_id: device });
}

const plain = ['name', 'admin_state_up', 'device_id', 'device_owner', 'description', 'mac_address', 'port_security_enabled'] as const;

async function update(ctx: RequestContext, draft: Draft, row: Row, input: Attributes): Promise<void> {
  if (Object.keys(input).length === 0) return;
  const id = String(row.id);
  const parts = await partsOf(ctx, [id]);
  const before = factsOf(row, parts);
  await refuseForeignRouter(ctx, { device_id: input.device_id ?? row.device_id, device_owner: input.device_owner ?? row.device_owner });
  const set: Record<string, Value> = {};
  for (const name of plain) if (input[name] !== undefined) set[name] = input[name] as Value;
  const security = (set.port_security_enabled ?? row.port_security_enabled) === true;
  await updateGroups(ctx, draft, row, input, { now: parts.groups.get(id) ?? [], security });
  if (input.allowed_address_pairs !== undefined) {
    set.allowed_address_pairs = normalizePairs(input.allowed_address_pairs as readonly unknown[], {
      max: ctx.config.maxAllowedAddressPair,
      mac: String(set.mac_address ?? row.mac_address),
    });
  }
  const pairs = (set.allowed_address_pairs ?? row.allowed_address_pairs) as readonly unknown[];
  if (pairs.length > 0 && !security) throw apiError('AddressPairAndPortSecurityRequired');
  if (input.extra_dhcp_opts !== undefined) {
    set.extra_dhcp_opts = normalizeDhcpOpts(
      input.extra_dhcp_opts as readonly unknown[],
      row.extra_dhcp_opts as readonly unknown[],
    ) as Value;
  }
  const fixedIps = await updateAddresses(ctx, draft, row, input, before.fixed_ips);
  const rebound = await updateBinding(ctx, draft, row, input, parts.bindings.get(id));
  if (rebound) set.status = 'DOWN';
  if (rebound || input.fixed_ips !== undefined) {
    if (rebound) draft.delete('provisioning_blocks', { eq: ['port_id', id] });
    await block(ctx, draft, {
      id,
      owner: String(set.device_owner ?? row.device_owner),
      network_id: String(row.network_id),
      bound: rebound?.bound ?? false,
      fixedIps,
    });
  }
  if (set.admin_state_up === false) set.status = 'DOWN';
  draft.update(port, row, set, { facts: { before, changed: Object.keys(input) } });
}

async function updateGroups(
  ctx: RequestContext,
  draft: Draft,
  row: Row,
  input: Attributes,
  now: { readonly now: readonly string[]; readonly security: boolean },
): Promise<void> {
  const given = input.security_groups as string[] | undefined;
  if (given === undefined) {
    if (now.now.length > 0 && !now.security) throw apiError('PortSecurityPortHasSecurityGroup');
    return;
  }
  if (given.length > 0 && !now.security) throw apiError('PortSecurityAndIPRequiredForSecurityGroups');
  await requireGroups(
    ctx,
    draft,
    given.filter(g => !now.now.includes(g)),
    String(row.project_id),
  );
  draft.delete('port_security_groups', { and: [{ eq: ['port_id', String(row.id)] }, { not: { in: ['security_group_id', given] } }] });
  for (const security_group_id of given)
    draft.insert('port_security_groups', { port_id: String(row.id), security_group_id }, { onConflict: 'ignore' });
}

async function updateAddresses(
  ctx: RequestContext,
  draft: Draft,
  row: Row,
  input: Attributes,
  now: readonly FixedIp[],
): Promise<readonly FixedIp[]> {
  if (input.fixed_ips === undefined) return now;
  await requireSubnets(ctx, input.fixed_ips);
  return changeAddresses(ctx, draft, {
    port_id: String(row.id),
    network_id: String(row.network_id),
    mac: String(input.mac_address ?? row.mac_address),
    owner: String(input.device_owner ?? row.device_owner),
    requested: input.fixed_ips as FixedIp[],
    now,
  });
}

async function updateBinding(
  ctx: RequestContext,
  draft: Draft,
  row: Row,
  input: Attributes,
  now: Row | undefined,
): Promise<{ bound: boolean } | undefined> {
  const host = input['binding:host_id'];
  const vnic = input['binding:vnic_type'];
  const profile = input['binding:profile'];
  if (host === undefined && vnic === undefined && profile === undefined) return undefined;
  const wanted = {
    host: host === undefined ? String(now?.host ?? '') : String(host ?? ''),
    vnic_type: String(vnic ?? now?.vnic_type ?? 'normal'),
    profile: (profile ?? now?.profile ?? {}) as Record<string, unknown>,
  };
  const same = now && wanted.host === now.host && wanted.vnic_type === now.vnic_type && now.vif_type !== 'binding_failed';
  if (same && profile !== undefined) {
    const key: Predicate = { and: [{ eq: ['port_id', String(row.id)] }, { eq: ['host', wanted.host] }] };
    draft.ops.push({ op: 'update', table: 'port_bindings', where: key, set: { profile: wanted.profile } });
  }
  if (same) return undefined;
  return writeBinding(ctx, draft, { port_id: String(row.id), network_id: String(row.network_id), ...wanted });
}

async function remove(ctx: RequestContext, draft: Draft, row: Row): Promise<void> {
  await refuseServicePort(ctx, row);
  await releaseFloatingIpsOf(ctx, draft, String(row.id));
  await removePortRows(ctx, draft, [row]);
}

/** Ports of routers and floating IPs go with what they serve. */
async function refuseServicePort(ctx: RequestContext, row: Row): Promise<void> {
  const owner = String(row.device_owner);
  const port_id = String(row.id);
  if (owner === owners.floatingip) {
    const [fip] = await ctx.store.select({ table: 'floatingips', where: { eq: ['floating_port_id', port_id] } });
    if (fip) throw apiError('ServicePortInUse', { port_id, reason: `has device owner ${owner}` });
    return;
  }
  if (!owner.startsWith('network:router_')) return;
  const [link] = await ctx.store.select({ table: 'router_ports', where: { eq: ['port_id', port_id] } });
  if (link) throw apiError('ServicePortInUse', { port_id, reason: `has device owner ${owner}` });
}

const substring = 'ip_address_substr=';

function fixedIpsFilter(values: readonly string[]): Predicate {
  const of = (where: Predicate): Predicate => ({ exists: { table: 'ip_allocations', on: [['port_id', 'id']], where } });
  const kinds = new Map<string, Predicate[]>();
  for (const value of values) {
    const [key, text] = [value.slice(0, value.indexOf('=')), value.slice(value.indexOf('=') + 1)];
    const column = value.startsWith(substring) ? 'ip_address' : key;
    if (column !== 'ip_address' && column !== 'subnet_id')
      throw apiError('HTTPBadRequest', { message: `['${key}'] is invalid attribute for filtering` });
    kinds.set(key, [...(kinds.get(key) ?? []), value.startsWith(substring) ? { contains: ['ip_address', text] } : { eq: [column, text] }]);
  }
  return { and: [...kinds.values()].map(list => of({ or: list })) };
}

const bindingFilter =
  (column: string) =>
  (values: readonly string[]): Predicate => ({
    exists: { table: 'port_bindings', on: [['port_id', 'id']], where: { and: [{ eq: ['status', 'ACTIVE'] }, { in: [column, values] }] } },
  });

export const ports: Commands = {
  resource: port,
  present,
  targets: networkTargets,
  filters: {
    fixed_ips: fixedIpsFilter,
    'binding:host_id': bindingFilter('host'),
    security_groups: values => ({
      exists: { table: 'port_security_groups', on: [['port_id', 'id']], where: { in: ['security_group_id', values] } },
    }),
  },
  admit: (ctx, inputs) => admitOnNetworks(ctx, 'port', inputs),
  create,
  update,
  delete: remove,
};
