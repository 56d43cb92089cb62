// Trunks. A trunk is DOWN until the agent of its parent's host has wired it; whoever changes its subports changes its revision.
import type { Row } from '../../contracts/store.ts';
import { apiError, invalidInput } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import { Invalid } from '../../domain/input/values.ts';
import { readSubPorts, type WantedSubPort } from '../../domain/trunks.ts';
import { port } from '../../model/port.ts';
import { type SubPort, trunk } from '../../model/trunk.ts';
import { changedColumns, newColumns, shownColumns } from '../columns.ts';
import { shownTo } from '../computed.ts';
import type { RequestContext, Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { findAll } from '../find.ts';
import type { Action, ApiObject, Commands, Created } from './commands.ts';
import { byIds } from './load.ts';
import { ports } from './ports.ts';
import { tagsOf } from './tags.ts';
import { releaseSubPorts } from './trunk-binding.ts';
import { isFree, refuseSameTag, relyOnParentPort, relyOnSubPorts } from './trunk-ports.ts';
import { subPortsOf } from './trunk-rows.ts';

async function present(services: Services, rows: readonly Row[]): Promise<ApiObject[]> {
  const ids = rows.map(r => String(r.id));
  const subs = await subPortsOf(services, ids);
  const tags = await tagsOf(services, ids);
  return rows.map(row => {
    const id = String(row.id);
    return { ...shownColumns(trunk, row), sub_ports: subs.get(id) ?? [], tags: tags.get(id) ?? [] };
  });
}

/** Whoever does not see a port hears nothing of what it is used for. */
async function admitParents(ctx: RequestContext, inputs: readonly Attributes[]): Promise<ApiObject[]> {
  const ids = inputs.map(i => String(i.port_id));
  const seen = await findAll(ctx, ports, ids);
  for (const port_id of ids) if (!seen.has(port_id)) throw apiError('PortNotFound', { port_id });
  return inputs.map(() => ({}));
}

async function create(ctx: RequestContext, draft: Draft, input: Attributes): Promise<Created> {
  const portId = String(input.port_id);
  await relyOnParentPort(ctx, draft, portId);
  const subs = await relyOnSubPorts(ctx, draft, portId, input.sub_ports as readonly WantedSubPort[]);
  const id = draft.newId();
  refuseSameTag(id, [], subs);
  draft.create(trunk, { ...newColumns(trunk, input), id, project_id: String(input.project_id ?? ''), status: 'DOWN' });
  insert(draft, id, subs);
  return { id };
}

function insert(draft: Draft, trunk_id: string, subs: readonly SubPort[]): void {
  for (const sub of subs) draft.insert('sub_ports', { ...sub, trunk_id });
}

async function update(_ctx: RequestContext, draft: Draft, row: Row, input: Attributes): Promise<void> {
  const set = changedColumns(trunk, input);
  if (Object.keys(set).length > 0) draft.update(trunk, row, set);
}

function refuseDisabled(row: Row): void {
  if (row.admin_state_up !== true) throw apiError('TrunkDisabled', { trunk_id: String(row.id) });
}

const addSubPorts: Action = async (ctx, draft, row, body) => {
  const id = String(row.id);
  const wanted = subPortsIn(body);
  const now = (await subPortsOf(ctx, [id])).get(id) ?? [];
  const subs = await relyOnSubPorts(ctx, draft, String(row.port_id), wanted);
  refuseDisabled(row);
  if (row.status === 'ERROR') throw apiError('TrunkInErrorState', { trunk_id: id });
  refuseSameTag(id, now, subs);
  if (subs.length > 0) change(draft, row, 'created', subs);
  insert(draft, id, subs);
  return () => answer(ctx, id);
};

const removeSubPorts: Action = async (ctx, draft, row, body) => {
  const id = String(row.id);
  refuseDisabled(row);
  const now = new Map(((await subPortsOf(ctx, [id])).get(id) ?? []).map(s => [s.port_id, s]));
  const subs = subPortsIn(body).map(({ port_id }) => {
    const sub = now.get(port_id);
    if (!sub) throw apiError('SubPortNotFound', { trunk_id: id, port_id });
    return sub;
  });
  if (subs.length > 0) {
    change(draft, row, 'deleted', subs);
    const ids = subs.map(s => s.port_id);
    draft.delete('sub_ports', { and: [{ eq: ['trunk_id', id] }, { in: ['port_id', ids] }] });
    await releaseSubPorts(ctx, draft, ids);
  }
  return () => answer(ctx, id);
};

/** The trunk is to be wired anew. Agents hear of the subports alone. */
function change(draft: Draft, row: Row, event: 'created' | 'deleted', subs: readonly SubPort[]): void {
  const id = String(row.id);
  draft.update(trunk, row, { status: 'DOWN' });
  draft.announce({ kind: 'sub_ports', id, event, revision: 0, facts: { sub_ports: subs } });
}

function subPortsIn(body: unknown): WantedSubPort[] {
  const given = typeof body === 'object' && body !== null ? (body as { sub_ports?: unknown }).sub_ports : undefined;
  if (given === undefined) throw apiError('HTTPBadRequest', { message: "Unable to find 'sub_ports' in request body" });
  try {
    return readSubPorts(given);
  } catch (error) {
    if (error instanceof Invalid) throw invalidInput(error.message.replace(/\.$/, ''));
    throw error;
  }
}

const getSubPorts: Action = async (ctx, _draft, row) => {
  const id = String(row.id);
  return async () => ({ sub_ports: (await subPortsOf(ctx, [id])).get(id) ?? [] });
};

/** The trunk alone, without its name around it, as Neutron answers here. */
async function answer(ctx: RequestContext, id: string): Promise<unknown> {
  const [object] = shownTo(ctx, { resource: trunk }, await present(ctx, [...(await byIds(ctx, 'trunks', [id])).values()]));
  if (!object) throw apiError('TrunkNotFound', { trunk_id: id });
  return object;
}

async function remove(ctx: RequestContext, draft: Draft, row: Row): Promise<void> {
  const id = String(row.id);
  refuseDisabled(row);
  const parent = await ctx.store.get('ports', { id: String(row.port_id) });
  if (!(await isFree(ctx, String(row.port_id)))) throw apiError('TrunkInUse', { trunk_id: id });
  if (parent) draft.relyOn(port, parent);
  const subs = (await subPortsOf(ctx, [id])).get(id) ?? [];
  draft.delete('sub_ports', { eq: ['trunk_id', id] });
  await releaseSubPorts(
    ctx,
    draft,
    subs.map(s => s.port_id),
  );
  draft.remove(trunk, row, { sub_ports: subs });
}

export const trunks: Commands = {
  resource: trunk,
  present,
  admit: admitParents,
  create,
  update,
  delete: remove,
  actions: { add_subports: addSubPorts, remove_subports: removeSubPorts, get_subports: getSubPorts },
};
