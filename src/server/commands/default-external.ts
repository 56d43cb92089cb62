// The default external network: one of all networks, and external for everyone. Automatic topologies go out through it.
import type { Predicate, Row } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { isExternal, sharingOf } from './sharing.ts';

/** Whether the network is the default from now on; `row` as it is, where it is there already. */
export async function defaultFrom(services: Services, draft: Draft, id: string, input: Attributes, row?: Row): Promise<boolean> {
  if (input.is_default === true) await refuseSecond(services, draft, id);
  const external = input['router:external'] ?? (row !== undefined && (await isExternalNow(services, id)));
  return external === true && (input.is_default ?? row?.is_default) === true;
}

async function refuseSecond(services: Services, draft: Draft, id: string): Promise<void> {
  const other: Predicate = { and: [{ eq: ['is_default', true] }, { not: { eq: ['id', id] } }] };
  const [found] = await services.store.select({ table: 'networks', where: other, columns: ['id'], limit: 1 });
  const pending = draft.ops.find(o => o.op === 'insert' && o.table === 'networks' && o.row.is_default === true);
  const net_id = found?.id ?? (pending?.op === 'insert' ? pending.row.id : undefined);
  if (net_id !== undefined) throw apiError('DefaultExternalNetworkExists', { net_id: String(net_id) });
  draft.absent('networks', other);
}

async function isExternalNow(services: Services, id: string): Promise<boolean> {
  return isExternal((await sharingOf(services, [id])).get(id));
}

export async function defaultExternal(services: Services): Promise<Row | undefined> {
  const [row] = await services.store.select({ table: 'networks', where: { eq: ['is_default', true] }, limit: 1 });
  return row;
}
