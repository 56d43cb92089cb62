// Floating IPs seen from the ports and routers they depend on.
import type { Predicate, Value } from '../../contracts/store.ts';
import { floatingip } from '../../model/floatingip.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { relyOnAll } from './load.ts';

/** Disassociates the floating IPs of ports that go away. One that is associated meanwhile is met. */
export async function releaseFloatingIps(services: Services, draft: Draft, portIds: readonly string[]): Promise<void> {
  const where: Predicate = { in: ['port_id', portIds] };
  const rows = await services.store.select({ table: 'floatingips', where });
  draft.absent('floatingips', { and: [where, { not: { in: ['id', rows.map(r => String(r.id))] } }] });
  for (const row of rows) {
    draft.update(
      floatingip,
      row,
      { port_id: null, fixed_ip_address: null, router_id: null },
      { facts: { router_before: row.router_id, port_before: row.port_id } },
    );
  }
}

/** Addresses of ports on a subnet that lead somewhere through a router; that it has no others is part of the decision. */
export async function translatedBehind(services: Services, draft: Draft, router_id: string, subnet_id: string): Promise<boolean> {
  const ofRouter: Predicate = { eq: ['router_id', router_id] };
  const fips = await relyOnAll(services, draft, 'floatingips', ofRouter, ['id', 'port_id', 'fixed_ip_address']);
  const forwarding = fips.filter(f => f.port_id === null).map(f => String(f.id));
  const named = ['id', 'internal_port_id', 'internal_ip_address'] as const;
  const forwarded =
    forwarding.length === 0 ? [] : await relyOnAll(services, draft, 'port_forwardings', { in: ['floatingip_id', forwarding] }, named);
  return anyOn(services, subnet_id, [
    ...fips.map(f => [f.port_id, f.fixed_ip_address] as const),
    ...forwarded.map(f => [f.internal_port_id, f.internal_ip_address] as const),
  ]);
}

/** Whether one of these addresses is on the subnet, and the port's. */
export async function anyOn(
  services: Services,
  subnet_id: string,
  ends: readonly (readonly [port: Value | undefined, ip: Value | undefined])[],
): Promise<boolean> {
  const ips = [...new Set(ends.map(([, ip]) => ip).filter(ip => typeof ip === 'string'))];
  if (ips.length === 0) return false;
  const rows = await services.store.select({
    table: 'ip_allocations',
    where: { and: [{ eq: ['subnet_id', subnet_id] }, { in: ['ip_address', ips] }] },
  });
  return rows.some(row => ends.some(([port, ip]) => port === row.port_id && ip === row.ip_address));
}
