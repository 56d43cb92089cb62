// Whether new security groups follow connections: for a project, or for all that have no setting of their own.
import type { Row } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import { securityGroupsDefaultStatefulness as statefulness } from '../../model/default-security-group-rule.ts';
import { changedColumns, newColumns, shownColumns } from '../columns.ts';
import type { RequestContext } from '../context.ts';
import type { Draft } from '../draft.ts';
import type { Commands, Created } from './commands.ts';

async function create(ctx: RequestContext, draft: Draft, input: Attributes): Promise<Created> {
  const project_id = (input.project_id as string | null | undefined) || null;
  const scope = project_id ?? '*';
  const taken = (await ctx.store.count(statefulness.table.name, { eq: ['scope', scope] })) > 0;
  if (taken || draft.taken.has(`statefulness/${scope}`))
    throw apiError('SecurityGroupDefaultStatefulnessAlreadyExists', { project_id: project_id ?? 'system-wide' });
  draft.taken.add(`statefulness/${scope}`);
  const row = draft.create(statefulness, { ...newColumns(statefulness, input), id: draft.newId(), project_id, scope });
  return { id: String(row.id), shown: shownColumns(statefulness, row) };
}

async function update(_ctx: RequestContext, draft: Draft, row: Row, input: Attributes): Promise<void> {
  const set = changedColumns(statefulness, input);
  if (Object.keys(set).length > 0) draft.update(statefulness, row, set);
}

async function remove(_ctx: RequestContext, draft: Draft, row: Row): Promise<void> {
  draft.remove(statefulness, row);
}

export const securityGroupsDefaultStatefulness: Commands = {
  resource: statefulness,
  present: async (_services, rows) => rows.map(row => shownColumns(statefulness, row)),
  create,
  update,
  delete: remove,
};
