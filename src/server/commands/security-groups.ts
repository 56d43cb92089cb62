// Security groups. Their rules are in the file beside this one.
import type { Predicate, Row } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import { securityGroup, securityGroupRule } from '../../model/security-group.ts';
import { changedColumns, newColumns, shownColumns } from '../columns.ts';
import type { RequestContext, Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import type { ApiObject, Commands, Created, Viewer } from './commands.ts';
import { addStartingRules, defaultGroup, defaultStateful, ensureOwnDefaultGroup } from './default-group.ts';
import { removeTemplates } from './default-security-group-rules.ts';
import { grouped } from './load.ts';
import { removeLogs } from './log-rows.ts';
import { presentRules } from './security-group-rows.ts';
import { isShared, removeSharing, sharingFilter, sharingOf } from './sharing.ts';
import { tagsOf } from './tags.ts';

async function presentGroups(services: Services, rows: readonly Row[], viewer: Viewer): Promise<ApiObject[]> {
  const ids = rows.map(r => String(r.id));
  const rules = await grouped(services, 'security_group_rules', 'security_group_id', ids, { order: [['id', 'asc']] });
  const sharing = await sharingOf(services, ids);
  const tags = await tagsOf(services, ids);
  const shown = grouping(await presentRules(services, [...rules.values()].flat()));
  return rows.map(row => {
    const id = String(row.id);
    return {
      ...shownColumns(securityGroup, row),
      shared: isShared(sharing.get(id), 'access_as_shared', viewer),
      security_group_rules: (shown.get(id) ?? []).map(r => ({ ...r, tenant_id: r.project_id, tags: [] })),
      tags: tags.get(id) ?? [],
    };
  });
}

function grouping(rules: readonly ApiObject[]): Map<unknown, ApiObject[]> {
  const out = new Map<unknown, ApiObject[]>();
  for (const rule of rules) {
    const list = out.get(rule.security_group_id);
    if (list) list.push(rule);
    else out.set(rule.security_group_id, [rule]);
  }
  return out;
}

const isDefaultName = (name: unknown): boolean => typeof name === 'string' && name.toLowerCase() === 'default';

async function createGroup(ctx: RequestContext, draft: Draft, input: Attributes): Promise<Created> {
  if (isDefaultName(input.name)) throw apiError('SecurityGroupDefaultAlreadyExists');
  const project = String(input.project_id ?? '');
  await defaultGroup(ctx, draft, project);
  const id = draft.newId();
  const stateful = (input.stateful as boolean | undefined) ?? (await defaultStateful(ctx, project));
  draft.create(securityGroup, { ...newColumns(securityGroup, input), id, project_id: project, stateful, revision_number: 1 });
  await addStartingRules(ctx, draft, id, project, false);
  return { id };
}

async function isDefaultGroup(ctx: RequestContext, row: Row): Promise<boolean> {
  const found = await ctx.store.get('default_security_groups', { project_id: String(row.project_id) });
  return found?.security_group_id === row.id;
}

async function updateGroup(ctx: RequestContext, draft: Draft, row: Row, input: Attributes): Promise<void> {
  if (input.name !== undefined && input.name !== row.name) {
    if (await isDefaultGroup(ctx, row)) throw apiError('SecurityGroupCannotUpdateDefault');
    if (isDefaultName(input.name)) throw apiError('SecurityGroupDefaultAlreadyExists');
  }
  if (input.stateful !== undefined && input.stateful !== row.stateful) await refuseUsed(ctx, draft, row);
  const set = changedColumns(securityGroup, input);
  if (Object.keys(set).length > 0) draft.update(securityGroup, row, set);
}

async function refuseUsed(ctx: RequestContext, draft: Draft, row: Row): Promise<void> {
  const used: Predicate = { eq: ['security_group_id', String(row.id)] };
  if ((await ctx.store.count('port_security_groups', used)) > 0)
    throw apiError('SecurityGroupInUse', { id: String(row.id), reason: 'in use.' });
  draft.absent('port_security_groups', used);
}

async function removeGroup(ctx: RequestContext, draft: Draft, row: Row): Promise<void> {
  const id = String(row.id);
  const isDefault = await isDefaultGroup(ctx, row);
  if (isDefault && !ctx.isAdmin) throw apiError('SecurityGroupCannotRemoveDefault');
  await refuseUsed(ctx, draft, row);
  if (isDefault) draft.delete('default_security_groups', { eq: ['project_id', String(row.project_id)] });
  const where: Predicate = { or: [{ eq: ['security_group_id', id] }, { eq: ['remote_group_id', id] }] };
  const rules = await ctx.store.select({ table: 'security_group_rules', where });
  draft.absent('security_group_rules', { and: [where, { not: { in: ['id', rules.map(r => String(r.id))] } }] });
  for (const rule of rules) {
    draft.remove(securityGroupRule, rule, { security_group_id: rule.security_group_id });
    if (rule.security_group_id !== id) draft.touch(securityGroup, String(rule.security_group_id));
  }
  await removeTemplates(ctx, draft, id);
  await removeSharing(ctx, draft, id);
  await removeLogs(ctx, draft, 'resource_id', [String(row.id)]);
  draft.remove(securityGroup, row);
}

export const securityGroups: Commands = {
  resource: securityGroup,
  present: presentGroups,
  derived: [],
  filters: { shared: sharingFilter('access_as_shared') },
  create: createGroup,
  update: updateGroup,
  delete: removeGroup,
  beforeList: ensureOwnDefaultGroup,
};
