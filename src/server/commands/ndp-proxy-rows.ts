// NDP proxies seen from the ports and routers that they depend on.
import type { Predicate, Row } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import { ndpProxy } from '../../model/ndp-proxy.ts';
import { router } from '../../model/router.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { anyOn } from './floatingip-rows.ts';
import { relyOnAll } from './load.ts';
import { scopesOf } from './pool-scope.ts';

const table = ndpProxy.table.name;

const ipv6On = (services: Services, networkId: string): Promise<Row[]> =>
  services.store.select({ table: 'subnets', where: { and: [{ eq: ['network_id', networkId] }, { eq: ['ip_version', 6] }] } });

/** The scope of a network's IPv6 subnets; null where it has none. */
export async function ipv6ScopeOf(services: Services, networkId: string): Promise<string | null> {
  const subnets = await ipv6On(services, networkId);
  const scopeOf = await scopesOf(services, subnets);
  return subnets.map(scopeOf).find(scope => scope !== null) ?? null;
}

/** Whether a router with a gateway there may answer for others: it has addresses outside that instances may have, too. */
export async function requireScoped(services: Services, router_id: string, networkId: string | undefined): Promise<void> {
  const refuse = (reason: string): never => {
    throw apiError('RouterGatewayNotValid', { router_id, reason });
  };
  if (networkId === undefined) return refuse('The request body not contain external gateway information');
  if ((await ipv6ScopeOf(services, networkId)) !== null) return;
  refuse(`The external network ${networkId} don't support IPv6 ndp proxy, the network has no IPv6 subnets or has no IPv6 address scope`);
}

/** The gateway of a router that answers for others stays. */
export async function refuseProxies(services: Services, draft: Draft, router_id: string): Promise<void> {
  const of: Predicate = { eq: ['router_id', router_id] };
  if ((await services.store.count(table, of)) > 0) throw apiError('RouterGatewayInUseByNDPProxy', { router_id });
  draft.absent(table, of);
}

/** So does the interface that leads to them. */
export async function refuseProxiesOn(services: Services, draft: Draft, router_id: string, subnet_id: string): Promise<void> {
  const proxies = await relyOnAll(services, draft, table, { eq: ['router_id', router_id] }, ['id', 'port_id', 'ip_address']);
  const through = await anyOn(
    services,
    subnet_id,
    proxies.map(p => [p.port_id, p.ip_address]),
  );
  if (through) throw apiError('RouterInterfaceInUseByNDPProxy', { router_id, subnet_id });
}

/** Ports go, or lose addresses, and with them the proxies. One that is made meanwhile is met. */
export async function releaseProxies(
  services: Services,
  draft: Draft,
  portIds: readonly string[],
  addresses?: readonly string[],
): Promise<void> {
  const of: Predicate = { in: ['port_id', portIds] };
  const where: Predicate = addresses ? { and: [of, { in: ['ip_address', addresses] }] } : of;
  const going = await services.store.select({ table, where });
  draft.absent(table, { and: [where, { not: { in: ['id', going.map(r => String(r.id))] } }] });
  for (const row of going) {
    draft.remove(ndpProxy, row, { router_id: row.router_id });
    draft.touch(router, String(row.router_id));
  }
}
