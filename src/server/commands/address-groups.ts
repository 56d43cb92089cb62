// Address groups. Their addresses have a table of their own; a group whose addresses change has another revision.
import type { Predicate, Row } from '../../contracts/store.ts';
import { readAddresses } from '../../domain/address-groups.ts';
import { apiError } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import { pyRepr } from '../../domain/input/python.ts';
import { addressGroup } from '../../model/address-group.ts';
import { changedColumns, newColumns, shownColumns } from '../columns.ts';
import type { RequestContext, Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { viewerOf } from '../find.ts';
import type { Action, ApiObject, Commands, Created, Viewer } from './commands.ts';
import { byIds, grouped } from './load.ts';
import { isShared, removeSharing, sharingFilter, sharingOf } from './sharing.ts';

const table = 'address_group_addresses';
/** Of one group: every host with a port that it is about knows them all. */
const most = 10_000;

async function present(services: Services, rows: readonly Row[], viewer: Viewer): Promise<ApiObject[]> {
  const ids = rows.map(r => String(r.id));
  const addresses = await addressesOf(services, ids);
  const sharing = await sharingOf(services, ids);
  return rows.map(row => ({
    ...shownColumns(addressGroup, row),
    addresses: addresses.get(String(row.id)) ?? [],
    shared: isShared(sharing.get(String(row.id)), 'access_as_shared', viewer),
  }));
}

/** Prefixes by group. */
export async function addressesOf(services: Services, ids: readonly string[]): Promise<Map<string, string[]>> {
  const rows = await grouped(services, table, 'address_group_id', ids, { order: [['address', 'asc']] });
  return new Map([...rows].map(([id, list]) => [id, list.map(r => String(r.address))]));
}

async function create(_ctx: RequestContext, draft: Draft, input: Attributes): Promise<Created> {
  const id = draft.newId();
  const project_id = String(input.project_id ?? '');
  draft.create(addressGroup, { ...newColumns(addressGroup, input), id, project_id, revision_number: 1 });
  add(draft, id, readAddresses({ addresses: input.addresses ?? [] }));
  return { id };
}

function add(draft: Draft, address_group_id: string, addresses: readonly string[]): void {
  for (const address of addresses) draft.insert(table, { address_group_id, address });
}

async function update(_ctx: RequestContext, draft: Draft, row: Row, input: Attributes): Promise<void> {
  const set = changedColumns(addressGroup, input);
  if (Object.keys(set).length > 0) draft.update(addressGroup, row, set, { facts: { changed: Object.keys(set) } });
}

/** Whoever changes the addresses relies on the group's revision: two changes at once know of each other. */
function changed(draft: Draft, row: Row): void {
  draft.update(addressGroup, row, {}, { facts: { changed: ['addresses'] } });
}

const addAddresses: Action = async (ctx, draft, row, body) => {
  const id = String(row.id);
  const asked = readAddresses(body);
  const now = (await addressesOf(ctx, [id])).get(id) ?? [];
  const there = asked.filter(a => now.includes(a));
  if (there.length > 0) throw apiError('AddressesAlreadyExist', { addresses: pyRepr(there), address_group_id: id });
  if (now.length + asked.length > most) throw apiError('HTTPBadRequest', { message: `An address group has at most ${most} addresses` });
  if (asked.length > 0) changed(draft, row);
  add(draft, id, asked);
  return () => answer(ctx, id);
};

const removeAddresses: Action = async (ctx, draft, row, body) => {
  const id = String(row.id);
  const asked = readAddresses(body);
  const now = (await addressesOf(ctx, [id])).get(id) ?? [];
  const missing = asked.filter(a => !now.includes(a));
  if (missing.length > 0) throw apiError('AddressesNotFound', { addresses: pyRepr(missing), address_group_id: id });
  if (asked.length > 0) changed(draft, row);
  draft.delete(table, { and: [{ eq: ['address_group_id', id] }, { in: ['address', asked] }] });
  return () => answer(ctx, id);
};

async function answer(ctx: RequestContext, id: string): Promise<unknown> {
  const [object] = await present(ctx, [...(await byIds(ctx, 'address_groups', [id])).values()], viewerOf(ctx));
  if (!object) throw apiError('AddressGroupNotFound', { address_group_id: id });
  return { address_group: { ...object, tenant_id: object.project_id } };
}

async function remove(ctx: RequestContext, draft: Draft, row: Row): Promise<void> {
  const id = String(row.id);
  const uses: Predicate = { eq: ['remote_address_group_id', id] };
  for (const rules of ['security_group_rules', 'default_security_group_rules']) {
    if ((await ctx.store.count(rules, uses)) > 0) throw apiError('AddressGroupInUse', { address_group_id: id });
    draft.absent(rules, uses);
  }
  draft.delete(table, { eq: ['address_group_id', id] });
  await removeSharing(ctx, draft, id);
  draft.remove(addressGroup, row);
}

export const addressGroups: Commands = {
  resource: addressGroup,
  present,
  filters: { shared: sharingFilter('access_as_shared') },
  create,
  update,
  delete: remove,
  actions: { add_addresses: addAddresses, remove_addresses: removeAddresses },
};
