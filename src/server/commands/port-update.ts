// Changes of ports: addresses, groups, binding, and what other projects' safety forbids to change.
import type { Row } from '../../contracts/store.ts';
import { normalizePairs } from '../../domain/allowed-address-pairs.ts';
import { apiError, badRequest } from '../../domain/errors.ts';
import { normalizeDhcpOpts } from '../../domain/extra-dhcp-opts.ts';
import type { Attributes } from '../../domain/input/body.ts';
import type { RequestedIp } from '../../domain/ipam/addresses.ts';
import { isKeptApart, type PvlanPlace, placeOf, pvlanOf } from '../../domain/pvlan.ts';
import { type FixedIp, port } from '../../model/port.ts';
import { changedColumns } from '../columns.ts';
import type { RequestContext, Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { foreseeing } from '../read-set.ts';
import { type AddressWish, changeAddresses, giveAddresses, requireReached } from './addresses.ts';
import { writeBinding } from './binding.ts';
import { byIds } from './load.ts';
import { releaseLocalIps } from './local-ip-rows.ts';
import { releaseProxies } from './ndp-proxy-rows.ts';
import { followPolicy } from './port-allocation.ts';
import { awaitAgents } from './port-blocks.ts';
import { releaseForwardings } from './port-forwarding-rows.ts';
import { changeGroups } from './port-groups.ts';
import { macOfDevice, newMac, type PluggedAs, refuseUsedMac } from './port-mac.ts';
import { namerOf, namesOf } from './port-names.ts';
import { requireSubnets } from './port-network.ts';
import { refuseForeignRouter, refuseRouterPort } from './port-owners.ts';
import { deviceOf, factsOf, partQueries, partsOf } from './port-rows.ts';
import { admitPort, changePolicy } from './qos-use.ts';
import { networkPolicies } from './qos-view.ts';
import { putTrunkDown } from './trunk-binding.ts';

interface Change {
  readonly ctx: RequestContext;
  readonly draft: Draft;
  readonly row: Row;
  readonly input: Attributes;
  /** The active binding. */
  readonly binding: Row | undefined;
  readonly fixedIps: readonly FixedIp[];
}

export async function updatePort(any: RequestContext, draft: Draft, row: Row, input: Attributes): Promise<void> {
  if (Object.keys(input).length === 0) return;
  const id = String(row.id);
  const ctx = await foreseeing(any, partQueries([id]));
  const parts = await partsOf(ctx, [id]);
  const before = factsOf(row, parts);
  const change: Change = { ctx, draft, row, input, binding: parts.bindings.get(id), fixedIps: before.fixed_ips };
  await refuseForeignRouter(ctx, { device_id: input.device_id ?? row.device_id, device_owner: input.device_owner ?? row.device_owner });
  await refuseRouterPort(ctx, row, input);
  const set = Object.assign(changedColumns(port, input), namesOf(ctx, input, namerOf(ctx.caller), row));
  set.mac_address = await macAfter(change);
  const security = (set.port_security_enabled ?? row.port_security_enabled) === true;
  const given = input.security_groups as string[] | undefined;
  await changeGroups(ctx, draft, row, { given, now: before.security_groups, security });
  Object.assign(set, pairsChange(change, { security, mac: set.mac_address }), optionsChange(change));
  const fixedIps = await addressChange(change, set.mac_address);
  const owner = String(set.device_owner ?? row.device_owner);
  const now = pvlanOf(row);
  const place = placeOf(now.pvlan_type !== null, { id, network_id: before.network_id, owner, secured: security }, input, now);
  const rebound = await bindingChange(change, place);
  if (rebound) draft.delete('provisioning_blocks', { eq: ['port_id', id] });
  if (rebound && !rebound.bound) await putTrunkDown(ctx, draft, id);
  if (rebound || fixedIps) {
    const withDhcp = await anyWithDhcp(ctx, fixedIps ?? before.fixed_ips);
    await awaitAgents(ctx, draft, { port_id: id, network_id: before.network_id, owner, bound: rebound?.bound ?? false, withDhcp });
  }
  await policyChange(change);
  Object.assign(set, place);
  if (rebound || set.admin_state_up === false) set.status = 'DOWN';
  await followOwnPolicy(change);
  draft.update(port, row, set, { facts: { before, after: deviceOf({ ...row, ...set }), asked: true, changed: Object.keys(input) } });
}

/** Another policy than before must be one that the port can have. */
async function policyChange({ ctx, draft, row, input, binding }: Change): Promise<void> {
  const wanted = input.qos_policy_id;
  await changePolicy(ctx, draft, row.qos_policy_id, wanted);
  if (wanted !== undefined && wanted !== row.qos_policy_id) await admitPort(ctx, draft, wanted, row, binding);
}

/** What the instance has of Placement becomes what the port's policy promises. */
async function followOwnPolicy({ ctx, draft, row, input, binding }: Change): Promise<void> {
  if (input.qos_policy_id === undefined || input.qos_policy_id === row.qos_policy_id) return;
  const network_id = String(row.network_id);
  const ofNetwork = (await networkPolicies(ctx, [network_id])).get(network_id) ?? null;
  const profile = (input['binding:profile'] ?? binding?.profile ?? {}) as Readonly<Record<string, unknown>>;
  await followPolicy(ctx, draft, { row, profile, before: row.qos_policy_id ?? ofNetwork, after: input.qos_policy_id ?? ofNetwork });
}

/** Null asks for a new address. A port that is plugged keeps the one that it has; one that is a physical function has that one's. */
async function macAfter(change: Change): Promise<string> {
  const { ctx, draft, row, input, binding } = change;
  const wanted = wantedPlug(change);
  const device = wanted && macOfDevice(ctx, draft, pluggedAs(binding), wanted);
  if (device !== undefined && device !== row.mac_address) {
    await refuseUsedMac(ctx, draft, String(row.network_id), device);
    return device;
  }
  if (input.mac_address === undefined || input.mac_address === row.mac_address) return String(row.mac_address);
  const mac_address = (input.mac_address as string | null) ?? newMac(ctx, draft);
  const vif_type = String(binding?.vif_type ?? 'unbound');
  if (vif_type !== 'unbound' && vif_type !== 'binding_failed' && binding?.vnic_type !== 'direct-physical') {
    throw apiError('PortBound', { port_id: String(row.id), vif_type, old_mac: String(row.mac_address), new_mac: mac_address });
  }
  if (input.mac_address !== null) await refuseUsedMac(ctx, draft, String(row.network_id), mac_address);
  return mac_address;
}

function pairsChange({ ctx, row, input }: Change, { security, mac }: { security: boolean; mac: string }): Row {
  const max = ctx.config.maxAllowedAddressPair;
  const given = input.allowed_address_pairs;
  const pairs = given === undefined ? (row.allowed_address_pairs as readonly unknown[]) : normalizePairs(given, { max, mac });
  if (pairs.length > 0 && !security) throw apiError('AddressPairAndPortSecurityRequired');
  return given === undefined ? {} : { allowed_address_pairs: pairs };
}

function optionsChange({ row, input }: Change): Row {
  const given = input.extra_dhcp_opts as readonly unknown[] | undefined;
  return given === undefined ? {} : { extra_dhcp_opts: normalizeDhcpOpts(given, row.extra_dhcp_opts as readonly unknown[]) };
}

/** The addresses afterwards, where they may change: they are asked for, or the automatic ones follow the MAC. */
async function addressChange(change: Change, mac: string): Promise<readonly FixedIp[] | undefined> {
  const { ctx, draft, row, input, fixedIps } = change;
  const wish = {
    port_id: String(row.id),
    network_id: String(row.network_id),
    mac,
    owner: String(input.device_owner ?? row.device_owner),
    host: wantedPlug(change)?.host ?? pluggedAs(change.binding).host,
  };
  if (input.fixed_ips === undefined && mac === row.mac_address) return hostChange(change, wish);
  await requireSubnets(ctx, String(row.network_id), input.fixed_ips);
  const requested = (input.fixed_ips as readonly RequestedIp[] | undefined) ?? fixedIps;
  const after = await changeAddresses(ctx, draft, { ...wish, requested, now: fixedIps });
  const gone = fixedIps.filter(f => !after.some(a => a.ip_address === f.ip_address));
  const addresses = gone.map(f => f.ip_address);
  await refuseFloating(ctx, draft, String(row.id), addresses);
  if (addresses.length > 0) {
    await releaseForwardings(ctx, draft, [String(row.id)], addresses);
    await releaseProxies(ctx, draft, [String(row.id)], addresses);
    await releaseLocalIps(ctx, draft, [String(row.id)], addresses);
  }
  return after;
}

/** On a routed network a port that waited gets its addresses with its host, and one that has some goes only where they are. */
async function hostChange(
  { ctx, draft, row, binding, fixedIps }: Change,
  wish: Omit<AddressWish, 'requested'>,
): Promise<readonly FixedIp[] | undefined> {
  const before = pluggedAs(binding).host;
  if (wish.host === '' || wish.host === before) return undefined;
  if (fixedIps.length > 0) {
    await requireReached(ctx, draft, wish, fixedIps);
    return undefined;
  }
  if (row.ip_allocation !== 'deferred' || before !== '') return undefined;
  return (await giveAddresses(ctx, draft, { ...wish, requested: undefined })).fixedIps;
}

/** An address that a floating IP stands for cannot be taken from its port. */
async function refuseFloating(ctx: RequestContext, draft: Draft, portId: string, gone: readonly string[]): Promise<void> {
  if (gone.length === 0) return;
  const where = { and: [{ eq: ['port_id', portId] }, { in: ['fixed_ip_address', gone] }] } as const;
  const [fip] = await ctx.store.select({ table: 'floatingips', where, limit: 1 });
  draft.absent('floatingips', where);
  if (!fip) return;
  const what = `Original port fixed_ip ${fip.fixed_ip_address} already associated with floating IP ${fip.floating_ip_address}`;
  throw badRequest('port', `Cannot update the fixed_ips of the port ${portId}. ${what}`);
}

export async function anyWithDhcp(ctx: Services, fixedIps: readonly FixedIp[]): Promise<boolean> {
  const subnets = await byIds(
    ctx,
    'subnets',
    fixedIps.map(f => f.subnet_id),
  );
  return [...subnets.values()].some(s => s.enable_dhcp === true);
}

const pluggedAs = (row: Row | undefined): PluggedAs => ({
  host: String(row?.host ?? ''),
  vnic_type: String(row?.vnic_type ?? 'normal'),
  profile: (row?.profile ?? {}) as PluggedAs['profile'],
});

/** How the port is to be plugged, where the change says so. */
function wantedPlug({ input, binding }: Change): PluggedAs | undefined {
  const { 'binding:host_id': host, 'binding:vnic_type': vnic, 'binding:profile': profile } = input;
  if (host === undefined && vnic === undefined && profile === undefined) return undefined;
  const now = pluggedAs(binding);
  return {
    host: host === undefined ? now.host : String(host ?? ''),
    vnic_type: String(vnic ?? now.vnic_type),
    profile: (profile ?? now.profile) as PluggedAs['profile'],
  };
}

/** A port that is to be kept apart from others, or no longer, may be another driver's. */
async function bindingChange(change: Change, { pvlan_type }: PvlanPlace): Promise<{ readonly bound: boolean } | undefined> {
  const { ctx, draft, row, input, binding: now } = change;
  const turns = isKeptApart(pvlan_type) !== isKeptApart(pvlanOf(row).pvlan_type);
  const wanted = wantedPlug(change) ?? (turns ? pluggedAs(now) : undefined);
  if (!wanted) return undefined;
  const port_id = String(row.id);
  if (turns) await forgetOthers(ctx, draft, port_id);
  const same = !turns && now && wanted.host === now.host && wanted.vnic_type === now.vnic_type && now.vif_type !== 'binding_failed';
  if (!same) return writeBinding(ctx, draft, { port_id, network_id: String(row.network_id), ...wanted, pvlan_type });
  if (input['binding:profile'] !== undefined)
    draft.set('port_bindings', { and: [{ eq: ['port_id', port_id] }, { eq: ['host', wanted.host] }] }, { profile: wanted.profile });
  return undefined;
}

/** Bindings that wait on other hosts were made for what the port was: whoever activates one has it made again. */
async function forgetOthers({ store }: RequestContext, draft: Draft, port_id: string): Promise<void> {
  const others = { and: [{ eq: ['port_id', port_id] }, { eq: ['status', 'INACTIVE'] }] } as const;
  const hosts = (await store.select({ table: 'port_bindings', where: others })).map(b => String(b.host));
  if (hosts.length === 0) return;
  // None comes meanwhile: each raises the port's revision.
  draft.delete('port_binding_levels', { and: [{ eq: ['port_id', port_id] }, { in: ['host', hosts] }] });
  draft.set('port_bindings', others, { vif_type: 'unbound', vif_details: {} });
}
