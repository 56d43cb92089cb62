// Logs of packets: of a project, of one security group, of one port, or of one port as far as a group says. Nobody logs what is not
// his project's. They go with what they are about.
import type { Row } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import { log, loggableResource } from '../../model/log.ts';
import { changedColumns, newColumns, shownColumns } from '../columns.ts';
import type { RequestContext } from '../context.ts';
import type { Draft } from '../draft.ts';
import type { Commands, Created } from './commands.ts';
import { partsOf } from './port-rows.ts';

const loggable = ['security_group'];
const logging = ['ovs', 'vhostuser'];
const nowhere = ['unbound', 'binding_failed', 'distributed'];

async function create(ctx: RequestContext, draft: Draft, input: Attributes): Promise<Created> {
  const { resource_type, resource_id, target_id } = input as { readonly [name: string]: string | null };
  if (!loggable.includes(String(resource_type))) throw apiError('InvalidLogResourceType', { resource_type: String(resource_type) });
  if (resource_id && !(await owned(ctx, draft, 'security_groups', resource_id))) throw apiError('ResourceNotFound', { resource_id });
  if (target_id && !(await owned(ctx, draft, 'ports', target_id))) throw apiError('TargetResourceNotFound', { target_id });
  if (target_id) await requireLoggingHost(ctx, target_id);
  if (resource_id && target_id) await requireGroupOnPort(ctx, draft, resource_id, target_id);
  const row = draft.create(log, { ...newColumns(log, input), id: draft.newId(), project_id: String(input.project_id ?? '') });
  return { id: String(row.id), shown: shownColumns(log, row) };
}

async function owned(ctx: RequestContext, draft: Draft, table: string, id: string): Promise<boolean> {
  const row = await ctx.store.get(table, { id });
  draft.present(table, { eq: ['id', id] });
  return row !== undefined && (ctx.isAdmin || row.project_id === ctx.caller.project_id);
}

/** Only Open vSwitch agents log packets. Where a port will be bound is not known before. */
async function requireLoggingHost(ctx: RequestContext, port_id: string): Promise<void> {
  const vif = String((await partsOf(ctx, [port_id])).bindings.get(port_id)?.vif_type ?? 'unbound');
  if (![...nowhere, ...logging].includes(vif)) throw apiError('LoggingTypeNotSupported', { log_type: 'security_group', port_id });
}

async function requireGroupOnPort(ctx: RequestContext, draft: Draft, resource_id: string, target_id: string): Promise<void> {
  const groups = (await partsOf(ctx, [target_id])).groups.get(target_id) ?? [];
  if (!groups.includes(resource_id))
    throw apiError('InvalidResourceConstraint', { resource: 'security_group', resource_id, target_resource: 'port', target_id });
  draft.present('port_security_groups', { and: [{ eq: ['port_id', target_id] }, { eq: ['security_group_id', resource_id] }] });
}

async function update(_ctx: RequestContext, draft: Draft, row: Row, input: Attributes): Promise<void> {
  if (Object.keys(input).length > 0) draft.update(log, row, changedColumns(log, input));
}

async function remove(_ctx: RequestContext, draft: Draft, row: Row): Promise<void> {
  draft.remove(log, row);
}

export const logs: Commands = {
  resource: log,
  present: async (_services, rows) => rows.map(row => shownColumns(log, row)),
  create,
  update,
  delete: remove,
};

export const loggableResources: Commands = {
  resource: loggableResource,
  present: async () => [],
  computed: async (ctx: RequestContext) => loggable.map(type => ({ type, project_id: ctx.caller.project_id })),
};
