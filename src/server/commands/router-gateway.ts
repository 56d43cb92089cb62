// The gateway of a router: a port on an external network that belongs to no project and is bound where the router is.
import type { Row, Value } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import { checkAttach } from '../../domain/routing.ts';
import { type FixedIp, port } from '../../model/port.ts';
import type { GatewayInfo } from '../../model/router.ts';
import type { RequestContext } from '../context.ts';
import type { Draft } from '../draft.ts';
import { changeAddresses } from './addresses.ts';
import { dropAgentGatewaysOf } from './agent-gateways.ts';
import { refuseProxies } from './ndp-proxy-rows.ts';
import { externalNetwork } from './on-network.ts';
import { createPort } from './port-create.ts';
import { factsOf, partsOf, removePortRows } from './port-rows.ts';
import { changePolicy } from './qos-use.ts';
import { gatewayOwner, hostOf, type RouterPort, routedSubnet, subnetsOf } from './router-rows.ts';
import { dropSnatPorts, makeSnatPorts } from './router-snat.ts';

/** Undefined: not given or cleared. */
export function wantedGateway(value: unknown): GatewayInfo | undefined {
  if (value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0)) return undefined;
  return value as GatewayInfo;
}

export async function makeGateway(
  ctx: RequestContext,
  draft: Draft,
  routerId: string,
  info: GatewayInfo,
  attached: readonly Row[],
): Promise<string> {
  const net = await externalNetwork(ctx, info.network_id, { resource: 'router', text: 'is not an external network' });
  const subnets = await ctx.store.select({ table: 'subnets', where: { eq: ['network_id', info.network_id] } });
  checkAttach(subnets.map(routedSubnet), attached.map(routedSubnet));
  const made = await createPort(ctx, draft, net, {
    project_id: '',
    device_id: routerId,
    device_owner: gatewayOwner,
    security_groups: [],
    port_security_enabled: false,
    ...(info.external_fixed_ips ? { fixed_ips: info.external_fixed_ips } : {}),
    'binding:host_id': await hostOf(ctx, routerId),
  });
  const id = String(made.row.id);
  draft.insert('router_ports', { router_id: routerId, port_id: id, port_type: gatewayOwner });
  return id;
}

/** Answers the router's columns that change. */
export async function changeGateway(
  ctx: RequestContext,
  draft: Draft,
  row: Row,
  info: GatewayInfo | undefined,
  ports: readonly RouterPort[],
): Promise<Record<string, Value>> {
  const now = ports.find(p => p.type === gatewayOwner);
  if (!now && !info) return {};
  if (now && info && info.network_id === now.port.network_id) {
    const moved = await moveGateway(ctx, draft, now, info.external_fixed_ips);
    return moved || info.enable_snat !== undefined ? { enable_snat: info.enable_snat ?? row.enable_snat ?? true } : {};
  }
  if (now) await dropGateway(ctx, draft, row, now);
  if (!info) {
    await dropSnatPorts(ctx, draft, ports);
    return { gw_port_id: null, enable_snat: true, enable_ndp_proxy: false };
  }
  if (row.distributed === true) await makeSnatPorts(ctx, draft, row, ports);
  const others = ports.filter(p => p !== now);
  const attached = [...(await subnetsOf(ctx, others)).values()];
  return { gw_port_id: await makeGateway(ctx, draft, String(row.id), info, attached), enable_snat: info.enable_snat ?? true };
}

/** The policy of a gateway goes with it, and is otherwise what the request says of it. */
export async function gatewayPolicy(ctx: RequestContext, draft: Draft, row: Row, info: GatewayInfo | undefined): Promise<Row> {
  const wanted = info ? info.qos_policy_id : null;
  if (wanted === undefined || wanted === row.qos_policy_id) return {};
  if (info) await changePolicy(ctx, draft, row.qos_policy_id, wanted);
  return { qos_policy_id: wanted };
}

/** Other addresses on the same network: the port stays, and with it the floating IPs. */
async function moveGateway(
  ctx: RequestContext,
  draft: Draft,
  gateway: RouterPort,
  wanted: GatewayInfo['external_fixed_ips'],
): Promise<boolean> {
  if (!wanted || sameAddresses(gateway.fixed_ips, wanted)) return false;
  const { port: row, fixed_ips } = gateway;
  const before = factsOf(row, await partsOf(ctx, [String(row.id)]));
  await changeAddresses(ctx, draft, {
    port_id: String(row.id),
    network_id: String(row.network_id),
    mac: String(row.mac_address),
    owner: gatewayOwner,
    host: before.host,
    requested: wanted,
    now: fixed_ips,
  });
  draft.update(port, row, {}, { facts: { before, changed: ['fixed_ips'] } });
  return true;
}

function sameAddresses(now: readonly FixedIp[], wanted: NonNullable<GatewayInfo['external_fixed_ips']>): boolean {
  const fits = (w: (typeof wanted)[number], n: FixedIp): boolean =>
    (w.ip_address === undefined || w.ip_address === n.ip_address) && (w.subnet_id === undefined || w.subnet_id === n.subnet_id);
  return wanted.length === now.length && wanted.every(w => now.some(n => fits(w, n)));
}

export async function dropGateway(ctx: RequestContext, draft: Draft, row: Row, gateway: RouterPort): Promise<void> {
  const used = { eq: ['router_id', String(row.id)] } as const;
  if ((await ctx.store.count('floatingips', used)) > 0) {
    throw apiError('RouterExternalGatewayInUseByFloatingIp', { router_id: String(row.id), net_id: String(gateway.port.network_id) });
  }
  draft.absent('floatingips', used);
  await refuseProxies(ctx, draft, String(row.id));
  await removePortRows(ctx, draft, [gateway.port]);
  await dropAgentGatewaysOf(ctx, draft, gateway.port);
}
