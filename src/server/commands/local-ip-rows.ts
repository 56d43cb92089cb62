// Which ports stand behind local IPs: told to agents as they come and go.
import type { Row } from '../../contracts/store.ts';
import { localIpAssociation } from '../../model/local-ip.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';

export function announceAssociations(draft: Draft, event: 'created' | 'deleted', rows: readonly Row[]): void {
  for (const { local_ip_id, fixed_port_id, fixed_ip } of rows) {
    const id = `${String(local_ip_id)}_${String(fixed_port_id)}`;
    const facts = { last: { local_ip_id, fixed_port_id, fixed_ip } };
    draft.announce({ kind: localIpAssociation.name, id, event, revision: 0, facts });
  }
}

/** Ports go, and what they stand behind is without them. */
export async function releaseLocalIps(services: Services, draft: Draft, portIds: readonly string[]): Promise<void> {
  const { name } = localIpAssociation.table;
  const rows = await services.store.select({ table: name, where: { in: ['fixed_port_id', portIds] } });
  draft.delete(name, { in: ['fixed_port_id', portIds] });
  announceAssociations(draft, 'deleted', rows);
}
