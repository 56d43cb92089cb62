// Networks that become private VLANs, and cease to be: their ports with them. That a port has a type is what says that its network is one.
import type { Row } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import { outside, type PvlanPlace, placeOf, pvlanOf } from '../../domain/pvlan.ts';
import { port } from '../../model/port.ts';
import type { RequestContext } from '../context.ts';
import type { Draft } from '../draft.ts';
import { factsOf, partsOf } from './port-rows.ts';

/** Ports of a network without port security have none, and may send from any address. */
export function requirePvlanSecurity({ id, pvlan, port_security_enabled }: Attributes): void {
  if (pvlan === true && port_security_enabled === false) throw apiError('PVLANNetworkPortSecurityDisabled', { network_id: String(id) });
}

export async function changePvlan(ctx: RequestContext, draft: Draft, row: Row, input: Attributes): Promise<void> {
  requirePvlanSecurity({ ...row, ...input });
  if (input.pvlan === undefined || input.pvlan === row.pvlan) return;
  const network_id = String(row.id);
  const rows = await ctx.store.select({ table: 'ports', where: { eq: ['network_id', network_id] }, order: [['id', 'asc']] });
  const ids = rows.map(r => String(r.id));
  const parts = await partsOf(ctx, ids);
  for (const one of rows) {
    const facts = { before: factsOf(one, parts), changed: ['pvlan_type'] };
    draft.update(port, one, { ...placeAfter(one, input.pvlan === true) }, { facts });
  }
  // Whoever makes a port meanwhile meets the network's revision guard; one that came just before is met here.
  draft.absent('ports', { and: [{ eq: ['network_id', network_id] }, { not: { in: ['id', ids] } }] });
}

function placeAfter(row: Row, isPvlan: boolean): PvlanPlace {
  if (!isPvlan) return outside;
  const secured = row.port_security_enabled === true;
  const place = { id: String(row.id), network_id: String(row.network_id), owner: String(row.device_owner), secured };
  return placeOf(true, place, {}, pvlanOf(row));
}
