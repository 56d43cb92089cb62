// Port forwardings seen from the floating IPs that show them, and from the ports and routers that they depend on.
import type { Predicate, Query, Row } from '../../contracts/store.ts';
import { floatingip } from '../../model/floatingip.ts';
import { portForwarding } from '../../model/port-forwarding.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import type { ApiObject } from './commands.ts';
import { byIds, grouped, groupedQuery } from './load.ts';

const table = portForwarding.table.name;

const byId = { order: [['id', 'asc']] } as const;

export function forwardingsOf(services: Services, fipIds: readonly string[]): Promise<Map<string, Row[]>> {
  return grouped(services, table, 'floatingip_id', fipIds, byId);
}

/** What `forwardingsOf` asks. */
export const forwardingsQuery = (fipIds: readonly string[]): Query => groupedQuery(table, 'floatingip_id', fipIds, byId);

/** As a floating IP shows it: a single port only where there is one. */
export function shownInFip({ id, protocol, internal_ip_address, internal_port_id, internal_port, external_port }: Row): ApiObject {
  return {
    id,
    protocol,
    internal_ip_address,
    internal_port_id,
    ...(internal_port === null ? {} : { internal_port }),
    ...(external_port === null ? {} : { external_port }),
  };
}

/** Ports go, or lose addresses, and with them what leads there. The change of the port itself holds off new ones. */
export async function releaseForwardings(
  services: Services,
  draft: Draft,
  portIds: readonly string[],
  addresses?: readonly string[],
): Promise<void> {
  const to: Predicate = { in: ['internal_port_id', portIds] };
  const where: Predicate = addresses ? { and: [to, { in: ['internal_ip_address', addresses] }] } : to;
  const going = await services.store.select({ table, where });
  if (going.length === 0) return;
  const fipIds = [...new Set(going.map(f => String(f.floatingip_id)))];
  const all = await forwardingsOf(services, fipIds);
  const gone = new Set(going.map(f => f.id));
  for (const [id, fip] of await byIds(services, floatingip.table.name, fipIds)) {
    const last = (all.get(id) ?? []).every(f => gone.has(f.id));
    const facts = { router_before: fip.router_id };
    draft.update(floatingip, fip, last ? { router_id: null, status: 'DOWN' } : {}, { facts });
  }
  for (const row of going) draft.remove(portForwarding, row);
}
