// What a floating IP stands for: a fixed address of a port, reached through a router between its subnet and the external network.
import type { Predicate, Query, Row } from '../../contracts/store.ts';
import { apiError, badRequest } from '../../domain/errors.ts';
import { floatingRouter, floatingTarget, type RouterLink } from '../../domain/routing.ts';
import type { FixedIp } from '../../model/port.ts';
import type { RequestContext } from '../context.ts';
import type { Draft } from '../draft.ts';
import { find, seenQuery } from '../find.ts';
import { foreseeing, keyed } from '../read-set.ts';
import { addressesOf, addressesQuery } from './port-rows.ts';
import { ports } from './ports.ts';
import { gatewayOwner, linksQuery, onNetwork, type RouterPort, routerPorts } from './router-rows.ts';

export interface Association {
  readonly port_id: string | null;
  readonly fixed_ip_address: string | null;
  readonly router_id: string | null;
}

export interface Wanted {
  /** The floating IP's own id. */
  readonly id: string;
  readonly project: string;
  readonly networkId: string;
  readonly port_id: unknown;
  readonly fixed_ip_address: unknown;
}

const none: Association = { port_id: null, fixed_ip_address: null, router_id: null };

export async function associate(any: RequestContext, draft: Draft, wanted: Wanted): Promise<Association> {
  const asked = wanted.fixed_ip_address as string | null | undefined;
  if (wanted.port_id === null || wanted.port_id === undefined) {
    if (asked) throw badRequest('floatingip', 'fixed_ip_address cannot be specified without a port_id');
    return none;
  }
  const port = await ownPort(any, wanted, String(wanted.port_id));
  const id = String(port.id);
  const fixed = floatingTarget({ id, fixed_ips: (await addressesOf(any, [id])).get(id) ?? [] }, asked);
  const ofSubnet: Query = { table: 'subnets', where: keyed({ id: fixed.subnet_id }) };
  const standing = standingQuery(port.network_id, fixed.subnet_id);
  const ctx = await foreseeing(any, [ofSubnet, standing, takenQuery(wanted, id, fixed)]);
  const way = await wayIn(ctx, fixed.subnet_id, wanted.networkId, id);
  const { router_id } = way;
  await refuseTaken(ctx, wanted, id, fixed);
  await refuseForwardedTo(ctx, draft, router_id, id);
  relyOnPath(draft, { way, port_id: id, fixed });
  return { port_id: id, fixed_ip_address: fixed.ip_address, router_id };
}

/** What is asked of the port that it is to lead to. */
export const targetQueries = (ctx: RequestContext, port_id: string): Query[] => [
  seenQuery(ctx, ports, [port_id]),
  addressesQuery([port_id]),
];

async function ownPort(ctx: RequestContext, { project }: Wanted, portId: string): Promise<Row> {
  // Visible is not owned: who owns the network sees the ports of others on it.
  const port = await find(ctx, ports, portId);
  if (port.project_id === project || ctx.isAdmin) return port;
  throw badRequest(
    'floatingip',
    `Cannot process floating IP association with Port ${portId}, since that port is owned by a different tenant`,
  );
}

/** A distributed router would translate what comes in on another host than what is forwarded. */
async function refuseForwardedTo(ctx: RequestContext, draft: Draft, router_id: string, port_id: string): Promise<void> {
  const to: Predicate = { eq: ['internal_port_id', port_id] };
  const router = await ctx.store.get('routers', { id: router_id });
  if (router?.distributed !== true) return;
  if ((await ctx.store.count('port_forwardings', to)) > 0) throw apiError('PortHasPortForwarding', { port_id });
  draft.absent('port_forwardings', to);
}

function takenQuery({ id, networkId }: Wanted, port_id: string, fixed: FixedIp): Query {
  const where: Predicate = {
    and: [
      { eq: ['floating_network_id', networkId] },
      { eq: ['port_id', port_id] },
      { eq: ['fixed_ip_address', fixed.ip_address] },
      { not: { eq: ['id', id] } },
    ],
  };
  return { table: 'floatingips', where };
}

async function refuseTaken(ctx: RequestContext, wanted: Wanted, port_id: string, fixed: FixedIp): Promise<void> {
  const [other] = await ctx.store.select(takenQuery(wanted, port_id, fixed));
  if (!other) return;
  throw apiError('FloatingIPPortAlreadyAssociated', {
    floating_ip_address: String(other.floating_ip_address),
    fip_id: String(other.id),
    port_id,
    fixed_ip: fixed.ip_address,
    net_id: wanted.networkId,
  });
}

const onSubnet = (subnet_id: string): Predicate => ({
  exists: { table: 'ip_allocations', on: [['port_id', 'port_id']], where: { eq: ['subnet_id', subnet_id] } },
});

/** Interfaces of routers on a subnet. */
const standingQuery = (network_id: unknown, subnet_id: string): Query => ({
  table: 'router_ports',
  where: { and: [onNetwork(String(network_id)), { not: { eq: ['port_type', gatewayOwner] } }, onSubnet(subnet_id)] },
});

/** The router between a subnet and an external network, and its interface there. */
export interface WayIn {
  readonly router_id: string;
  readonly subnet_id: string;
  readonly external_network_id: string;
  readonly inner: RouterPort;
}

export async function wayIn(any: RequestContext, subnet_id: string, external_network_id: string, port_id: string): Promise<WayIn> {
  const subnet = await any.store.get('subnets', { id: subnet_id });
  const standing = await any.store.select(standingQuery(subnet?.network_id, subnet_id));
  const routers = [...new Set(standing.map(l => String(l.router_id)))];
  // Whoever asks for the way looks at the router, too.
  const ofRouters = routers.map((id): Query => ({ table: 'routers', where: keyed({ id }) }));
  const ctx = await foreseeing(any, routers.length > 0 ? [linksQuery(routers), ...ofRouters] : []);
  const all = await routerPorts(ctx, routers);
  const isInner = (p: RouterPort): boolean => p.fixed_ips.some(f => f.subnet_id === subnet_id);
  const links = [...all].map(([router_id, ports]): RouterLink => {
    const external_network_ids = ports.filter(p => p.type === gatewayOwner).map(p => p.network_id);
    const inner = ports.flatMap(p => p.fixed_ips.filter(f => f.subnet_id === subnet_id).map(f => f.ip_address));
    return { router_id, external_network_ids, inner };
  });
  const gateway_ip = (subnet?.gateway_ip ?? null) as string | null;
  const router_id = floatingRouter(links, { subnet_id, gateway_ip, port_id, external_network_id });
  const inner = all.get(router_id)?.find(p => p.type !== gatewayOwner && isInner(p));
  // Read one after the other, they need not be of one moment.
  if (!inner) throw apiError('ExternalGatewayForFloatingIPNotFound', { external_network_id, subnet_id, port_id });
  return { router_id, subnet_id, external_network_id, inner };
}

interface Path {
  readonly way: WayIn;
  readonly port_id: string;
  readonly fixed: FixedIp;
}

/**
 * The way in must still be there when the association is committed: the address, the interface on its subnet, and a gateway. The first two
 * are named by their own rows, and ports stay on their network, so that nobody has to wait who is about another port.
 */
export function relyOnPath(draft: Draft, { way, port_id, fixed }: Path): void {
  const { router_id, subnet_id, external_network_id: network_id, inner } = way;
  const interfaceId = String(inner.port.id);
  const ofRouter: Predicate = { eq: ['router_id', router_id] };
  const outside: Predicate = {
    exists: { table: 'ports', on: [['id', 'port_id']], where: { eq: ['network_id', network_id] }, settled: true },
  };
  draft.present('ip_allocations', { and: [{ eq: ['port_id', port_id] }, { eq: ['ip_address', fixed.ip_address] }] });
  draft.present('ip_allocations', { and: [{ eq: ['port_id', interfaceId] }, { eq: ['subnet_id', subnet_id] }] });
  draft.present('router_ports', { and: [ofRouter, { eq: ['port_id', interfaceId] }, { eq: ['port_type', inner.type] }] });
  draft.present('router_ports', { and: [ofRouter, { eq: ['port_type', gatewayOwner] }, outside] });
}
