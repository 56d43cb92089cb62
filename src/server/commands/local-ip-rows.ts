// Local IPs seen from ports: those that stand on them, and those that they stand behind, which agents are told of.
import type { Predicate, Query, Row } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import { localIp, localIpAssociation } from '../../model/local-ip.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';

export function announceAssociations(draft: Draft, event: 'created' | 'deleted', rows: readonly Row[]): void {
  for (const { local_ip_id, fixed_port_id, fixed_ip } of rows) {
    const id = `${String(local_ip_id)}_${String(fixed_port_id)}`;
    const facts = { last: { local_ip_id, fixed_port_id, fixed_ip } };
    draft.announce({ kind: localIpAssociation.name, id, event, revision: 0, facts });
  }
}

const keyOf = (localIpId: unknown, portId: unknown): Predicate => ({
  and: [{ eq: ['local_ip_id', String(localIpId)] }, { eq: ['fixed_port_id', String(portId)] }],
});

/** Ports go, or lose addresses, and what they stand behind is without them. */
export async function releaseLocalIps(
  services: Services,
  draft: Draft,
  portIds: readonly string[],
  addresses?: readonly string[],
): Promise<void> {
  const { name } = localIpAssociation.table;
  const of: Predicate = { in: ['fixed_port_id', portIds] };
  const behind: Predicate = addresses ? { and: [of, { in: ['fixed_ip', addresses] }] } : of;
  const rows = await services.store.select({ table: name, where: behind });
  // One that came meanwhile would go without agents hearing of it.
  const known = rows.map(r => keyOf(r.local_ip_id, r.fixed_port_id));
  draft.absent(name, { and: [behind, { not: { or: known } }] });
  draft.delete(name, behind);
  announceAssociations(draft, 'deleted', rows);
}

const standingOn = (portIds: readonly string[], going: string): Predicate => ({
  and: [{ in: ['local_port_id', portIds] }, { not: { eq: ['id', going] } }],
});

/** What `refuseLocalIpPorts` asks. */
export const localIpPortsQuery = (portIds: readonly string[], going: string): Query => ({
  table: localIp.table.name,
  where: standingOn(portIds, going),
  limit: 1,
});

/** Ports that local IPs stand on do not go, whatever else takes them along; but for the one that goes itself. */
export async function refuseLocalIpPorts(services: Services, draft: Draft, portIds: readonly string[], going = ''): Promise<void> {
  const standing = standingOn(portIds, going);
  const [row] = await services.store.select(localIpPortsQuery(portIds, going));
  if (row) throw apiError('ServicePortInUse', { port_id: String(row.local_port_id), reason: 'still referenced by Local IPs' });
  draft.absent(localIp.table.name, standing);
}
