// Address scopes. What is in one is decided with its pools (pool-scope.ts).
import type { Row } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import { addressScope } from '../../model/address-scope.ts';
import { changedColumns, newColumns, shownColumns } from '../columns.ts';
import type { RequestContext, Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import type { ApiObject, Commands, Created, Viewer } from './commands.ts';
import { everyone, isShared, removeSharing, share, sharingFilter, sharingOf } from './sharing.ts';
import { setShared } from './sharing-loss.ts';

async function present(services: Services, rows: readonly Row[], viewer: Viewer): Promise<ApiObject[]> {
  const sharing = await sharingOf(
    services,
    rows.map(r => String(r.id)),
  );
  return rows.map(row => ({
    ...shownColumns(addressScope, row),
    shared: isShared(sharing.get(String(row.id)), 'access_as_shared', viewer),
  }));
}

async function create(_ctx: RequestContext, draft: Draft, input: Attributes): Promise<Created> {
  const id = draft.newId();
  const row = draft.create(addressScope, { ...newColumns(addressScope, input), id, project_id: String(input.project_id ?? '') });
  if (input.shared) share(draft, 'address_scope', row);
  return { id };
}

async function update(ctx: RequestContext, draft: Draft, row: Row, input: Attributes): Promise<void> {
  const id = String(row.id);
  if (input.shared !== undefined) {
    const now = ((await sharingOf(ctx, [id])).get(id) ?? []).some(e => e.action === 'access_as_shared' && e.target_project === everyone);
    if (now && input.shared !== true)
      throw apiError('AddressScopeUpdateError', { address_scope_id: id, reason: "Shared address scope can't be unshared" });
    await setShared(ctx, draft, 'address_scope', row, input.shared === true);
  }
  const set = changedColumns(addressScope, input);
  if (Object.keys(set).length > 0) draft.update(addressScope, row, set);
  else draft.present('address_scopes', { eq: ['id', id] });
}

async function remove(ctx: RequestContext, draft: Draft, row: Row): Promise<void> {
  const id = String(row.id);
  const pools = { eq: ['address_scope_id', id] } as const;
  if ((await ctx.store.count('subnetpools', pools)) > 0) throw apiError('AddressScopeInUse', { address_scope_id: id });
  draft.absent('subnetpools', pools);
  await removeSharing(ctx, draft, id);
  draft.remove(addressScope, row);
}

export const addressScopes: Commands = {
  resource: addressScope,
  present,
  filters: { shared: sharingFilter('access_as_shared') },
  create,
  update,
  delete: remove,
};
