// A gateway of a router: a port on an external network that belongs to no project and is bound where the router is.
import type { Row } from '../../contracts/store.ts';
import { badRequest } from '../../domain/errors.ts';
import { checkAttach } from '../../domain/routing.ts';
import type { WantedGateway } from '../../model/ext/router-gateways.ts';
import { type FixedIp, port } from '../../model/port.ts';
import type { RequestContext, Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { changeAddresses } from './addresses.ts';
import { externalNetwork } from './on-network.ts';
import { createPort } from './port-create.ts';
import { factsOf, partsOf } from './port-rows.ts';
import { gatewayOwner, hostOf, type RouterPort, routedSubnet } from './router-rows.ts';

type Addresses = NonNullable<WantedGateway['external_fixed_ips']>;

/** Subnets of networks. */
export async function subnetsOn({ store }: Services, networkIds: readonly string[]): Promise<Row[]> {
  return store.select({ table: 'subnets', where: { in: ['network_id', networkIds] } });
}

/** `beside`: subnets that its network's must not overlap. Answers the id of its port. */
export async function makeGateway(
  ctx: RequestContext,
  draft: Draft,
  routerId: string,
  info: WantedGateway,
  beside: readonly Row[],
): Promise<string> {
  const net = await externalNetwork(ctx, info.network_id, { resource: 'router', text: 'is not an external network' });
  const subnets = await subnetsOn(ctx, [info.network_id]);
  refuseNextHop(info.external_fixed_ips ?? [], subnets);
  checkAttach(subnets.map(routedSubnet), beside.map(routedSubnet));
  const made = await createPort(ctx, draft, net, {
    project_id: '',
    device_id: routerId,
    device_owner: gatewayOwner,
    security_groups: [],
    port_security_enabled: false,
    ...(info.external_fixed_ips ? { fixed_ips: info.external_fixed_ips } : {}),
    'binding:host_id': await hostOf(ctx, routerId),
  });
  return String(made.row.id);
}

/** The address by which its packets leave is not its own. */
function refuseNextHop(wanted: Addresses, subnets: readonly Row[]): void {
  const found = wanted.find(w => w.ip_address !== undefined && subnets.some(s => s.gateway_ip === w.ip_address));
  if (found) throw badRequest('router', `External IP ${found.ip_address} is the same as the gateway IP`);
}

/** Other addresses on the same network: the port stays, and with it the floating IPs. Answers whether they are others. */
export async function moveGateway(
  ctx: RequestContext,
  draft: Draft,
  gateway: RouterPort,
  wanted: WantedGateway['external_fixed_ips'],
): Promise<boolean> {
  if (!wanted || sameAddresses(gateway.fixed_ips, wanted)) return false;
  const { port: row, fixed_ips } = gateway;
  refuseNextHop(wanted, await subnetsOn(ctx, [String(row.network_id)]));
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

function sameAddresses(now: readonly FixedIp[], wanted: Addresses): boolean {
  const fits = (w: Addresses[number], n: FixedIp): boolean =>
    (w.ip_address === undefined || w.ip_address === n.ip_address) && (w.subnet_id === undefined || w.subnet_id === n.subnet_id);
  return wanted.length === now.length && wanted.every(w => now.some(n => fits(w, n)));
}
