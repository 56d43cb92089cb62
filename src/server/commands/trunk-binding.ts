// Subports are bound where their trunk's parent is, and belong to the trunk while they are in it.
import type { Row } from '../../contracts/store.ts';
import { pvlanOf } from '../../domain/pvlan.ts';
import { port } from '../../model/port.ts';
import { trunk } from '../../model/trunk.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { writeBinding } from './binding.ts';
import { byIds } from './load.ts';
import { awaitAgents } from './port-blocks.ts';
import { deviceOf, factsOf, type PortParts, partsOf } from './port-rows.ts';

export const subPortOwner = 'trunk:subport';

interface Place {
  /** Empty: nowhere. */
  readonly host: string;
  readonly owner: string;
}

/** Binds a port of a trunk to a host, if it is not there; answers whether it is bound there then. */
export async function placeSubPort(services: Services, draft: Draft, row: Row, parts: PortParts, place: Place): Promise<boolean> {
  const port_id = String(row.id);
  const { host, owner } = place;
  const now = parts.bindings.get(port_id);
  const bound = now?.host === host && now.vif_type !== 'binding_failed';
  if (bound && row.device_owner === owner) return true;
  const after = deviceOf({ ...row, device_owner: owner });
  const facts = { before: factsOf(row, parts), after, changed: bound ? ['device_owner'] : ['device_owner', 'binding:host_id'] };
  if (bound) {
    draft.update(port, row, { device_owner: owner }, { facts });
    return true;
  }
  const network_id = String(row.network_id);
  const profile = (now?.profile ?? {}) as Record<string, unknown>;
  const { pvlan_type } = pvlanOf(row);
  const vnic_type = String(now?.vnic_type ?? 'normal');
  const result = await writeBinding(services, draft, { port_id, network_id, host, vnic_type, profile, pvlan_type });
  draft.delete('provisioning_blocks', { eq: ['port_id', port_id] });
  const fixed = parts.fixedIps.get(port_id) ?? [];
  const subnets = await byIds(
    services,
    'subnets',
    fixed.map(f => f.subnet_id),
  );
  const withDhcp = [...subnets.values()].some(s => s.enable_dhcp === true);
  await awaitAgents(services, draft, { port_id, network_id, owner, bound: result.bound, withDhcp });
  draft.update(port, row, { device_owner: owner, status: 'DOWN' }, { facts });
  return host === '' || result.bound;
}

/** Ports that leave a trunk are bound nowhere, and nobody's, unless somebody has taken them for something else. */
export async function releaseSubPorts(services: Services, draft: Draft, ids: readonly string[]): Promise<void> {
  const rows = [...(await byIds(services, 'ports', ids)).values()].filter(r => r.device_owner === subPortOwner);
  const parts = await partsOf(
    services,
    rows.map(r => String(r.id)),
  );
  for (const row of rows) await placeSubPort(services, draft, row, parts, { host: '', owner: '' });
}

/** The parent of a trunk is bound nowhere any more: nothing carries the trunk. */
export async function putTrunkDown(services: Services, draft: Draft, parentId: string): Promise<void> {
  const where = { and: [{ eq: ['port_id', parentId] }, { not: { eq: ['status', 'DOWN'] } }] } as const;
  for (const row of await services.store.select({ table: 'trunks', where })) draft.update(trunk, row, { status: 'DOWN' }, { touch: false });
}
