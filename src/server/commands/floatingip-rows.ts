// Floating IPs seen from the ports and routers they depend on.
import type { Predicate } from '../../contracts/store.ts';
import { floatingip } from '../../model/floatingip.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';

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

/** Floating IPs that need this router's interface on this subnet. */
export function behindInterface(routerId: string, subnetId: string): Predicate {
  const inner: Predicate = {
    exists: {
      table: 'ip_allocations',
      on: [
        ['port_id', 'port_id'],
        ['ip_address', 'fixed_ip_address'],
      ],
      where: { eq: ['subnet_id', subnetId] },
    },
  };
  return { and: [{ eq: ['router_id', routerId] }, inner] };
}
