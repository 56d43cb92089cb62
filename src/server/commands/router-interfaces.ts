// Interfaces of routers: by a subnet, whose gateway address the router takes, or by a port that is there already.
import type { Query, Row } from '../../contracts/store.ts';
import { apiError, badRequest } from '../../domain/errors.ts';
import { pyStr } from '../../domain/input/python.ts';
import { delegated } from '../../domain/input/special.ts';
import { isUuid } from '../../domain/input/values.ts';
import { isProvisional } from '../../domain/ipam/delegation.ts';
import { isRouterInterface } from '../../domain/ipam/owners.ts';
import { inPools, type Pool } from '../../domain/ipam/pools.ts';
import { checkAttach, checkByPort, checkBySubnet, routeNeeds } from '../../domain/routing.ts';
import type { Route } from '../../model/ext/router-modes.ts';
import { type FixedIp, port } from '../../model/port.ts';
import { router } from '../../model/router.ts';
import type { RequestContext } from '../context.ts';
import type { Draft } from '../draft.ts';
import { find, seenQuery } from '../find.ts';
import { foreseeing } from '../read-set.ts';
import { subnetsQuery } from './addresses.ts';
import type { Action, ApiObject } from './commands.ts';
import { translatedBehind } from './floatingip-rows.ts';
import { byIds, idsQuery } from './load.ts';
import { refuseProxiesOn } from './ndp-proxy-rows.ts';
import { createPort } from './port-create.ts';
import { factsOf, partsOf, removePortRows } from './port-rows.ts';
import { interfaceOwnerOf } from './router-modes.ts';
import { hostOf, hostsQuery, linksQuery, type RouterPort, routedSubnet, routerPorts, subnetsOf } from './router-rows.ts';
import { routerBindingsQuery, scheduleRouter } from './router-scheduling.ts';
import { dropSnatPorts, makeSnatPort } from './router-snat.ts';
import { dhcpBindingsQuery, l3AgentType, usableAgentsQuery } from './scheduling.ts';
import { sharingOf } from './sharing.ts';
import { subnets } from './subnets.ts';

interface InterfaceRequest {
  readonly subnet_id?: string;
  readonly port_id?: string;
}

function interfaceRequest(body: unknown): InterfaceRequest {
  const given = typeof body === 'object' && body !== null && !Array.isArray(body) ? (body as Record<string, unknown>) : {};
  const out: { subnet_id?: string; port_id?: string } = {};
  for (const key of ['subnet_id', 'port_id'] as const) {
    if (given[key] === undefined) continue;
    if (!isUuid(given[key])) throw badRequest('router', `'${pyStr(given[key])}' is not a valid UUID`);
    out[key] = given[key];
  }
  if (!out.subnet_id && !out.port_id) throw badRequest('router', 'Either subnet_id or port_id must be specified');
  return out;
}

interface Scene {
  readonly ctx: RequestContext;
  readonly draft: Draft;
  readonly router: Row;
  readonly ports: readonly RouterPort[];
  /** Subnets of all the router's ports, the gateway's included. */
  readonly attached: readonly Row[];
}

async function sceneOf(ctx: RequestContext, draft: Draft, row: Row): Promise<Scene> {
  const ports = (await routerPorts(ctx, [String(row.id)])).get(String(row.id)) ?? [];
  return { ctx, draft, router: row, ports, attached: [...(await subnetsOf(ctx, ports)).values()] };
}

interface Attached {
  readonly port_id: string;
  readonly network_id: string;
  readonly subnet_id: string;
  readonly subnet_ids: readonly string[];
}

function answer(row: Row, attached: Attached): ApiObject {
  return { id: row.id, tenant_id: row.project_id, ...attached };
}

/** The router's revision is guarded: two interfaces at once on overlapping subnets cannot both pass. */
export const addInterface: Action = async (any, draft, row, body) => {
  const { subnet_id, port_id } = interfaceRequest(body);
  if (subnet_id && port_id) throw badRequest('router', 'Cannot specify both subnet-id and port-id');
  const ctx = await foreseeing(any, interfaceQueries(any, String(row.id), subnet_id));
  const scene = await sceneOf(ctx, draft, row);
  const done = port_id ? await addByPort(scene, port_id) : await addBySubnet(scene, String(subnet_id));
  if (row.distributed === true && row.gw_port_id) await makeSnatPort(ctx, draft, row, done.network_id, addedTo(scene, done));
  draft.update(router, row, {}, { facts: { interface_added: done.port_id } });
  await scheduleRouter(ctx, draft, String(row.id), row);
  return async () => answer(row, done);
};

/** What is asked of the router and the subnet before more is known of them. */
function interfaceQueries(ctx: RequestContext, id: string, subnet_id: string | undefined): Query[] {
  const named = subnet_id ? [seenQuery(ctx, subnets, [subnet_id]), hostsQuery([id])] : [];
  return [linksQuery([id]), routerBindingsQuery(id), usableAgentsQuery(ctx, l3AgentType), ...named];
}

/** Subnets that the router had no interface on. */
function addedTo({ attached }: Scene, { subnet_ids }: Attached): { readonly subnet_id: string }[] {
  return subnet_ids.filter(id => !attached.some(a => a.id === id)).map(subnet_id => ({ subnet_id }));
}

const notOwned = (id: string): Error =>
  badRequest('router', `Cannot add interface to router because subnet ${id} is not owned by project making the request`);

/** On a network that is shared with everybody, nobody but its owner may take the gateway's address (CVE-2018-14635). */
async function refuseForeignGateway({ ctx, draft }: Scene, subnet: Row): Promise<void> {
  if (ctx.isAdmin || subnet.project_id === ctx.caller.project_id) return;
  const network_id = String(subnet.network_id);
  const entries = (await sharingOf(ctx, [network_id])).get(network_id) ?? [];
  const own = entries.find(e => e.action === 'access_as_shared' && e.target_project === ctx.caller.project_id);
  if (!own) throw notOwned(String(subnet.id));
  draft.present('rbac_entries', { eq: ['id', String(own.id)] });
}

async function addBySubnet(scene: Scene, subnetId: string): Promise<Attached> {
  const { draft, router: row, ports, attached } = scene;
  const subnet = await find(scene.ctx, subnets, subnetId);
  await refuseForeignGateway(scene, subnet);
  const fixed: FixedIp = { subnet_id: subnetId, ip_address: checkBySubnet(routedSubnet(subnet)) };
  checkAttach([routedSubnet(subnet)], attached.map(routedSubnet));
  const network_id = String(subnet.network_id);
  const ctx = await foreseeing(scene.ctx, [idsQuery('networks', [network_id]), subnetsQuery(network_id), dhcpBindingsQuery(network_id)]);
  draft.present('subnets', { and: [{ eq: ['id', subnetId] }, { eq: ['gateway_ip', fixed.ip_address] }] });
  const waits = isProvisional(subnet.cidr);
  // A subnet with a prefix from outside has a port of its own.
  const twin = subnet.ip_version === 6 && subnet.subnetpool_id !== delegated ? ports.find(p => isIpv6Interface(p, network_id)) : undefined;
  if (twin) return extendPort(draft, twin, fixed);
  const net = (await byIds(ctx, 'networks', [network_id])).get(network_id);
  if (!net) throw apiError('NetworkNotFound', { net_id: network_id });
  const made = await createPort(ctx, draft, net, {
    project_id: row.project_id,
    device_id: row.id,
    device_owner: interfaceOwnerOf(row),
    security_groups: [],
    fixed_ips: [waits ? { subnet_id: subnetId } : fixed],
    port_security_enabled: false,
    'binding:host_id': await hostOf(ctx, String(row.id)),
  });
  const port_id = String(made.row.id);
  draft.insert('router_ports', { router_id: row.id ?? '', port_id, port_type: interfaceOwnerOf(row), network_id });
  return { port_id, network_id, subnet_id: subnetId, subnet_ids: [subnetId] };
}

/** IPv6 subnets of one network share a router port. */
function isIpv6Interface({ type, port: row, fixed_ips }: RouterPort, networkId: string): boolean {
  return isRouterInterface(type) && row.network_id === networkId && fixed_ips.some(f => f.ip_address.includes(':'));
}

function extendPort(draft: Draft, twin: RouterPort, fixed: FixedIp): Attached {
  const port_id = String(twin.port.id);
  const network_id = String(twin.port.network_id);
  draft.insert('ip_allocations', { ...fixed, port_id, network_id, position: twin.fixed_ips.length }, { tag: 'address' });
  draft.update(port, twin.port, {}, { facts: { changed: ['fixed_ips'] } });
  return { port_id, network_id, subnet_id: fixed.subnet_id, subnet_ids: [...twin.fixed_ips.map(f => f.subnet_id), fixed.subnet_id] };
}

async function addByPort({ ctx, draft, router: row, ports, attached }: Scene, portId: string): Promise<Attached> {
  const found = (await byIds(ctx, 'ports', [portId])).get(portId);
  if (!found || (!ctx.isAdmin && found.project_id !== ctx.caller.project_id)) throw apiError('PortNotFound', { port_id: portId });
  const before = factsOf(found, await partsOf(ctx, [portId]));
  const { fixed_ips } = before;
  const network_id = String(found.network_id);
  checkByPort({ id: portId, network_id, device_id: String(found.device_id), fixed_ips });
  const subnetIds = fixed_ips.map(f => f.subnet_id);
  const added = await byIds(ctx, 'subnets', subnetIds);
  if (!ctx.isAdmin) refuseForeignAddress(fixed_ips, added, ctx.caller.project_id);
  checkAttach([...added.values()].map(routedSubnet), attached.map(routedSubnet));
  refuseSecondIpv6(ports, network_id, fixed_ips);
  draft.insert('router_ports', { router_id: row.id ?? '', port_id: portId, port_type: interfaceOwnerOf(row), network_id });
  draft.delete('port_security_groups', { eq: ['port_id', portId] });
  draft.update(
    port,
    found,
    { device_id: row.id ?? '', device_owner: interfaceOwnerOf(row), port_security_enabled: false, allowed_address_pairs: [] },
    { facts: { before, changed: ['device_id', 'device_owner', 'security_groups', 'port_security_enabled', 'allowed_address_pairs'] } },
  );
  return { port_id: portId, network_id, subnet_id: String(subnetIds[0]), subnet_ids: subnetIds };
}

function refuseSecondIpv6(ports: readonly RouterPort[], networkId: string, fixedIps: readonly FixedIp[]): void {
  const other = fixedIps.some(f => f.ip_address.includes(':')) ? ports.find(p => isIpv6Interface(p, networkId)) : undefined;
  if (!other) return;
  const what = 'Cannot have multiple router ports with the same network id if both contain IPv6 subnets.';
  throw badRequest('router', `${what} Existing port ${other.port.id} has IPv6 subnet(s) and network id ${networkId}`);
}

/** On subnets of others a router may only have addresses that are given out there (CVE-2018-14635). */
function refuseForeignAddress(fixedIps: readonly FixedIp[], found: ReadonlyMap<string, Row>, project: string | null): void {
  for (const { subnet_id, ip_address } of fixedIps) {
    const subnet = found.get(subnet_id);
    if (subnet?.project_id !== project && !inPools(subnet?.allocation_pools as readonly Pool[], ip_address)) throw notOwned(subnet_id);
  }
}

export const removeInterface: Action = async (ctx, draft, row, body) => {
  const wanted = interfaceRequest(body);
  const id = String(row.id);
  const ports = (await routerPorts(ctx, [id])).get(id) ?? [];
  const interfaces = ports.filter(p => isRouterInterface(p.type));
  // A subnet that is not there is said to be so.
  if (wanted.subnet_id && !wanted.port_id && !hasInterfaceOn(interfaces, wanted.subnet_id)) await find(ctx, subnets, wanted.subnet_id);
  const found = findInterface(id, interfaces, wanted);
  const leaving = wanted.subnet_id && !wanted.port_id ? [wanted.subnet_id] : found.fixed_ips.map(f => f.subnet_id);
  await refuseNeeded(ctx, draft, row, leaving);
  if (found.fixed_ips.every(f => leaving.includes(f.subnet_id))) await removePortRows(ctx, draft, [found.port]);
  else {
    draft.delete('ip_allocations', { and: [{ eq: ['port_id', String(found.port.id)] }, { in: ['subnet_id', leaving] }] });
    draft.update(port, found.port, {}, { facts: { changed: ['fixed_ips'] } });
  }
  await dropSnatPorts(ctx, draft, ports, leaving);
  draft.update(router, row, {}, { facts: { interface_removed: found.port.id } });
  const subnet_id = wanted.subnet_id ?? String(leaving[0] ?? '');
  const gone = { port_id: String(found.port.id), network_id: String(found.port.network_id), subnet_id, subnet_ids: [subnet_id] };
  return async () => answer(row, gone);
};

function hasInterfaceOn(ports: readonly RouterPort[], subnetId: string): boolean {
  return ports.some(p => p.fixed_ips.some(f => f.subnet_id === subnetId));
}

function findInterface(id: string, ports: readonly RouterPort[], { subnet_id, port_id }: InterfaceRequest): RouterPort {
  const byPort = port_id ? ports.find(p => p.port.id === port_id) : undefined;
  if (port_id && !byPort) throw apiError('RouterInterfaceNotFound', { router_id: id, port_id });
  if (byPort && subnet_id && !byPort.fixed_ips.some(f => f.subnet_id === subnet_id))
    throw apiError('SubnetMismatchForPort', { port_id: String(port_id), subnet_id });
  const found = byPort ?? ports.find(p => p.fixed_ips.some(f => f.subnet_id === subnet_id));
  if (!found) throw apiError('RouterInterfaceNotFoundForSubnet', { router_id: id, subnet_id: String(subnet_id) });
  return found;
}

/** Floating IPs and routes hold the interfaces that they go through. */
async function refuseNeeded(ctx: RequestContext, draft: Draft, row: Row, leaving: readonly string[]): Promise<void> {
  const router_id = String(row.id);
  const found = await byIds(ctx, 'subnets', leaving);
  for (const subnet_id of leaving) {
    if (await translatedBehind(ctx, draft, router_id, subnet_id))
      throw apiError('RouterInterfaceInUseByFloatingIP', { router_id, subnet_id });
    await refuseProxiesOn(ctx, draft, router_id, subnet_id);
    if (routeNeeds(row.routes as readonly Route[], String(found.get(subnet_id)?.cidr ?? '')))
      throw apiError('RouterInterfaceInUseByRoute', { router_id, subnet_id });
  }
}
