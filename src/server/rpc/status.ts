// The status of ports as agents report it: ACTIVE when every block is gone, BUILD while an agent wires, DOWN when it is gone.
import type { OutboxEntry, Predicate, Row } from '../../contracts/store.ts';
import { port } from '../../model/port.ts';
import { factsOf, type PortFacts, type PortParts, partsOf, portsOn } from '../commands/port-rows.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { commitDecision } from '../retry.ts';

export type Entity = 'L2' | 'DHCP';

const unplugged = ['unbound', 'binding_failed'];

/**
 * Takes the entity's block off the ports; those without any block left become ACTIVE. One commit for all. With `host`, only
 * ports that are bound there still: a report that crosses a move does not speak for the new place.
 */
export async function complete(services: Services, portIds: readonly string[], entity: Entity, host?: string): Promise<void> {
  if (portIds.length === 0) return;
  await commitDecision(services, {
    decide: async draft => {
      const found = await services.store.select({ table: 'ports', where: { in: ['id', portIds] } });
      const parts = await partsOf(
        services,
        found.map(r => String(r.id)),
      );
      const rows = found.filter(r => host === undefined || parts.bindings.get(String(r.id))?.host === host);
      const ids = rows.map(r => String(r.id));
      if (ids.length === 0) return;
      const blocks = await services.store.select({ table: 'provisioning_blocks', where: { in: ['port_id', ids] } });
      for (const row of rows) {
        if (completeOne(draft, row, entity, blocks, parts)) await turn(services, draft, row, parts, entity);
      }
    },
  });
}

/** Takes the block off; answers whether the port becomes ACTIVE by that. */
function completeOne(draft: Draft, row: Row, entity: Entity, blocks: readonly Row[], parts: PortParts): boolean {
  const id = String(row.id);
  const own = blocks.filter(b => b.port_id === id);
  const others: Predicate = { and: [{ eq: ['port_id', id] }, { not: { eq: ['entity', entity] } }] };
  const waits = own.some(b => b.entity !== entity);
  const vif = String(parts.bindings.get(id)?.vif_type ?? 'unbound');
  const turns = !waits && row.status !== 'ACTIVE' && row.admin_state_up === true && !unplugged.includes(vif);
  if (own.length === 0 && !turns) return false;
  draft.delete('provisioning_blocks', { and: [{ eq: ['port_id', id] }, { eq: ['entity', entity] }] });
  // Two entities that report at the same moment must not each leave the last word to the other.
  if (waits) draft.present('provisioning_blocks', others);
  else draft.absent('provisioning_blocks', others);
  return turns;
}

/**
 * ACTIVE. Whether the host meets the network with this port is decided here: when the message is rendered, ports that came
 * a moment later are there too, and each would take another for the first. Two that come at once may both be the first.
 */
async function turn(services: Services, draft: Draft, row: Row, parts: PortParts, entity: Entity): Promise<void> {
  const binding = parts.bindings.get(String(row.id));
  const host = String(binding?.host ?? '');
  const key = `first/${String(row.network_id)}/${host}`;
  const first = !draft.taken.has(key) && (await services.store.count('ports', portsOn(String(row.network_id), host, ['ACTIVE']))) === 0;
  draft.taken.add(key);
  // Of an instance on its way Nova waits for the host, and for nobody else.
  const untold = entity !== 'L2' && Boolean((binding?.profile as Row | undefined)?.migrating_to);
  setStatus(draft, row, 'ACTIVE', factsOf(row, parts), { first_on_host: first, ...(untold ? { untold } : {}) });
}

export function setStatus(draft: Draft, row: Row, status: string, before: PortFacts, more: OutboxEntry['facts'] = {}): void {
  draft.update(port, row, { status }, { touch: false, facts: { before, changed: ['status'], ...more } });
}

/** Puts ports of a host into a status, where they are not in it yet. Those that have moved meanwhile are not this host's to speak of. */
export async function markPorts(services: Services, host: string, wanted: ReadonlyMap<string, string>): Promise<void> {
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
      for (const row of rows.filter(r => parts.bindings.get(String(r.id))?.host === host)) {
        draft.insert('provisioning_blocks', { port_id: row.id ?? '', entity: 'L2' }, { onConflict: 'ignore' });
        setStatus(draft, row, String(wanted.get(String(row.id))), factsOf(row, parts));
      }
    },
  });
}
