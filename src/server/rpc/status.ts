// The status of ports as agents report it: ACTIVE when every block is gone, BUILD while an agent wires, DOWN when it is gone.
import type { Row } from '../../contracts/store.ts';
import { port } from '../../model/port.ts';
import { factsOf, partsOf } from '../commands/port-rows.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { commitDecision } from '../retry.ts';

export type Entity = 'L2' | 'DHCP';

const unplugged = ['unbound', 'binding_failed'];

/** Takes the entity's block off the ports; those without any block left become ACTIVE. One commit for all. */
export async function complete(services: Services, portIds: readonly string[], entity: Entity): Promise<void> {
  if (portIds.length === 0) return;
  await commitDecision(services, {
    decide: async draft => {
      const rows = await services.store.select({ table: 'ports', where: { in: ['id', portIds] } });
      const ids = rows.map(r => String(r.id));
      if (ids.length === 0) return;
      draft.delete('provisioning_blocks', { and: [{ in: ['port_id', ids] }, { eq: ['entity', entity] }] });
      const left = new Set(
        (await services.store.select({ table: 'provisioning_blocks', where: { in: ['port_id', ids] } }))
          .filter(b => b.entity !== entity)
          .map(b => b.port_id),
      );
      const parts = await partsOf(services, ids);
      for (const row of rows) {
        const vif = String(parts.bindings.get(String(row.id))?.vif_type ?? 'unbound');
        if (left.has(row.id) || row.status === 'ACTIVE' || row.admin_state_up !== true || unplugged.includes(vif)) continue;
        // Two entities that report at the same moment must not both see the other's block: what is gone is a guard.
        draft.absent('provisioning_blocks', { and: [{ eq: ['port_id', String(row.id)] }, { not: { eq: ['entity', entity] } }] });
        setStatus(draft, row, 'ACTIVE', factsOf(row, parts));
      }
    },
  });
}

export function setStatus(draft: Draft, row: Row, status: string, before: ReturnType<typeof factsOf>): void {
  draft.update(port, row, { status }, { touch: false, guarded: false, facts: { before, changed: ['status'] } });
}

/** Puts ports into a status, where they are not in it yet. */
export async function markPorts(services: Services, wanted: ReadonlyMap<string, string>): Promise<void> {
  const ids = [...wanted.keys()];
  if (ids.length === 0) return;
  await commitDecision(services, {
    decide: async draft => {
      const rows = (await services.store.select({ table: 'ports', where: { in: ['id', ids] } })).filter(
        r => r.status !== wanted.get(String(r.id)),
      );
      if (rows.length === 0) return;
      const parts = await partsOf(
        services,
        rows.map(r => String(r.id)),
      );
      for (const row of rows) {
        draft.insert('provisioning_blocks', { port_id: row.id ?? '', entity: 'L2' }, { onConflict: 'ignore' });
        setStatus(draft, row, String(wanted.get(String(row.id))), factsOf(row, parts));
      }
    },
  });
}
