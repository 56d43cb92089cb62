// Logs seen from the ports and groups that they are about.
import { log } from '../../model/log.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';

/** Ports or groups go, and with them the logs about them. Those that come meanwhile meet that they are gone. */
export async function removeLogs(
  services: Services,
  draft: Draft,
  column: 'target_id' | 'resource_id',
  ids: readonly string[],
): Promise<void> {
  for (const row of await services.store.select({ table: log.table.name, where: { in: [column, ids] } })) draft.remove(log, row);
}
