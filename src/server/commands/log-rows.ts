// Logs seen from the ports and groups that they are about.
import { log } from '../../model/log.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';

/** Ports or groups go, and with them the logs about them. One that is made meanwhile is met. */
export async function removeLogs(
  services: Services,
  draft: Draft,
  column: 'target_id' | 'resource_id',
  ids: readonly string[],
): Promise<void> {
  const where = { in: [column, ids] } as const;
  const going = await services.store.select({ table: log.table.name, where });
  draft.absent(log.table.name, { and: [where, { not: { in: ['id', going.map(r => String(r.id))] } }] });
  for (const row of going) draft.remove(log, row);
}
