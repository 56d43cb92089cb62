// QoS policies: their rules come with them, one of a project's is its default, and what is used stays.
import type { Query, Row } from '../../contracts/store.ts';
import { apiError, badRequest } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import { readBool } from '../../domain/input/values.ts';
import { qosPolicy, qosRules, ruleTypes } from '../../model/qos.ts';
import { changedColumns, newColumns, shownColumns } from '../columns.ts';
import type { RequestContext, Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import type { ApiObject, Commands, Created, Viewer } from './commands.ts';
import { policyUses, rulesOf, usesPolicy } from './qos-rows.ts';
import { isShared, removeSharing, share, sharingFilter, sharingOf } from './sharing.ts';
import { setShared } from './sharing-loss.ts';
import { tagsOf } from './tags.ts';

async function present(services: Services, rows: readonly Row[], viewer: Viewer): Promise<ApiObject[]> {
  const ids = rows.map(r => String(r.id));
  const rules = await rulesOf(services, ids);
  const sharing = await sharingOf(services, ids);
  const tags = await tagsOf(services, ids);
  return rows.map(row => {
    const id = String(row.id);
    return {
      ...shownColumns(qosPolicy, row),
      shared: isShared(sharing.get(id), 'access_as_shared', viewer),
      is_default: row.default_of !== null,
      rules: rules.get(id) ?? [],
      tags: tags.get(id) ?? [],
    };
  });
}

async function create(ctx: RequestContext, draft: Draft, input: Attributes): Promise<Created> {
  const project_id = String(input.project_id ?? '');
  if (project_id === '') throw badRequest('QoS policy', 'Must have "policy_id"');
  const id = draft.newId();
  if (input.is_default) await refuseOtherDefault(ctx, project_id, id);
  const default_of = input.is_default ? project_id : null;
  const row = draft.create(qosPolicy, { ...newColumns(qosPolicy, input), id, project_id, default_of });
  if (input.shared) share(draft, 'qos_policy', row);
  return { id };
}

/** Only tells; the unique key decides. */
async function refuseOtherDefault(services: Services, project_id: string, id: string): Promise<void> {
  const other = await defaultPolicy(services, project_id);
  if (other && other.id !== id) throw apiError('QoSPolicyDefaultAlreadyExists', { project_id });
}

/** What `defaultPolicy` asks. */
export const defaultPolicyQuery = (project: string): Query => ({ table: 'qos_policies', where: { eq: ['default_of', project] } });

/** The policy of a project's new networks. */
export async function defaultPolicy(services: Services, project: string): Promise<Row | undefined> {
  const [row] = await services.store.select(defaultPolicyQuery(project));
  return row;
}

async function update(ctx: RequestContext, draft: Draft, row: Row, input: Attributes): Promise<void> {
  if (Object.keys(input).length === 0) return;
  const set = changedColumns(qosPolicy, input);
  if (input.is_default === true) await refuseOtherDefault(ctx, String(row.project_id), String(row.id));
  if (input.is_default !== undefined) set.default_of = input.is_default === true ? String(row.project_id) : null;
  if (input.shared !== undefined) await setShared(ctx, draft, 'qos_policy', row, input.shared === true);
  draft.update(qosPolicy, row, set);
}

async function remove(ctx: RequestContext, draft: Draft, row: Row): Promise<void> {
  const id = String(row.id);
  for (const { what, table } of policyUses) {
    const [user] = await ctx.store.select({ table, where: usesPolicy(id), limit: 1, columns: ['id'] });
    if (user) throw apiError('QosPolicyInUse', { policy_id: id, object_type: what, object_id: String(user.id) });
    draft.absent(table, usesPolicy(id));
  }
  for (const type of ruleTypes) draft.delete(qosRules[type].rule.table.name, { eq: ['qos_policy_id', id] });
  await removeSharing(ctx, draft, id);
  draft.remove(qosPolicy, row);
}

export const qosPolicies: Commands = {
  resource: qosPolicy,
  forgivesMarkers: true,
  present,
  filters: {
    shared: sharingFilter('access_as_shared'),
    is_default: values => ({ or: values.map(v => (readBool(v) ? { not: { eq: ['default_of', null] } } : { eq: ['default_of', null] })) }),
  },
  create,
  update,
  delete: remove,
};
