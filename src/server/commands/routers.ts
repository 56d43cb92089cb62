// Routers: their gateway, interfaces and routes.
import type { Row, Value } from '../../contracts/store.ts';
import { apiError, badRequest } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import { pyStr } from '../../domain/input/python.ts';
import { Invalid, isUuid, read } from '../../domain/input/values.ts';
import { cidrContainsIp, cidrsOverlap } from '../../domain/net/cidr.ts';
import type { Route } from '../../model/ext/router-modes.ts';
import type { FixedIp } from '../../model/port.ts';
import { port } from '../../model/port.ts';
import { type GatewayInfo, router } from '../../model/router.ts';
import type { RequestContext, Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import type { Action, ApiObject, Commands, Viewer } from './commands.ts';
import { floatingIpsBehind } from './floatingip-rows.ts';
import { byIds } from './load.ts';
import { partsOf, removePortRows } from './port-rows.ts';
import { createPort } from './ports.ts';
import { type RouterPort, routerPorts, subnetsOf } from './router-rows.ts';
import { scheduleRouter } from './scheduling.ts';
import { isShared, sharingOf } from './sharing.ts';
import { tagsOf } from './tags.ts';

const gatewayOwner = 'network:router_gateway';
const interfaceOwner = 'network:router_interface';

async function present(services: Services, rows: readonly Row[]): Promise<ApiObject[]> {
  const ids = rows.map(r => String(r.id));
  const gateways = await byIds(
    services,
    'ports',
    rows.map(r => r.gw_port_id),
  );
  const parts = await partsOf(services, [...gateways.keys()]);
  const tags = await tagsOf(services, ids);
  return rows.map(row => ({
    id: row.id,
    name: row.name,
    project_id: row.project_id,
    admin_state_up: row.admin_state_up,
    status: row.status,
    external_gateway_info: gatewayInfo(row, gateways.get(String(row.gw_port_id)), parts.fixedIps.get(String(row.gw_port_id)) ?? []),
    routes: row.routes,
    tags: tags.get(String(row.id)) ?? [],
    description: row.description,
    created_at: row.created_at,
    updated_at: row.updated_at,
    revision_number: row.revision_number,
  }));
}

function gatewayInfo(row: Row, gateway: Row | undefined, fixedIps: readonly FixedIp[]): unknown {
  return gateway ? { network_id: gateway.network_id, external_fixed_ips: fixedIps, enable_snat: row.enable_snat } : null;
}

async function create(ctx: RequestContext, draft: Draft, input: Attributes): Promise<string> {
  const id = draft.newId();
  const row: Row = {
    id,
    project_id: String(input.project_id ?? ''),
    name: String(input.name),
    admin_state_up: input.admin_state_up === true,
    status: 'ACTIVE',
    routes: [],
    description: String(input.description ?? ''),
    gw_port_id: null,
    enable_snat: true,
    revision_number: 1,
  };
  const info = wantedGateway(input.external_gateway_info);
  if (!info) {
    draft.create(router, row);
    return id;
  }
  const gw = await makeGateway(ctx, draft, row, info, []);
  draft.create(router, { ...row, gw_port_id: gw, enable_snat: info.enable_snat !== false });
  await scheduleRouter(ctx, draft, id);
  return id;
}

/** Undefined: not given or cleared. */
function wantedGateway(value: unknown): GatewayInfo | undefined {
  if (value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0)) return undefined;
  return value as GatewayInfo;
}

async function externalNetwork(ctx: RequestContext, id: string): Promise<Row> {
  const row = (await byIds(ctx, 'networks', [id])).get(id);
  const viewer: Viewer = { project_id: ctx.caller.project_id, isAdmin: ctx.isAdmin };
  const entries = (await sharingOf(ctx, [id])).get(id);
  const external = (entries ?? []).some(e => e.action === 'access_as_external');
  const seen =
    row &&
    (ctx.isAdmin ||
      row.project_id === ctx.caller.project_id ||
      isShared(entries, 'access_as_external', viewer) ||
      isShared(entries, 'access_as_shared', viewer));
  if (!row || !seen) throw apiError('NetworkNotFound', { net_id: id });
  if (!external) throw badRequest('router', `Network ${id} is not an external network`);
  return row;
}

/** The gateway port: it belongs to no project, and is bound where the router is. */
async function makeGateway(ctx: RequestContext, draft: Draft, row: Row, info: GatewayInfo, attached: readonly Row[]): Promise<string> {
  const net = await externalNetwork(ctx, info.network_id);
  const subnets = await ctx.store.select({ table: 'subnets', where: { eq: ['network_id', info.network_id] } });
  refuseOverlap(attached, subnets, null);
  const id = draft.newId();
  draft.taken.add(`gateway/${id}`);
  await createPort(ctx, draft, net, {
    id,
    project_id: '',
    name: '',
    device_id: row.id,
    device_owner: gatewayOwner,
    admin_state_up: true,
    security_groups: [],
    port_security_enabled: false,
    ...(info.external_fixed_ips ? { fixed_ips: info.external_fixed_ips } : {}),
    'binding:host_id': await hostOf(ctx, String(row.id)),
  });
  draft.insert('router_ports', { router_id: row.id ?? '', port_id: id, port_type: gatewayOwner });
  return id;
}

/** The host of the agent that has the router; empty while it is not scheduled. */
async function hostOf(services: Services, routerId: string): Promise<string> {
  const [bound] = await services.store.select({ table: 'router_bindings', where: { eq: ['router_id', routerId] } });
  return bound ? String((await services.store.get('agents', { id: String(bound.agent_id) }))?.host ?? '') : '';
}

async function update(ctx: RequestContext, draft: Draft, row: Row, input: Attributes): Promise<void> {
  const set: Record<string, Value> = {};
  for (const name of ['name', 'admin_state_up', 'description'] as const) if (input[name] !== undefined) set[name] = input[name] as Value;
  const ports = (await routerPorts(ctx, [String(row.id)])).get(String(row.id)) ?? [];
  if (input.external_gateway_info !== undefined)
    Object.assign(set, await changeGateway(ctx, draft, row, wantedGateway(input.external_gateway_info), ports));
  if (input.routes !== undefined) {
    await checkRoutes(ctx, input.routes as readonly Route[], ports);
    set.routes = input.routes as Value;
  }
  if (Object.keys(set).length === 0) return;
  if (set.gw_port_id) await scheduleRouter(ctx, draft, String(row.id));
  draft.update(router, row, set, { facts: { changed: Object.keys(input) } });
}

async function changeGateway(
  ctx: RequestContext,
  draft: Draft,
  row: Row,
  info: GatewayInfo | undefined,
  ports: readonly RouterPort[],
): Promise<Record<string, Value>> {
  const now = ports.find(p => p.type === gatewayOwner);
  const stays =
    now &&
    info &&
    now.port.network_id === info.network_id &&
    (!info.external_fixed_ips || sameAddresses(now.fixed_ips, info.external_fixed_ips));
  if (stays) return info.enable_snat === undefined ? {} : { enable_snat: info.enable_snat };
  if (now) await dropGateway(ctx, draft, row, now);
  if (!info) return { gw_port_id: null, enable_snat: true };
  const attached = [
    ...(
      await subnetsOf(
        ctx,
        ports.filter(p => p !== now),
      )
    ).values(),
  ];
  const gw = await makeGateway(ctx, draft, row, info, attached);
  return { gw_port_id: gw, enable_snat: info.enable_snat ?? true };
}

function sameAddresses(now: readonly FixedIp[], wanted: NonNullable<GatewayInfo['external_fixed_ips']>): boolean {
  return wanted.every(w =>
    now.some(
      n => (w.ip_address === undefined || w.ip_address === n.ip_address) && (w.subnet_id === undefined || w.subnet_id === n.subnet_id),
    ),
  );
}

async function dropGateway(ctx: RequestContext, draft: Draft, row: Row, gateway: RouterPort): Promise<void> {
  const used = { eq: ['router_id', String(row.id)] } as const;
  if ((await ctx.store.count('floatingips', used)) > 0) {
    throw apiError('RouterExternalGatewayInUseByFloatingIp', { router_id: String(row.id), net_id: String(gateway.port.network_id) });
  }
  draft.absent('floatingips', used);
  await removePortRows(ctx, draft, [gateway.port]);
}

/** Every next hop stands on a connected subnet, and is not one of the router's own addresses. */
async function checkRoutes(services: Services, routes: readonly Route[], ports: readonly RouterPort[]): Promise<void> {
  const most = services.config.maxRoutes;
  if (routes.length > most) throw apiError('RoutesExhausted', { router_id: String(ports[0]?.port.device_id ?? ''), quota: most });
  const subnets = [...(await subnetsOf(services, ports)).values()];
  const own = new Set(ports.flatMap(p => p.fixed_ips.map(f => f.ip_address)));
  for (const { nexthop } of routes) {
    const bad = (reason: string): Error => apiError('InvalidRoutes', { routes: pyStr(routes), reason });
    if (!subnets.some(s => cidrContainsIp(String(s.cidr), nexthop))) throw bad('the nexthop is not connected with router');
    if (own.has(nexthop)) throw bad('the nexthop is used by router');
  }
}

async function remove(ctx: RequestContext, draft: Draft, row: Row): Promise<void> {
  const id = String(row.id);
  const ports = (await routerPorts(ctx, [id])).get(id) ?? [];
  const attached = ports.filter(p => p.type !== gatewayOwner);
  if (attached.length > 0)
    throw apiError('RouterInUse', { router_id: id, reason: `has ports still attached: ${attached.map(p => p.port.id).join(', ')}` });
  for (const gateway of ports) await dropGateway(ctx, draft, row, gateway);
  const bindings = await ctx.store.select({ table: 'router_bindings', where: { eq: ['router_id', id] } });
  draft.delete('router_bindings', { eq: ['router_id', id] });
  draft.absent('router_ports', { and: [{ eq: ['router_id', id] }, { not: { in: ['port_id', ports.map(p => String(p.port.id))] } }] });
  draft.remove(router, row, { agents: bindings.map(b => b.agent_id) });
}

function interfaceRequest(body: unknown): { readonly subnet_id?: string; readonly port_id?: string } {
  const given = typeof body === 'object' && body !== null && !Array.isArray(body) ? (body as Record<string, unknown>) : {};
  const out: { subnet_id?: string; port_id?: string } = {};
  for (const key of ['subnet_id', 'port_id'] as const) {
    if (given[key] === undefined || given[key] === null) continue;
    if (!isUuid(given[key])) throw badRequest('router', `'${pyStr(given[key])}' is not a valid UUID`);
    out[key] = given[key];
  }
  if (!out.subnet_id && !out.port_id) throw badRequest('router', 'Either subnet_id or port_id must be specified');
  return out;
}

/** The router's revision is guarded: two interfaces at once on overlapping subnets cannot both pass. */
const addInterface: Action = async (ctx, draft, row, body) => {
  const wanted = interfaceRequest(body);
  if (wanted.subnet_id && wanted.port_id) throw badRequest('router', 'Cannot specify both subnet-id and port-id');
  const id = String(row.id);
  const ports = (await routerPorts(ctx, [id])).get(id) ?? [];
  const attached = [...(await subnetsOf(ctx, ports)).values()];
  const done = wanted.port_id
    ? await addByPort(ctx, draft, row, wanted.port_id, attached)
    : await addBySubnet(ctx, draft, row, String(wanted.subnet_id), ports, attached);
  draft.update(router, row, {}, { facts: { interface_added: done.port_id } });
  await scheduleRouter(ctx, draft, id);
  return async () => answer(row, done);
};

interface Attached {
  readonly port_id: string;
  readonly network_id: string;
  readonly subnet_id: string;
  readonly subnet_ids: readonly string[];
}

function answer(row: Row, { port_id, network_id, subnet_id, subnet_ids }: Attached): ApiObject {
  return { id: row.id, tenant_id: row.project_id, project_id: row.project_id, port_id, network_id, subnet_id, subnet_ids };
}

function refuseOverlap(attached: readonly Row[], added: readonly Row[], routerId: string | null): void {
  for (const subnet of added) {
    if (routerId !== null && attached.some(a => a.id === subnet.id))
      throw badRequest('router', `Router already has a port on subnet ${subnet.id}`);
    const clash = attached.find(a => a.ip_version === subnet.ip_version && cidrsOverlap(String(a.cidr), String(subnet.cidr)));
    if (clash)
      throw badRequest('router', `Cidr ${subnet.cidr} of subnet ${subnet.id} overlaps with cidr ${clash.cidr} of subnet ${clash.id}`);
  }
}

async function visibleSubnet(ctx: RequestContext, id: string): Promise<Row> {
  const row = (await byIds(ctx, 'subnets', [id])).get(id);
  if (!row) throw apiError('SubnetNotFound', { subnet_id: id });
  if (ctx.isAdmin || row.project_id === ctx.caller.project_id) return row;
  const entries = (await sharingOf(ctx, [String(row.network_id)])).get(String(row.network_id));
  if (!isShared(entries, 'access_as_shared', { project_id: ctx.caller.project_id, isAdmin: false }))
    throw apiError('SubnetNotFound', { subnet_id: id });
  return row;
}

async function addBySubnet(
  ctx: RequestContext,
  draft: Draft,
  row: Row,
  subnetId: string,
  ports: readonly RouterPort[],
  attached: readonly Row[],
): Promise<Attached> {
  const subnet = await visibleSubnet(ctx, subnetId);
  if (subnet.gateway_ip === null) throw badRequest('router', 'Subnet for router interface must have a gateway IP');
  if (subnet.ip_version === 6 && subnet.ipv6_ra_mode === null && subnet.ipv6_address_mode !== null) {
    throw badRequest(
      'router',
      `IPv6 subnet ${subnet.id} configured to receive RAs from an external router cannot be added to Neutron Router.`.replace(/\.$/, ''),
    );
  }
  refuseOverlap(attached, [subnet], String(row.id));
  const network_id = String(subnet.network_id);
  const fixed: FixedIp = { subnet_id: subnetId, ip_address: String(subnet.gateway_ip) };
  draft.present('subnets', { eq: ['id', subnetId] });
  const twin =
    subnet.ip_version === 6
      ? ports.find(p => p.type === interfaceOwner && p.port.network_id === network_id && p.fixed_ips.some(f => f.ip_address.includes(':')))
      : undefined;
  if (twin) return extendPort(draft, twin, fixed);
  const net = (await byIds(ctx, 'networks', [network_id])).get(network_id);
  if (!net) throw apiError('NetworkNotFound', { net_id: network_id });
  const made = await createPort(ctx, draft, net, {
    project_id: row.project_id,
    name: '',
    device_id: row.id,
    device_owner: interfaceOwner,
    admin_state_up: true,
    security_groups: [],
    fixed_ips: [fixed],
    port_security_enabled: false,
    'binding:host_id': await hostOf(ctx, String(row.id)),
  });
  const port_id = String(made.row.id);
  draft.insert('router_ports', { router_id: row.id ?? '', port_id, port_type: interfaceOwner });
  return { port_id, network_id, subnet_id: subnetId, subnet_ids: [subnetId] };
}

/** IPv6 subnets of one network share a router port. */
function extendPort(draft: Draft, twin: RouterPort, fixed: FixedIp): Attached {
  const port_id = String(twin.port.id);
  const network_id = String(twin.port.network_id);
  draft.insert('ip_allocations', { ...fixed, port_id, network_id, position: twin.fixed_ips.length }, { tag: 'address' });
  draft.update(port, twin.port, {}, { facts: { changed: ['fixed_ips'] } });
  return { port_id, network_id, subnet_id: fixed.subnet_id, subnet_ids: [...twin.fixed_ips.map(f => f.subnet_id), fixed.subnet_id] };
}

async function addByPort(ctx: RequestContext, draft: Draft, row: Row, portId: string, attached: readonly Row[]): Promise<Attached> {
  const found = (await byIds(ctx, 'ports', [portId])).get(portId);
  if (!found || (!ctx.isAdmin && found.project_id !== ctx.caller.project_id)) throw apiError('PortNotFound', { port_id: portId });
  if (found.device_id !== '')
    throw apiError('PortInUse', { port_id: portId, net_id: String(found.network_id), device_id: String(found.device_id) });
  const parts = await partsOf(ctx, [portId]);
  const fixedIps = parts.fixedIps.get(portId) ?? [];
  if (fixedIps.length === 0) throw badRequest('router', 'Router port must have at least one fixed IP');
  const subnets = [
    ...(
      await byIds(
        ctx,
        'subnets',
        fixedIps.map(f => f.subnet_id),
      )
    ).values(),
  ];
  if (fixedIps.filter(f => f.ip_address.includes('.')).length > 1)
    throw badRequest('router', 'Cannot have multiple IPv4 subnets on router port');
  refuseOverlap(attached, subnets, String(row.id));
  draft.insert('router_ports', { router_id: row.id ?? '', port_id: portId, port_type: interfaceOwner });
  draft.delete('port_security_groups', { eq: ['port_id', portId] });
  draft.update(
    port,
    found,
    { device_id: row.id ?? '', device_owner: interfaceOwner, port_security_enabled: false },
    { facts: { changed: ['device_id', 'device_owner'] } },
  );
  return {
    port_id: portId,
    network_id: String(found.network_id),
    subnet_id: String(fixedIps[0]?.subnet_id),
    subnet_ids: fixedIps.map(f => f.subnet_id),
  };
}

const removeInterface: Action = async (ctx, draft, row, body) => {
  const wanted = interfaceRequest(body);
  const id = String(row.id);
  const ports = ((await routerPorts(ctx, [id])).get(id) ?? []).filter(p => p.type !== gatewayOwner);
  const found = findInterface(id, ports, wanted);
  const leaving = wanted.subnet_id && !wanted.port_id ? [wanted.subnet_id] : found.fixed_ips.map(f => f.subnet_id);
  await refuseNeeded(ctx, draft, row, leaving, ports);
  const rest = found.fixed_ips.filter(f => !leaving.includes(f.subnet_id));
  if (rest.length > 0) {
    draft.delete('ip_allocations', { and: [{ eq: ['port_id', String(found.port.id)] }, { in: ['subnet_id', leaving] }] });
    draft.update(port, found.port, {}, { facts: { changed: ['fixed_ips'] } });
  } else {
    await removePortRows(ctx, draft, [found.port]);
  }
  draft.update(router, row, {}, { facts: { interface_removed: found.port.id } });
  const subnet_id = wanted.subnet_id ?? String(leaving[0] ?? '');
  return async () =>
    answer(row, { port_id: String(found.port.id), network_id: String(found.port.network_id), subnet_id, subnet_ids: [subnet_id] });
};

function findInterface(
  id: string,
  ports: readonly RouterPort[],
  { subnet_id, port_id }: { subnet_id?: string; port_id?: string },
): RouterPort {
  const byPort = port_id ? ports.find(p => p.port.id === port_id) : undefined;
  if (port_id && !byPort) throw apiError('RouterInterfaceNotFound', { router_id: id, port_id });
  if (byPort && subnet_id && !byPort.fixed_ips.some(f => f.subnet_id === subnet_id))
    throw apiError('SubnetMismatchForPort', { port_id: String(port_id), subnet_id });
  const found = byPort ?? ports.find(p => p.fixed_ips.some(f => f.subnet_id === subnet_id));
  if (!found) throw apiError('RouterInterfaceNotFoundForSubnet', { router_id: id, subnet_id: String(subnet_id) });
  return found;
}

async function refuseNeeded(
  ctx: RequestContext,
  draft: Draft,
  row: Row,
  leaving: readonly string[],
  ports: readonly RouterPort[],
): Promise<void> {
  const router_id = String(row.id);
  const subnets = await subnetsOf(ctx, ports);
  for (const subnet_id of leaving) {
    if ((await floatingIpsBehind(ctx, router_id, [subnet_id])).length > 0)
      throw apiError('RouterInterfaceInUseByFloatingIP', { router_id, subnet_id });
    const cidr = String(subnets.get(subnet_id)?.cidr ?? '');
    if ((row.routes as readonly Route[]).some(r => cidrContainsIp(cidr, r.nexthop)))
      throw apiError('RouterInterfaceInUseByRoute', { router_id, subnet_id });
  }
  draft.relyOn(router, row);
}

const changeRoutes =
  (add: boolean): Action =>
  async (ctx, draft, row, body) => {
    const given = typeof body === 'object' && body !== null ? (body as { router?: { routes?: unknown } }).router?.routes : undefined;
    let routes: readonly Route[];
    try {
      routes = read(router.fields.routes.type, given ?? null) as readonly Route[];
    } catch (error) {
      if (error instanceof Invalid) throw apiError('HTTPBadRequest', { message: `Invalid input for routes. Reason: ${error.message}` });
      throw error;
    }
    const now = row.routes as readonly Route[];
    const same = (a: Route, b: Route): boolean => a.destination === b.destination && a.nexthop === b.nexthop;
    const wanted = add ? [...now, ...routes.filter(r => !now.some(n => same(n, r)))] : now.filter(n => !routes.some(r => same(n, r)));
    await checkRoutes(ctx, wanted, (await routerPorts(ctx, [String(row.id)])).get(String(row.id)) ?? []);
    draft.update(router, row, { routes: wanted as Value }, { facts: { changed: ['routes'] } });
    return async () => {
      const [object] = await present(ctx, await ctx.store.select({ table: 'routers', where: { eq: ['id', String(row.id)] } }));
      return { router: { ...object, tenant_id: object?.project_id } };
    };
  };

export const routers: Commands = {
  resource: router,
  present,
  create,
  update,
  delete: remove,
  actions: {
    add_router_interface: addInterface,
    remove_router_interface: removeInterface,
    add_extraroutes: changeRoutes(true),
    remove_extraroutes: changeRoutes(false),
  },
};
