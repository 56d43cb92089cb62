// Rows around trunks: their subports, what parent ports show of them, and ports that trunks hold.
import type { Predicate, Query, Row } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import type { SubPort } from '../../model/trunk.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import type { ApiObject } from './commands.ts';
import { type Among, byIds, grouped } from './load.ts';

/** Subports by trunk, by their tags. */
export async function subPortsOf(services: Services, trunkIds: readonly unknown[]): Promise<Map<string, SubPort[]>> {
  const rows = await grouped(services, 'sub_ports', 'trunk_id', trunkIds, { order: [['segmentation_id', 'asc']] });
  return new Map([...rows].map(([id, list]) => [id, list.map(subPort)]));
}

function subPort({ port_id, segmentation_type, segmentation_id }: Row): SubPort {
  return { port_id: String(port_id), segmentation_type: String(segmentation_type), segmentation_id: Number(segmentation_id) };
}

/** `trunk_details` by parent port. */
export async function trunkDetailsOf(services: Services, portIds: readonly string[], among?: Among): Promise<Map<string, ApiObject>> {
  const trunks = await grouped(services, 'trunks', 'port_id', portIds, { among });
  if (trunks.size === 0) return new Map();
  const rows = [...trunks].map(([port, [row]]) => [port, String(row?.id)] as const);
  const subs = await subPortsOf(
    services,
    rows.map(([, id]) => id),
  );
  const ports = await byIds(
    services,
    'ports',
    [...subs.values()].flat().map(s => s.port_id),
  );
  const shown = (s: SubPort): ApiObject => ({ ...s, mac_address: ports.get(s.port_id)?.mac_address ?? null });
  return new Map(rows.map(([port, trunk_id]) => [port, { trunk_id, sub_ports: (subs.get(trunk_id) ?? []).map(shown) }]));
}

/** What `refuseTrunkPorts` asks. */
export const trunkPortQueries = (portIds: readonly string[]): readonly [subs: Query, parents: Query] => [
  { table: 'sub_ports', where: { in: ['port_id', portIds] }, limit: 1 },
  { table: 'trunks', where: { in: ['port_id', portIds] }, limit: 1 },
];

/** A port that a trunk holds cannot go; and none of these becomes part of one meanwhile. */
export async function refuseTrunkPorts(services: Services, draft: Draft, portIds: readonly string[]): Promise<void> {
  const where: Predicate = { in: ['port_id', portIds] };
  const [subs, parents] = trunkPortQueries(portIds);
  const [sub] = await services.store.select(subs);
  if (sub) throw apiError('PortInUseAsSubPort', { port_id: String(sub.port_id), trunk_id: String(sub.trunk_id) });
  const [parent] = await services.store.select(parents);
  if (parent) throw apiError('PortInUseAsTrunkParent', { port_id: String(parent.port_id), trunk_id: String(parent.id) });
  for (const table of ['sub_ports', 'trunks']) draft.absent(table, where);
}
