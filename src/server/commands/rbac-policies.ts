// Shared access as a resource. What is taken away must not be what somebody stands on; `shared` and `router:external` are entries, too.
import type { Predicate, Row } from '../../contracts/store.ts';
import { type ApiError, apiError, invalidInput } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import { pyRepr } from '../../domain/input/python.ts';
import { network } from '../../model/network.ts';
import { rbacPolicy } from '../../model/rbac-policy.ts';
import { notFound } from '../authorize.ts';
import { shownColumns } from '../columns.ts';
import type { RequestContext, Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import type { ApiObject, Commands, Created } from './commands.ts';
import { actionsOf, type SharedType, type SharingAction, sharedType } from './shared-types.ts';
import { everyone } from './sharing.ts';
import { type Loss, refuseLoss } from './sharing-loss.ts';
import { hasTwin } from './twins.ts';

function present(row: Row): ApiObject {
  return { ...shownColumns(rbacPolicy, row), target_tenant: row.target_project };
}

async function create(ctx: RequestContext, draft: Draft, input: Attributes): Promise<Created> {
  const { name, type } = sharedType(input.object_type);
  const action = String(input.action);
  const object = await ownObject(ctx, type, String(input.object_id));
  const valid_actions = actionsOf(type);
  if (!valid_actions.includes(action))
    throw apiError('InvalidActionForType', { action, object_type: name, valid_actions: pyTuple(valid_actions) });
  const target_project = String(input.target_tenant);
  const values = { object_id: String(object.id), action, target_project };
  await refuseTwin(ctx, draft, values);
  await type.mayShare?.(ctx, draft, object, target_project);
  touch(draft, type, object);
  const row = draft.create(rbacPolicy, { id: draft.newId(), project_id: String(input.project_id ?? ''), object_type: name, ...values });
  return { id: String(row.id), shown: present(row) };
}

function pyTuple(values: readonly string[]): string {
  return `(${values.map(pyRepr).join(', ')}${values.length === 1 ? ',' : ''})`;
}

/** Whether the object is another project's or not there is the same to whoever is no administrator. */
async function ownObject(ctx: RequestContext, { resource }: SharedType, id: string): Promise<Row> {
  const object = await ctx.store.get(resource.table.name, { id });
  if (!ctx.isAdmin && object?.project_id !== ctx.caller.project_id) throw foreign(resource.name);
  if (!object) throw invalidInput(notFound(resource, id).message.replace(/\.$/, ''));
  return object;
}

function foreign(name: string): ApiError {
  return invalidInput(`Only admins can manipulate policies on ${name === 'network' ? 'networks' : 'objects'} they do not own`);
}

async function refuseTwin(services: Services, draft: Draft, values: Record<string, string>): Promise<void> {
  if (await hasTwin(services, draft, rbacPolicy, values)) throw apiError('DuplicateRbacPolicy');
}

/** The object stays while it is being shared, and a network that is shared is another network to those who look at its revision. */
function touch(draft: Draft, { resource }: SharedType, object: Row): void {
  const id = String(object.id);
  if (resource.standard) draft.relyOn(resource, object);
  else draft.present(resource.table.name, { eq: ['id', id] });
  if (resource.name === network.name) draft.touch(network, id);
}

async function update(ctx: RequestContext, draft: Draft, row: Row, input: Attributes): Promise<void> {
  const target = input.target_tenant as string | undefined;
  const { type } = sharedType(row.object_type);
  const object = await ownObject(ctx, type, String(row.object_id));
  if (target === undefined || target === row.target_project) return;
  await refuseTwin(ctx, draft, { object_id: String(row.object_id), action: String(row.action), target_project: target });
  await type.mayShare?.(ctx, draft, object, target);
  // As in Neutron a network may become external for its only user instead; what is shared may not be given to him instead.
  const instead = row.action === 'access_as_external' ? { instead: target } : {};
  if (target !== everyone) await refuseLoss(ctx, draft, { ...lossOf(row, object), ...instead });
  relyOnEntry(draft, row);
  touch(draft, type, object);
  draft.update(rbacPolicy, row, { target_project: target });
}

async function remove(ctx: RequestContext, draft: Draft, row: Row): Promise<void> {
  const { type } = sharedType(row.object_type);
  const object = await ctx.store.get(type.resource.table.name, { id: String(row.object_id) });
  if (object) {
    await refuseLoss(ctx, draft, lossOf(row, object));
    touch(draft, type, object);
    if (row.action === 'access_as_external') await endDefault(ctx, draft, object, String(row.id));
  }
  relyOnEntry(draft, row);
  draft.remove(rbacPolicy, row);
}

/** What is external for nobody is the default external network no longer. */
async function endDefault({ store }: RequestContext, draft: Draft, object: Row, gone: string): Promise<void> {
  if (object.is_default !== true) return;
  const others: Predicate = {
    and: [{ eq: ['object_id', String(object.id)] }, { eq: ['action', 'access_as_external'] }, { not: { eq: ['id', gone] } }],
  };
  if ((await store.count('rbac_entries', others)) === 0) draft.update(network, object, { is_default: false });
}

function lossOf(row: Row, object: Row): Loss {
  return {
    type: sharedType(row.object_type).type,
    object,
    action: row.action as SharingAction,
    target: String(row.target_project),
    gone: [String(row.id)],
  };
}

/** What was decided is about whom the entry names now. */
function relyOnEntry(draft: Draft, row: Row): void {
  draft.present('rbac_entries', { and: [{ eq: ['id', String(row.id)] }, { eq: ['target_project', String(row.target_project)] }] });
}

export const rbacPolicies: Commands = {
  resource: rbacPolicy,
  present: async (_services, rows) => rows.map(present),
  filters: {
    target_tenant: values => ({ in: ['target_project', values] }),
    object_type: values => ({ in: ['object_type', values.map(value => sharedType(value).name)] }),
  },
  async admit(_ctx, inputs) {
    return inputs.map(({ object_type }) => ({ object_type: sharedType(object_type).name }));
  },
  create,
  update,
  delete: remove,
};
